/* A folder for one test: made, filled, removed. */
#ifndef PLATEAU_TESTS_TEMP_DIR_H
#define PLATEAU_TESTS_TEMP_DIR_H

#include "harness/base/file.h"
#include "harness/base/mem.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Gives the path of a new, empty folder. */
static inline char *temp_dir_new(void)
{
    const char *base = getenv("TMPDIR");
    char *path = mem_printf("%s/plateau-test-XXXXXX", base ? base : P_tmpdir);

    if (mkdtemp(path) == NULL)
        abort();
    return path;
}

static inline int temp_dir_drop(const char *path, const struct stat *st,
                                int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

/* Removes the folder and all in it, and frees `path`. */
static inline void temp_dir_free(char *path)
{
    nftw(path, temp_dir_drop, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
}

/* Writes `n` bytes into dir/name. */
static inline void temp_dir_put(const char *dir, const char *name,
                                const char *bytes, size_t n)
{
    char *path = file_join(dir, name);

    if (file_write(path, bytes, n, NULL) != 0)
        abort();
    free(path);
}

static inline void temp_dir_puts(const char *dir, const char *name,
                                 const char *text)
{
    temp_dir_put(dir, name, text, strlen(text));
}

/* Gives the content of dir/name, "" when it is missing. */
static inline char *temp_dir_get(const char *dir, const char *name)
{
    char *path = file_join(dir, name);
    char *text = NULL;
    size_t n;

    if (file_read(path, 64u << 20, &text, &n, NULL) != 0)
        text = mem_strdup("");
    free(path);
    return text;
}

#endif
