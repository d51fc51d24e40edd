#include "harness/sampler/inspect/census_impl.h"

#include "harness/base/mem.h"

#include <stdlib.h>
#include <string.h>

static bool is_task(const char *name)
{
    return strcmp(name, "_asyncio.Task") == 0 ||
           strcmp(name, "asyncio.tasks.Task") == 0;
}

static int by_name(const void *a, const void *b)
{
    const struct census_type *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int by_count(const void *a, const void *b)
{
    const struct census_type *x = a, *y = b;

    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* Sorts the table, makes one row of those of one name, counts the tasks. */
static void tidy(struct census *out)
{
    size_t rows = 0;

    if (out->ntypes == 0)
        return;
    out->n.tasks = 0;
    qsort(out->types, out->ntypes, sizeof *out->types, by_name);
    for (size_t i = 1; i < out->ntypes; i++) {
        struct census_type *a = &out->types[rows], *b = &out->types[i];

        if (strcmp(a->name, b->name) == 0) {
            a->count += b->count;
            a->bytes += b->bytes;
            a->tracked += b->tracked;
            free(b->name);
        } else {
            out->types[++rows] = *b;
        }
    }
    out->ntypes = rows + 1;
    qsort(out->types, out->ntypes, sizeof *out->types, by_count);
    for (size_t i = 0; i < out->ntypes; i++)
        if (is_task(out->types[i].name))
            out->n.tasks += (int64_t)out->types[i].count;
}

void census_collect_types(struct census_reader *r, struct census *out)
{
    size_t n = pytypes_count(r->types), cap = 0;

    for (size_t i = 0; i < n; i++) {
        const struct census_tally *t = &r->tally[i];

        if (t->count == 0)
            continue;
        out->types =
            mem_grow(out->types, out->ntypes, &cap, sizeof *out->types);
        out->types[out->ntypes++] = (struct census_type){
            mem_strdup(pytypes_name(r->types, (uint32_t)i)), t->count, t->bytes,
            t->tracked};
    }
    tidy(out);
}

/* A sum with an unknown part is unknown. */
static void add(int64_t *a, int64_t b)
{
    *a = *a < 0 || b < 0 ? -1 : *a + b;
}

/* A process without glibc adds nothing to the native heap: a kind of process,
 * not a failure, so that the sum is of the same processes each time. */
static void add_native(struct census_count *a, const struct census_count *b)
{
    if (b->native_hidden && a->processes > 0)
        return;
    if (a->processes == 0 || a->native_hidden) {
        a->native_hidden = b->native_hidden;
        a->native_inuse = b->native_inuse;
        a->native_free = b->native_free;
        a->native_largest_free = b->native_largest_free;
        return;
    }
    add(&a->native_inuse, b->native_inuse);
    add(&a->native_free, b->native_free);
    if (a->native_inuse < 0)
        a->native_largest_free = -1;
    else if (a->native_largest_free < b->native_largest_free)
        a->native_largest_free = b->native_largest_free;
}

static void add_count(struct census_count *a, const struct census_count *b)
{
    /* A process without Python has no Python objects: nothing is unknown. */
    if (!a->python && !b->python) {
        a->blocks = a->tracked = a->frozen = a->objects = -1;
        a->object_bytes = a->tasks = a->set_aside = -1;
        a->gc_collections = a->gc_uncollectable = a->young = -1;
        a->garbage = a->garbage_blocks = -1;
    } else if (b->python) {
        if (!a->python) {
            a->python = true;
            a->blocks = a->tracked = a->frozen = a->objects = 0;
            a->object_bytes = a->tasks = a->set_aside = 0;
            a->gc_collections = a->gc_uncollectable = a->young = 0;
            a->garbage = a->garbage_blocks = 0;
        }
        add(&a->blocks, b->blocks);
        add(&a->set_aside, b->set_aside);
        add(&a->tracked, b->tracked);
        add(&a->frozen, b->frozen);
        add(&a->objects, b->objects);
        add(&a->object_bytes, b->object_bytes);
        add(&a->tasks, b->tasks);
        add(&a->gc_collections, b->gc_collections);
        add(&a->young, b->young);
        add(&a->garbage, b->garbage);
        add(&a->garbage_blocks, b->garbage_blocks);
        add(&a->gc_uncollectable, b->gc_uncollectable);
    }
    a->python_hidden |= b->python_hidden;
    add(&a->threads, b->threads);
    add_native(a, b);
    a->processes += b->processes;
    a->cpu_ns += b->cpu_ns;
    a->wall_ns += b->wall_ns;
    if (a->pause_ns < b->pause_ns)
        a->pause_ns = b->pause_ns;
    a->bytes_copied += b->bytes_copied;
    a->swapped_pages += b->swapped_pages;
    a->partial |= b->partial;
}

void census_add(struct census *a, const struct census *b)
{
    size_t n = a->ntypes;

    add_count(&a->n, &b->n);
    if (a->version[0] == '\0')
        memcpy(a->version, b->version, sizeof a->version);
    if (b->ntypes == 0)
        return;
    a->types = mem_realloc(a->types, n + b->ntypes, sizeof *a->types);
    for (size_t i = 0; i < b->ntypes; i++) {
        a->types[n + i] = b->types[i];
        a->types[n + i].name = mem_strdup(b->types[i].name);
    }
    a->ntypes = n + b->ntypes;
    tidy(a);
}

void census_release(struct census *c)
{
    for (size_t i = 0; i < c->ntypes; i++)
        free(c->types[i].name);
    free(c->types);
    memset(c, 0, sizeof *c);
}

const struct census_type *census_find(const struct census *c, const char *name)
{
    for (size_t i = 0; i < c->ntypes; i++)
        if (strcmp(c->types[i].name, name) == 0)
            return &c->types[i];
    return NULL;
}
