#include "harness/target/output.h"

#include "harness/base/mem.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 8192

char *output_tail(int log_fd, int lines)
{
    char path[64], *text = mem_zalloc(MOST + 1, 1), *tail;
    ssize_t n = 0;
    size_t at;
    off_t end;
    int fd;

    /* Opened anew: the descriptor we have cannot be read. */
    snprintf(path, sizeof path, "/proc/self/fd/%d", log_fd);
    fd = log_fd < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) {
        end = lseek(fd, 0, SEEK_END);
        if (end >= 0)
            n = pread(fd, text, MOST, end > MOST ? end - MOST : 0);
        close(fd);
    }
    at = n > 0 ? (size_t)n : 0;
    while (at > 0 && isspace((unsigned char)text[at - 1]))
        at--;
    text[at] = '\0';
    while (at > 0 && (text[at - 1] != '\n' || --lines > 0))
        at--;
    tail = mem_strdup(text + at);
    free(text);
    return tail;
}
