/* Whole files: read with a limit, written under a temporary name and renamed.
 * Not for append-only records (model/rundir.h) nor for /proc (procfs.h). */
#ifndef PLATEAU_BASE_FILE_H
#define PLATEAU_BASE_FILE_H

#include "harness/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Reads all of `path`, at most `max` bytes (more is an error). Gives the
 * bytes, NUL-terminated, in `*out` and their number in `*len`. */
int file_read(const char *path, size_t max, char **out, size_t *len,
              struct err *err);

/* Writes `len` bytes to `path`: temporary name in the same folder, fsync,
 * rename. On failure nothing is left behind. */
int file_write(const char *path, const void *bytes, size_t len,
               struct err *err);

/* Makes the folder and its missing parents, mode 0777 less the umask. */
int file_mkdirs(const char *path, struct err *err);

bool file_exists(const char *path);

/* Gives "dir/name". */
char *file_join(const char *dir, const char *name);

#endif
