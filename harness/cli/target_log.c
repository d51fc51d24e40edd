#include "harness/cli/target_log.h"

#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/model/rundir.h"
#include "harness/model/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name[] = "target.log";

enum { CHUNK = 1 << 20 };

int target_log_open(struct rundir *rd, const struct scenario *sc,
                    struct err *err)
{
    int fd = rundir_open_log(rd, name, err);

    if (fd >= 0 && sc->nsecrets > 0 && fchmod(fd, 0600) != 0) {
        err_set(err, "%s: %s", name, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

/* `n` bytes, of which some may be NUL: masking works on texts. at[n] is the
 * caller's to change. */
static void write_masked(const struct scenario *sc, char *at, size_t n,
                         FILE *out)
{
    char behind = at[n];
    size_t i = 0;

    at[n] = '\0';
    while (i < n) {
        char *masked = scenario_mask(sc, at + i);

        fputs(masked, out);
        free(masked);
        i += strlen(at + i);
        if (i < n) {
            putc('\0', out);
            i++;
        }
    }
    at[n] = behind;
}

/* Whole lines, so that no secret is cut in two; one line that fills the chunk
 * is taken as it comes. */
static void copy_masked(const struct scenario *sc, FILE *in, FILE *out)
{
    char *chunk = mem_zalloc(CHUNK + 1, 1);
    size_t kept = 0, n;

    do {
        size_t have, whole;

        n = fread(chunk + kept, 1, CHUNK - kept, in);
        whole = have = kept + n;
        while (n > 0 && whole > 0 && chunk[whole - 1] != '\n')
            whole--;
        if (whole == 0 && have == CHUNK)
            whole = have;
        write_masked(sc, chunk, whole, out);
        kept = have - whole;
        memmove(chunk, chunk + whole, kept);
    } while (n > 0);
    free(chunk);
}

int target_log_mask(const struct rundir *rd, const struct scenario *sc,
                    struct err *err)
{
    char *path = file_join(rundir_path(rd), name);
    char *fresh = mem_printf("%s.tmp", path);
    FILE *in, *out = NULL;
    int rc = 0;

    if (sc->nsecrets == 0)
        goto out;
    in = fopen(path, "re");
    if (in != NULL) {
        out = fopen(fresh, "we");
        if (out != NULL)
            copy_masked(sc, in, out);
        rc = out == NULL || ferror(in) || ferror(out) ? -1 : 0;
        if (out != NULL && fclose(out) != 0)
            rc = -1;
        fclose(in);
        if (rc != 0 || rename(fresh, path) != 0) {
            rc = err_set(err, "%s is not kept: it could not be masked (%s)",
                         path, strerror(errno));
            unlink(fresh);
            unlink(path);
        }
    }
out:
    free(fresh);
    free(path);
    return rc;
}
