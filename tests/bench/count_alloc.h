/* What count_alloc.so, preloaded, tells the program it counts in; found with
 * dlsym, since without the preload it is not there. */
#ifndef PLATEAU_TESTS_BENCH_COUNT_ALLOC_H
#define PLATEAU_TESTS_BENCH_COUNT_ALLOC_H

#include <stdio.h>

/* Heap allocations of the whole process so far. Any thread. */
unsigned long count_alloc_total(void);

/* Forgets who called so far; the total goes on. */
void count_alloc_forget(void);

/* Writes "allocated_by FILE NUMBER" for each program or library that called
 * malloc, calloc or realloc since the last count_alloc_forget. */
void count_alloc_callers(FILE *out);

#endif
