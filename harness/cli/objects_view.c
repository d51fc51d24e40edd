#include "harness/cli/objects_view.h"

#include "harness/base/escape.h"
#include "harness/base/jsonw.h"
#include "harness/base/mem.h"
#include "harness/model/typename.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row with its growth. */
struct row {
    const struct census_type *t;
    int64_t last, all; /* growth since the last census, since the first */
};

/* "1,234,567" or "unknown" for -1. */
static const char *number(int64_t n, char out[32])
{
    char digits[24];
    size_t len, o = 0;

    if (n < 0)
        return "unknown";
    snprintf(digits, sizeof digits, "%" PRId64, n);
    len = strlen(digits);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[o++] = ',';
        out[o++] = digits[i];
    }
    out[o] = '\0';
    return out;
}

static const char *bytes_text(int64_t n, char out[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double v = (double)n;
    int u = 0;

    if (n < 0)
        return "unknown";
    for (; v >= 1024 && u < 4; u++)
        v /= 1024;
    snprintf(out, 32, u ? "%.1f %s" : "%.0f %s", v, units[u]);
    return out;
}

/* "+12", "-3", "" for no growth. */
static const char *growth(int64_t n, char out[32])
{
    char plain[32];

    if (n == 0)
        return "";
    snprintf(out, 32, "%c%.30s", n > 0 ? '+' : '-',
             number(n > 0 ? n : -n, plain));
    return out;
}

static int64_t count_in(const struct census *c, const char *name)
{
    const struct census_type *t = c ? census_find(c, name) : NULL;

    return t ? (int64_t)t->count : 0;
}

/* What grew most comes first; without a comparison, what there is most of. */
static int by_growth(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->all != y->all)
        return x->all < y->all ? 1 : -1;
    if (x->t->count != y->t->count)
        return x->t->count < y->t->count ? 1 : -1;
    return strcmp(x->t->name, y->t->name);
}

/* The rows in the order shown. Gives an array of sum->ntypes. */
static struct row *rows_of(const struct objects_view *v)
{
    struct row *rows = mem_zalloc(v->sum->ntypes + 1, sizeof *rows);

    for (size_t i = 0; i < v->sum->ntypes; i++) {
        const struct census_type *t = &v->sum->types[i];

        rows[i].t = t;
        if (v->first) {
            rows[i].last = (int64_t)t->count - count_in(v->before, t->name);
            rows[i].all = (int64_t)t->count - count_in(v->first, t->name);
        }
    }
    qsort(rows, v->sum->ntypes, sizeof *rows, by_growth);
    return rows;
}

static size_t shown(const struct objects_view *v)
{
    return v->top && v->top < v->sum->ntypes ? v->top : v->sum->ntypes;
}

static void text_head(const struct objects_view *v, struct buf *out)
{
    const struct census *s = v->sum;
    char a[32], b[32];

    if (v->nprocesses == 1)
        buf_addf(out, "process %" PRId64, v->processes[0].pid);
    else
        buf_addf(out, "%zu processes", v->nprocesses);
    if (s->version[0]) {
        buf_adds(out, "  CPython ");
        escape_text(out, s->version, strlen(s->version));
    }
    buf_addf(out, "  %s thread%s", number(s->n.threads, a),
             s->n.threads == 1 ? "" : "s");
    if (s->n.tasks > 0)
        buf_addf(out, ", %s asyncio task%s", number(s->n.tasks, a),
                 s->n.tasks == 1 ? "" : "s");
    if (v->watch)
        buf_addf(out, "  after %.1f s", v->t_s);
    buf_addc(out, '\n');
    if (s->n.python) {
        buf_addf(out, "  objects       %s tracked", number(s->n.tracked, a));
        if (v->freeze)
            buf_adds(out, " (--freeze sees no others)\n");
        else
            buf_addf(out, ", %s in all (%s)\n", number(s->n.objects, a),
                     bytes_text(s->n.object_bytes, b));
        buf_addf(out, "  blocks        %s in use\n", number(s->n.blocks, a));
        buf_addf(out, "  collections   %s, uncollectable %s\n",
                 number(s->n.gc_collections, a),
                 number(s->n.gc_uncollectable, b));
    }
    buf_addf(out, "  native heap   %s in use, ",
             bytes_text(s->n.native_inuse, a));
    buf_addf(out, "%s free, ", bytes_text(s->n.native_free, a));
    buf_addf(out, "largest free piece %s\n",
             bytes_text(s->n.native_largest_free, a));
}

static void text_cost(const struct objects_view *v, struct buf *out)
{
    const struct census_count *n = &v->sum->n;
    char a[32];

    buf_addf(out, "  read          %s in %.1f ms of CPU, ",
             bytes_text((int64_t)n->bytes_copied, a), (double)n->cpu_ns / 1e6);
    if (v->freeze)
        buf_addf(out, "stopped for %.1f ms\n", (double)n->pause_ns / 1e6);
    else
        buf_adds(out, "never stopped\n");
    if (n->partial)
        buf_adds(out, "  the time limit came first: these are parts\n");
    if (n->swapped_pages)
        buf_addf(out, "  %" PRIu64 " pages are swapped out and were not read\n",
                 n->swapped_pages);
}

static void text_rows(const struct objects_view *v, struct buf *out)
{
    struct row *rows = rows_of(v);
    size_t n = shown(v);
    char a[32], b[32], c[32];

    buf_addf(out, "\n  %12s %12s %12s", "count", "bytes", "tracked");
    if (v->first)
        buf_addf(out, " %12s %12s", "since last", "since first");
    buf_adds(out, "  type\n");
    for (size_t i = 0; i < n; i++) {
        const struct census_type *t = rows[i].t;
        const char *name = typename_short(t->name);

        buf_addf(out, "  %12s %12s %12s", number((int64_t)t->count, a),
                 bytes_text((int64_t)t->bytes, b),
                 number((int64_t)t->tracked, c));
        if (v->first) {
            buf_addf(out, " %12s", growth(rows[i].last, a));
            buf_addf(out, " %12s", growth(rows[i].all, a));
        }
        buf_adds(out, "  ");
        escape_text(out, name, strlen(name));
        buf_addc(out, '\n');
    }
    if (n < v->sum->ntypes)
        buf_addf(out, "  and %zu more types (--top %zu shows them)\n",
                 v->sum->ntypes - n, v->sum->ntypes);
    free(rows);
}

/* One line per process. */
static void text_processes(const struct objects_view *v, struct buf *out)
{
    for (size_t i = 0; i < v->nprocesses; i++) {
        const struct objects_process *p = &v->processes[i];
        char a[32], b[32];

        buf_addf(out, "  process %-8" PRId64, p->pid);
        if (p->census.n.python)
            buf_addf(out, " %s tracked, %s blocks\n",
                     number(p->census.n.tracked, a),
                     number(p->census.n.blocks, b));
        else
            buf_adds(out, " no CPython\n");
    }
}

void objects_text(const struct objects_view *v, struct buf *out)
{
    text_head(v, out);
    text_cost(v, out);
    if (v->nprocesses > 1)
        text_processes(v, out);
    for (size_t i = 0; i < v->nnotes; i++) {
        buf_adds(out, "  note: ");
        escape_text(out, v->notes[i], strlen(v->notes[i]));
        buf_addc(out, '\n');
    }
    if (v->sum->n.python)
        text_rows(v, out);
}

/* A count; null when it is unknown. */
static void json_count(struct jsonw *w, const char *key, int64_t n)
{
    if (n < 0)
        jsonw_null(w, key);
    else
        jsonw_int(w, key, n);
}

static void json_counts(struct jsonw *w, const struct census *c)
{
    const struct census_count *n = &c->n;

    if (c->version[0])
        jsonw_string(w, "python_version", c->version);
    else
        jsonw_null(w, "python_version");
    json_count(w, "objects_total", n->objects);
    json_count(w, "objects_tracked", n->tracked);
    json_count(w, "objects_frozen", n->frozen);
    json_count(w, "object_bytes", n->object_bytes);
    json_count(w, "blocks", n->blocks);
    json_count(w, "blocks_set_aside", n->set_aside);
    json_count(w, "objects_unreached", n->garbage);
    json_count(w, "blocks_unreached", n->garbage_blocks);
    json_count(w, "asyncio_tasks", n->tasks);
    json_count(w, "threads", n->threads);
    json_count(w, "gc_collections", n->gc_collections);
    json_count(w, "gc_uncollectable", n->gc_uncollectable);
    json_count(w, "native_inuse_bytes", n->native_inuse);
    json_count(w, "native_free_bytes", n->native_free);
    json_count(w, "native_largest_free_bytes", n->native_largest_free);
}

static void json_cost(struct jsonw *w, const struct census_count *n)
{
    jsonw_object(w, "cost");
    jsonw_double(w, "cpu_ms", (double)n->cpu_ns / 1e6);
    jsonw_double(w, "wall_ms", (double)n->wall_ns / 1e6);
    jsonw_double(w, "pause_ms", (double)n->pause_ns / 1e6);
    jsonw_int(w, "bytes_copied", (int64_t)n->bytes_copied);
    jsonw_int(w, "swapped_pages", (int64_t)n->swapped_pages);
    jsonw_bool(w, "partial", n->partial);
    jsonw_object_end(w);
}

static void json_types(const struct objects_view *v, struct jsonw *w)
{
    struct row *rows = rows_of(v);
    size_t n = shown(v);

    jsonw_array(w, "types");
    for (size_t i = 0; i < n; i++) {
        const struct census_type *t = rows[i].t;

        jsonw_object(w, NULL);
        jsonw_string(w, "type", t->name);
        jsonw_int(w, "count", (int64_t)t->count);
        jsonw_int(w, "bytes", (int64_t)t->bytes);
        jsonw_int(w, "tracked", (int64_t)t->tracked);
        if (v->first) {
            jsonw_int(w, "since_last", rows[i].last);
            jsonw_int(w, "since_first", rows[i].all);
        }
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    free(rows);
}

void objects_json(const struct objects_view *v, struct buf *out)
{
    struct jsonw w;

    jsonw_init(&w, out, v->watch);
    jsonw_object(&w, NULL);
    if (v->watch)
        jsonw_double(&w, "t_s", v->t_s);
    jsonw_int(&w, "pid", v->processes[0].pid);
    json_counts(&w, v->sum);
    json_cost(&w, &v->sum->n);
    jsonw_array(&w, "processes");
    for (size_t i = 0; i < v->nprocesses; i++) {
        jsonw_object(&w, NULL);
        jsonw_int(&w, "pid", v->processes[i].pid);
        json_counts(&w, &v->processes[i].census);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_array(&w, "notes");
    for (size_t i = 0; i < v->nnotes; i++)
        jsonw_string(&w, NULL, v->notes[i]);
    jsonw_array_end(&w);
    json_types(v, &w);
    jsonw_object_end(&w);
}
