#include "harness/sampler/tables.h"

#include "harness/base/mem.h"
#include "harness/model/typename.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HELD 256 /* rows before the load begins: some seconds' worth */
#define LEAD 4   /* columns in front of the metrics */
#define OBJECTS_MAX 100000
#define PROCESS_COLUMNS 15
#define OWN_PROCESSES 16  /* told type by type in one census */
#define OWN_AT_ONCE 50000 /* of them: the sums need room as well */
#define OWN_ROWS 200000   /* of objects_own.csv */

struct object_row {
    struct proc_id of; /* pid 0: of all processes together */
    size_t owner;
    char *type;
    double count, bytes;
    bool tracked;
};

struct tables {
    struct rundir *rd;
    struct rundir_table *samples, *processes, *objects, *own_objects;
    size_t n;           /* metrics */
    const char **texts; /* LEAD + n: all NULL but the phase's */
    double *cells;
    struct sample_row held[HELD];
    double *held_values; /* HELD * n */
    size_t nheld;
    struct object_row *object;
    size_t nobjects, cap_objects;
    size_t own_processes;  /* in the census at hand ... */
    size_t own_now;        /* ... and their rows */
    size_t own_rows;       /* written */
    double next_objects_s; /* no census of a soak before that */
};

int tables_open(struct rundir *rd, const char *const *names, size_t n,
                struct tables **out, struct err *err)
{
    static const char *const process_columns[] = {
        "t_s",       "pid",           "start",      "command",
        "rss_bytes", "pss_bytes",     "uss_bytes",  "swap_bytes",
        "threads",   "fds",           "cpu_s",      "native_inuse_bytes",
        "py_blocks", "py_gc_objects", "py_gc_young"};
    struct tables *t = mem_zalloc(1, sizeof *t);
    const char **columns = mem_zalloc(LEAD + n, sizeof *columns);
    int rc = -1;

    t->rd = rd;
    t->n = n;
    t->texts = mem_zalloc(LEAD + n, sizeof *t->texts);
    t->cells = mem_zalloc(LEAD + n, sizeof *t->cells);
    t->held_values = mem_zalloc(HELD * n, sizeof *t->held_values);
    columns[0] = "t_s";
    columns[1] = "requests";
    columns[2] = "phase";
    columns[3] = "proc_starts";
    for (size_t i = 0; i < n; i++)
        columns[LEAD + i] = names[i];
    if (rundir_table(rd, "samples.csv", columns, LEAD + n, &t->samples, err) ==
            0 &&
        rundir_table(rd, "processes.csv", process_columns, PROCESS_COLUMNS,
                     &t->processes, err) == 0)
        rc = 0;
    free(columns);
    if (rc != 0)
        tables_free(t);
    else
        *out = t;
    return rc;
}

/* A failed write is remembered by the run directory, which the conductor
 * asks: see rundir_failed. */
static void write_sample(struct tables *t, const struct sample_row *row,
                         const double *values, int64_t origin_ns)
{
    t->cells[0] = (double)(row->at_ns - origin_ns) / 1e9;
    t->cells[1] = row->requests;
    t->texts[2] = phase_name(row->phase);
    t->cells[3] = row->proc_starts;
    for (size_t i = 0; i < t->n; i++)
        t->cells[LEAD + i] = values[i];
    rundir_cells(t->samples, t->texts, t->cells, LEAD + t->n);
}

void tables_flush(struct tables *t, int64_t now_ns)
{
    for (size_t i = 0; i < t->nheld; i++)
        write_sample(t, &t->held[i], t->held_values + i * t->n, now_ns);
    t->nheld = 0;
}

static void hold(struct tables *t, const struct sample_row *row,
                 const double *values)
{
    if (t->nheld == HELD) {
        t->nheld--;
        memmove(t->held, t->held + 1, t->nheld * sizeof *t->held);
        memmove(t->held_values, t->held_values + t->n,
                t->nheld * t->n * sizeof *values);
    }
    t->held[t->nheld] = *row;
    memcpy(t->held_values + t->nheld * t->n, values, t->n * sizeof *values);
    t->nheld++;
}

void tables_sample(struct tables *t, const struct sample_row *row,
                   const double *values, int64_t origin_ns)
{
    if (origin_ns == 0) {
        hold(t, row, values);
        return;
    }
    tables_flush(t, origin_ns);
    write_sample(t, row, values, origin_ns);
}

void tables_processes(struct tables *t, double t_s,
                      const struct member_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct member_row *r = &rows[i];
        const char *texts[PROCESS_COLUMNS] = {[3] = r->command};
        double cells[PROCESS_COLUMNS] = {t_s,
                                         (double)r->id.pid,
                                         (double)r->id.start,
                                         0,
                                         r->field[SOURCE_RSS],
                                         r->field[SOURCE_PSS],
                                         r->field[SOURCE_USS],
                                         r->field[SOURCE_SWAP],
                                         r->field[SOURCE_THREADS],
                                         r->field[SOURCE_FDS],
                                         r->field[SOURCE_CPU],
                                         r->field[SOURCE_NATIVE],
                                         r->field[SOURCE_BLOCKS],
                                         r->field[SOURCE_GC_OBJECTS],
                                         r->field[SOURCE_YOUNG]};

        rundir_cells(t->processes, texts, cells, PROCESS_COLUMNS);
    }
}

/* ---- objects ---- */

static struct object_row *object_row(struct tables *t, size_t owner,
                                     const char *type, double count)
{
    struct object_row *o;

    if (t->nobjects == OBJECTS_MAX)
        return NULL;
    t->object =
        mem_grow(t->object, t->nobjects, &t->cap_objects, sizeof *t->object);
    o = &t->object[t->nobjects++];
    *o = (struct object_row){
        .owner = owner, .type = mem_strdup(type), .count = count};
    return o;
}

void tables_object(struct tables *t, size_t owner, const char *type,
                   double count, double bytes, bool tracked)
{
    struct object_row *o = object_row(t, owner, type, count);

    if (o == NULL)
        return;
    o->bytes = bytes;
    o->tracked = tracked;
}

/* Of a process whose types do not all fit none is told: one that is missing
   would be one that it has none of. Nor is any that comes behind it. */
static void drop_last_own(struct tables *t, struct proc_id id)
{
    while (t->nobjects > 0 && t->object[t->nobjects - 1].of.pid == id.pid)
        free(t->object[--t->nobjects].type);
    t->own_processes = OWN_PROCESSES;
}

/* The rows of one process come one after the other. */
void tables_own_object(struct tables *t, size_t owner, struct proc_id id,
                       const char *type, double count)
{
    const struct object_row *last =
        t->nobjects > 0 ? &t->object[t->nobjects - 1] : NULL;
    bool next = last == NULL || last->of.pid != id.pid;
    struct object_row *o;

    if (typename_is_builtin(type) ||
        (next && t->own_processes == OWN_PROCESSES))
        return;
    o = t->own_now < OWN_AT_ONCE ? object_row(t, owner, type, count) : NULL;
    if (o == NULL) {
        drop_last_own(t, id);
        return;
    }
    o->of = id;
    t->own_processes += next;
    t->own_now++;
}

void tables_objects_forget(struct tables *t, size_t owner)
{
    while (t->nobjects > 0 && t->object[t->nobjects - 1].owner == owner)
        free(t->object[--t->nobjects].type);
    t->own_processes = t->own_now = 0;
}

void tables_objects_drop(struct tables *t)
{
    while (t->nobjects > 0)
        free(t->object[--t->nobjects].type);
    t->own_processes = t->own_now = 0;
}

/* Is there room in the file for all rows of the process that begin at `i`, or
   was there when they began? */
static bool own_fits(struct tables *t, size_t i)
{
    int64_t pid = t->object[i].of.pid;
    size_t end = i;

    if (i > 0 && t->object[i - 1].of.pid == pid)
        return t->own_rows < OWN_ROWS;
    while (end < t->nobjects && t->object[end].of.pid == pid)
        end++;
    if (end - i > OWN_ROWS - t->own_rows)
        t->own_rows = OWN_ROWS;
    return t->own_rows < OWN_ROWS;
}

static void write_own(struct tables *t, const struct object_row *o, double t_s,
                      int block)
{
    static const char *const columns[] = {"t_s",   "block", "pid",
                                          "start", "type",  "count"};
    const char *texts[6] = {[4] = o->type};
    double cells[6] = {t_s, block,   (double)o->of.pid, (double)o->of.start,
                       0,   o->count};

    if (t->own_objects == NULL &&
        rundir_table(t->rd, "objects_own.csv", columns, 6, &t->own_objects,
                     NULL) != 0)
        return;
    rundir_cells(t->own_objects, texts, cells, 6);
    t->own_rows++;
}

void tables_objects_end(struct tables *t, double t_s, int block,
                        double requests)
{
    static const char *const columns[] = {"t_s",   "block", "requests", "type",
                                          "count", "bytes", "tracked"};

    if (t->nobjects > 0 && t->objects == NULL &&
        rundir_table(t->rd, "objects.csv", columns, 7, &t->objects, NULL) != 0)
        t->objects = NULL;
    for (size_t i = 0; i < t->nobjects && t->objects != NULL; i++) {
        const struct object_row *o = &t->object[i];
        const char *texts[7] = {[3] = o->type};
        double cells[7] = {
            t_s,       block < 0 ? NAN : block, requests, 0, o->count, o->bytes,
            o->tracked};

        if (o->of.pid != 0) {
            if (own_fits(t, i))
                write_own(t, o, t_s, block);
            continue;
        }
        rundir_cells(t->objects, texts, cells, 7);
    }
    tables_objects_drop(t);
}

/* objects.csv must not grow with the time: censuses keep a distance of a
   hundredth of what has passed. */
void tables_objects_tick(struct tables *t, double t_s, double requests)
{
    if (t->nobjects == 0 || t_s < t->next_objects_s) {
        tables_objects_drop(t);
        return;
    }
    tables_objects_end(t, t_s, -1, requests);
    t->next_objects_s = 1.01 * t_s;
}

void tables_free(struct tables *t)
{
    if (t == NULL)
        return;
    tables_objects_drop(t);
    free(t->object);
    free(t->held_values);
    free(t->texts);
    free(t->cells);
    free(t);
}
