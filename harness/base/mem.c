#include "harness/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p)
{
    if (p == NULL) {
        fputs("plateau: out of memory\n", stderr);
        exit(5);
    }
    return p;
}

void *mem_zalloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *mem_realloc(void *p, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return checked(NULL);
    size_t bytes = count * size;

    return checked(realloc(p, bytes > 0 ? bytes : 1));
}

void *mem_grow(void *p, size_t len, size_t *cap, size_t size)
{
    if (len < *cap)
        return p;
    *cap = *cap ? *cap * 2 : 8;
    return mem_realloc(p, *cap, size);
}

char *mem_strndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *d = mem_zalloc(len + 1, 1);

    memcpy(d, s, len);
    return d;
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_printf(const char *fmt, ...)
{
    va_list ap;
    char *s = NULL;

    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0)
        s = NULL;
    va_end(ap);
    return checked(s);
}
