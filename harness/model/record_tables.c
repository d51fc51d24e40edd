#include "harness/model/record_impl.h"

#include "harness/base/mem.h"
#include "harness/model/csv.h"
#include "harness/model/nameset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- barriers.csv: what is counter and what is metric ---- */

static bool starts_with(const char *s, const char *head)
{
    return strncmp(s, head, strlen(head)) == 0;
}

static struct record_kind *find_kind(struct record *r, const char *name,
                                     bool flow)
{
    for (size_t i = 0; i < r->nkinds; i++)
        if (r->kinds[i].flow == flow && strcmp(r->kinds[i].name, name) == 0)
            return &r->kinds[i];
    return NULL;
}

/* A kind that run.json did not tell of (a killed run, a foreign file). */
static struct record_kind *add_kind(struct record *r, const char *name,
                                    bool flow)
{
    struct record_kind *k;

    r->kinds = mem_realloc(r->kinds, r->nkinds + 1, sizeof *r->kinds);
    k = &r->kinds[r->nkinds++];
    *k = (struct record_kind){
        .name = mem_strdup(name), .flow = flow, .weight = NAN};
    return k;
}

static void take_counts(struct record *r, const char *name, bool flow,
                        struct column *c)
{
    struct record_kind *k = find_kind(r, name, flow);

    if (k == NULL)
        k = add_kind(r, name, flow);
    if (k->completed != NULL) /* the column stands twice: the first counts */
        return;
    k->completed = c->v;
    c->v = NULL;
}

/* A driver's column; one that run.json does not tell of is left out: it is no
   metric. */
static void take_driver(struct record *r, struct column *c)
{
    for (size_t i = 0; i < r->ndrivers; i++)
        if (r->drivers[i].count == NULL &&
            strcmp(r->drivers[i].column, c->name) == 0) {
            r->drivers[i].count = c->v;
            c->v = NULL;
            return;
        }
}

static void take_blocks(struct record *r, const struct column *c)
{
    for (size_t i = 0; i < r->barriers.n; i++)
        if (c->v[i] >= 0 && c->v[i] < 1e9)
            r->barrier_block[i] = (int)c->v[i];
}

/* True when the column is no metric; its content has been taken then. */
static bool take_column(struct record *r, struct column *c)
{
    if (strcmp(c->name, "block") == 0)
        take_blocks(r, c);
    else if (starts_with(c->name, "requests:"))
        take_counts(r, c->name + strlen("requests:"), false, c);
    else if (starts_with(c->name, "flow:"))
        take_counts(r, c->name + strlen("flow:"), true, c);
    else if (starts_with(c->name, "distinct:") ||
             starts_with(c->name, "step:") || starts_with(c->name, "opened:"))
        take_driver(r, c);
    else
        return strcmp(c->name, "ok") == 0 || strcmp(c->name, "errors") == 0;
    return true;
}

void record_split_barriers(struct record *r)
{
    struct series *s = &r->barriers;
    size_t kept = 0;

    r->barrier_block = mem_zalloc(s->n, sizeof *r->barrier_block);
    for (size_t i = 0; i < s->n; i++)
        r->barrier_block[i] = (int)i;
    for (size_t i = 0; i < s->ncolumns; i++) {
        struct column *c = &s->columns[i];

        if (!take_column(r, c)) {
            s->columns[kept++] = *c;
            continue;
        }
        free(c->name);
        free(c->v);
    }
    s->ncolumns = kept;
    for (size_t i = 0; i < r->nkinds; i++) {
        if (r->kinds[i].completed != NULL)
            continue;
        r->kinds[i].completed = mem_zalloc(s->n, sizeof(double));
        for (size_t k = 0; k < s->n; k++)
            r->kinds[i].completed[k] = NAN;
    }
}

/* ---- requests.csv ---- */

/* Names of requests.csv: 0 .. nkinds - 1 are the mix's kinds, what follows
 * are steps. A flow is called flow:<name>. */
static size_t place_of(struct record *r, struct nameset *names, size_t *cap,
                       const char *name)
{
    size_t at = nameset_find(names, name);

    if (at != (size_t)-1)
        return at;
    r->steps = mem_grow(r->steps, r->nsteps, cap, sizeof(char *));
    r->steps[r->nsteps] = mem_strdup(name);
    at = r->nkinds + r->nsteps;
    nameset_add(names, r->steps[r->nsteps++], at);
    return at;
}

static char **add_kind_names(const struct record *r, struct nameset *names)
{
    char **texts = mem_zalloc(r->nkinds, sizeof *texts);

    for (size_t i = 0; i < r->nkinds; i++) {
        texts[i] = mem_printf("%s%s", r->kinds[i].flow ? "flow:" : "",
                              r->kinds[i].name);
        nameset_add(names, texts[i], i);
    }
    return texts;
}

void record_read_seconds(struct record *r)
{
    size_t len, cap = 0, steps_cap = 0;
    char *text = record_slurp(r, "requests.csv", &len), **texts;
    struct nameset names = {0};
    struct csv c;

    if (text == NULL)
        return;
    texts = add_kind_names(r, &names);
    csv_init(&c, text, len);
    int t = csv_column(&c, "t_s"), kind = csv_column(&c, "kind"),
        sent = csv_column(&c, "sent"), ok = csv_column(&c, "ok"),
        errors = csv_column(&c, "errors"), late = csv_column(&c, "late"),
        p50 = csv_column(&c, "p50_ms"), p99 = csv_column(&c, "p99_ms");
    while (csv_next(&c)) {
        struct record_second s = {
            .t_s = csv_number(&c, t),
            .sent = csv_number(&c, sent),
            .ok = csv_number(&c, ok),
            .errors = csv_number(&c, errors),
            .late = csv_number(&c, late),
            .p50_ms = csv_number(&c, p50),
            .p99_ms = csv_number(&c, p99),
        };
        size_t at;

        if (isnan(s.t_s))
            continue;
        at = place_of(r, &names, &steps_cap, csv_text(&c, kind));
        s.kind = at < r->nkinds ? (int)at : -1;
        s.step = at < r->nkinds ? -1 : (int)(at - r->nkinds);
        r->seconds = mem_grow(r->seconds, r->nseconds, &cap, sizeof s);
        r->seconds[r->nseconds++] = s;
    }
    csv_release(&c);
    nameset_release(&names);
    for (size_t i = 0; i < r->nkinds; i++)
        free(texts[i]);
    free(texts);
    free(text);
}

/* ---- objects.csv ---- */

void record_read_objects(struct record *r)
{
    size_t len, cap = 0;
    char *text = record_slurp(r, "objects.csv", &len);
    struct csv c;

    if (text == NULL)
        return;
    csv_init(&c, text, len);
    int t = csv_column(&c, "t_s"), block = csv_column(&c, "block"),
        requests = csv_column(&c, "requests"), type = csv_column(&c, "type"),
        count = csv_column(&c, "count"), bytes = csv_column(&c, "bytes"),
        tracked = csv_column(&c, "tracked");
    while (csv_next(&c)) {
        double b = csv_number(&c, block), mark = csv_number(&c, tracked);
        struct record_object o = {
            .t_s = csv_number(&c, t),
            .block = b >= 0 && b < 1e9 ? (int)b : -1,
            .requests = csv_number(&c, requests),
            .count = csv_number(&c, count),
            .bytes = csv_number(&c, bytes),
            .tracked = mark > 0,
        };

        if (csv_text(&c, type)[0] == '\0' || isnan(o.count))
            continue;
        o.type = mem_strdup(csv_text(&c, type));
        r->objects = mem_grow(r->objects, r->nobjects, &cap, sizeof o);
        r->objects[r->nobjects++] = o;
    }
    csv_release(&c);
    free(text);
}

/* ---- processes.csv: one row per sample and process, summed up here ---- */

struct sighting {
    int64_t pid, start;
    size_t row; /* keeps the file's order within a process */
    double pss;
    struct record_own own;
    const char *command; /* borrowed from the text */
};

const char *record_own_name(enum record_own_what w)
{
    static const char *const names[RECORD_OWN] = {
        "rss_bytes", "native_inuse_bytes", "py_blocks", "py_gc_objects",
        "py_gc_young"};

    return names[w];
}

static int by_process(const void *a, const void *b)
{
    const struct sighting *x = a, *y = b;

    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static int by_first(const void *a, const void *b)
{
    const struct record_process *x = a, *y = b;

    if (x->first_s != y->first_s)
        return x->first_s < y->first_s ? -1 : 1;
    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    return x->start < y->start ? -1 : x->start > y->start;
}

static int64_t whole(double v)
{
    return fabs(v) < 0x1p53 ? (int64_t)v : 0;
}

static struct sighting *read_sightings(struct csv *c, size_t *n)
{
    struct sighting *list = NULL;
    size_t cap = 0;
    int t = csv_column(c, "t_s"), pid = csv_column(c, "pid"),
        start = csv_column(c, "start"), command = csv_column(c, "command"),
        pss = csv_column(c, "pss_bytes"), cpu = csv_column(c, "cpu_s"),
        own[RECORD_OWN];

    for (int i = 0; i < RECORD_OWN; i++)
        own[i] = csv_column(c, record_own_name((enum record_own_what)i));
    *n = 0;
    while (csv_next(c)) {
        struct sighting s = {.pid = whole(csv_number(c, pid)),
                             .start = whole(csv_number(c, start)),
                             .row = *n,
                             .pss = csv_number(c, pss),
                             .command = csv_text(c, command)};

        s.own.t_s = csv_number(c, t);
        s.own.cpu_s = csv_number(c, cpu);
        if (isnan(s.own.t_s) || s.pid <= 0)
            continue;
        for (int i = 0; i < RECORD_OWN; i++)
            s.own.v[i] = csv_number(c, own[i]);
        list = mem_grow(list, *n, &cap, sizeof s);
        list[(*n)++] = s;
    }
    return list;
}

static void see(struct record_process *p, const struct sighting *s)
{
    double rss = s->own.v[RECORD_OWN_RSS], cpu = s->own.cpu_s;

    p->first_s = fmin(p->first_s, s->own.t_s);
    p->last_s = fmax(p->last_s, s->own.t_s);
    p->own[p->nown++] = s->own;
    if (!isnan(rss)) {
        if (isnan(p->rss_first))
            p->rss_first = rss;
        p->rss_last = rss;
        p->rss_max = fmax(p->rss_max, rss); /* fmax ignores the NaN */
    }
    if (!isnan(s->pss))
        p->pss_last = s->pss;
    if (!isnan(cpu)) {
        if (isnan(p->cpu_first))
            p->cpu_first = cpu;
        p->cpu_last = cpu;
    }
    if (*s->command != '\0' && strcmp(p->command, s->command) != 0) {
        free(p->command); /* the last one: an exec changes it once */
        p->command = mem_strdup(s->command);
    }
}

static bool same_process(const struct sighting *a, const struct sighting *b)
{
    return a->pid == b->pid && a->start == b->start;
}

/* The process of sighting `s`, with room for `n` of them. */
static struct record_process process_of(const struct sighting *s, size_t n)
{
    return (struct record_process){.pid = s->pid,
                                   .start = s->start,
                                   .command = mem_strdup(""),
                                   .own =
                                       mem_zalloc(n, sizeof(struct record_own)),
                                   .first_s = s->own.t_s,
                                   .last_s = s->own.t_s,
                                   .rss_first = NAN,
                                   .rss_last = NAN,
                                   .rss_max = NAN,
                                   .pss_last = NAN,
                                   .cpu_first = NAN,
                                   .cpu_last = NAN};
}

void record_read_processes(struct record *r)
{
    size_t len, n, cap = 0;
    char *text = record_slurp(r, "processes.csv", &len);
    struct sighting *list;
    struct csv c;

    if (text == NULL)
        return;
    csv_init(&c, text, len);
    list = read_sightings(&c, &n);
    if (n > 0)
        qsort(list, n, sizeof *list, by_process);
    for (size_t i = 0; i < n; i++) {
        const struct sighting *s = &list[i];

        if (i == 0 || !same_process(s, s - 1)) {
            size_t to = i + 1;

            while (to < n && same_process(s, &list[to]))
                to++;
            r->processes = mem_grow(r->processes, r->nprocesses, &cap,
                                    sizeof *r->processes);
            r->processes[r->nprocesses++] = process_of(s, to - i);
        }
        see(&r->processes[r->nprocesses - 1], s);
    }
    if (r->nprocesses > 0)
        qsort(r->processes, r->nprocesses, sizeof *r->processes, by_first);
    free(list);
    csv_release(&c);
    free(text);
}

/* ---- objects_own.csv ---- */

/* The place of a process in the record; r->nprocesses: not there. */
static size_t process_index(const struct record *r, int64_t pid, int64_t start)
{
    size_t i = 0;

    while (i < r->nprocesses &&
           (r->processes[i].pid != pid || r->processes[i].start != start))
        i++;
    return i;
}

void record_read_own_objects(struct record *r)
{
    size_t len, cap = 0, at = 0;
    char *text = record_slurp(r, "objects_own.csv", &len);
    struct csv c;

    if (text == NULL)
        return;
    csv_init(&c, text, len);
    int t = csv_column(&c, "t_s"), block = csv_column(&c, "block"),
        pid = csv_column(&c, "pid"), start = csv_column(&c, "start"),
        type = csv_column(&c, "type"), count = csv_column(&c, "count");
    while (csv_next(&c)) {
        int64_t id = whole(csv_number(&c, pid)),
                born = whole(csv_number(&c, start));
        double b = csv_number(&c, block);
        struct record_own_object o = {
            .t_s = csv_number(&c, t),
            .block = b >= 0 && b < 1e9 ? (int)b : -1,
            .count = csv_number(&c, count),
        };

        if (at >= r->nprocesses || r->processes[at].pid != id ||
            r->processes[at].start != born)
            at = process_index(r, id, born);
        if (at == r->nprocesses || csv_text(&c, type)[0] == '\0' ||
            !isfinite(o.count) || !isfinite(o.t_s) || o.block < 0)
            continue;
        o.process = at;
        o.type = mem_strdup(csv_text(&c, type));
        r->own_objects =
            mem_grow(r->own_objects, r->nown_objects, &cap, sizeof o);
        r->own_objects[r->nown_objects++] = o;
    }
    csv_release(&c);
    free(text);
}
