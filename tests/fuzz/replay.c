/* Plain main for a fuzz target: runs it on each file of the folders named,
 * every input at the end of a page that is followed by an unmapped one, so
 * that a read past the end faults. Speaks TAP. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int number;

static int replay_at_edge(int fd, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t body = (size + page - 1) / page * page;
    uint8_t *map = mmap(NULL, body + page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *at = map + body - size;

    if (map == MAP_FAILED || mprotect(map + body, page, PROT_NONE) != 0)
        return -1;
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, at + done, size - done);

        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    LLVMFuzzerTestOneInput(at, size);
    return munmap(map, body + page);
}

static int replay_file(const char *folder, const char *name)
{
    char path[4096];
    struct stat st;
    int fd, bad;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return fd < 0;
    }
    bad = replay_at_edge(fd, (size_t)st.st_size) != 0;
    close(fd);
    printf("%sok %d - %s\n", bad ? "not " : "", ++number, name);
    fflush(stdout);
    return bad;
}

int main(int argc, char **argv)
{
    int bad = 0;

    for (int i = 1; i < argc; i++) {
        struct dirent **names;
        int n = scandir(argv[i], &names, NULL, alphasort);

        if (n < 0) {
            fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
            return 1;
        }
        for (int k = 0; k < n; k++) {
            bad |= replay_file(argv[i], names[k]->d_name);
            free(names[k]);
        }
        free(names);
    }
    return bad;
}
