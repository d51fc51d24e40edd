/* Preloaded into a generator: counts its heap allocations and who made them,
 * and prints the number on standard error at the end. */
#include "tests/bench/count_alloc.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CALLERS 4096u /* places that call; a power of two */
#define FILES 32

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t n);

static _Atomic unsigned long calls;

/* By return address, open addressing; a full table loses callers, not calls.
 * No lock: a place is claimed once and never given up. */
static struct {
    _Atomic uintptr_t from;
    _Atomic unsigned long calls;
} callers[CALLERS];

static void count(const void *from)
{
    uintptr_t at = (uintptr_t)from;

    atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    for (unsigned i = 0; i < CALLERS; i++) {
        unsigned place = (unsigned)(at * 0x9e3779b97f4a7c15u >> 40) + i;
        uintptr_t none = 0;
        _Atomic uintptr_t *key = &callers[place % CALLERS].from;

        if (atomic_load(key) == at ||
            atomic_compare_exchange_strong(key, &none, at) || none == at) {
            atomic_fetch_add_explicit(&callers[place % CALLERS].calls, 1,
                                      memory_order_relaxed);
            return;
        }
    }
}

void *malloc(size_t n)
{
    count(__builtin_return_address(0));
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    count(__builtin_return_address(0));
    return __libc_realloc(p, n);
}

unsigned long count_alloc_total(void)
{
    return calls;
}

void count_alloc_forget(void)
{
    for (unsigned i = 0; i < CALLERS; i++)
        atomic_store(&callers[i].calls, 0);
}

void count_alloc_callers(FILE *out)
{
    static struct {
        const char *file;
        unsigned long calls;
    } files[FILES];
    unsigned n = 0;

    memset(files, 0, sizeof files);
    for (unsigned i = 0; i < CALLERS; i++) {
        unsigned long k = atomic_load(&callers[i].calls);
        Dl_info info;
        const char *file = "unknown", *slash;
        unsigned f = 0;

        if (k == 0)
            continue;
        if (dladdr((void *)callers[i].from, &info) != 0)
            file = info.dli_fname;
        slash = strrchr(file, '/');
        if (slash != NULL)
            file = slash + 1;
        while (f < n && strcmp(files[f].file, file) != 0)
            f++;
        if (f == n && n < FILES)
            files[n++].file = file;
        if (f < n)
            files[f].calls += k;
    }
    for (unsigned f = 0; f < n; f++)
        fprintf(out, "allocated_by %s %lu\n", files[f].file, files[f].calls);
}

__attribute__((destructor)) static void report(void)
{
    fprintf(stderr, "allocations %lu\n", calls);
}
