/* [replay]: a recording's requests with their timing, as entries of the
 * scenario. */
#include "harness/import/import.h"

#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/import/kinds.h"
#include "harness/import/recorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry while its kind is still a place in `kinds`. */
struct raw {
    int64_t at_us;
    size_t order; /* in the recording: sorting must not shuffle a second */
    size_t kind;
    char *path;
};

struct replaying {
    struct kinds kinds;
    struct raw *at;
    size_t n, cap;
    bool whole_seconds, untimed, full;
};

static int take(void *user, const struct recorded *r)
{
    struct replaying *x = user;
    char path[RECORDED_PATH_MAX];
    size_t kind;

    if (x->n >= IMPORT_ENTRIES_MAX) {
        x->full = true;
        return -1;
    }
    if (r->at_us == INT64_MIN) {
        x->untimed = true;
        return 0;
    }
    kind = kinds_count(&x->kinds, r, path);
    x->whole_seconds = x->whole_seconds || r->whole_seconds;
    x->at = mem_grow(x->at, x->n, &x->cap, sizeof *x->at);
    x->at[x->n] = (struct raw){.at_us = r->at_us,
                               .order = x->n,
                               .kind = kind,
                               .path = mem_strdup(path)};
    if (kind == (size_t)-1 && strcmp(r->method, "GET") != 0)
        free(x->at[x->n].path); /* only GETs share a kind of the rest */
    else
        x->n++;
    return 0;
}

static int by_time(const void *va, const void *vb)
{
    const struct raw *a = va, *b = vb;

    if (a->at_us != b->at_us)
        return a->at_us < b->at_us ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

/* A log that knows whole seconds only holds each second's requests at its
 * start: they are spread evenly over it, or they would come in bursts that
 * were never there. */
static void spread_seconds(struct replaying *x)
{
    for (size_t i = 0; i < x->n;) {
        size_t end = i;
        int64_t second = x->at[i].at_us;

        while (end < x->n && x->at[end].at_us == second)
            end++;
        for (size_t k = i; k < end; k++)
            x->at[k].at_us = second + (int64_t)((k - i) * 1000000 / (end - i));
        i = end;
    }
}

/* True when a recorded path can come from the request's own: text as it is,
 * anything but a separator for each function. */
static bool path_matches(const struct template *t, const char *path)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct piece *p = &t->pieces[i];

        if (p->what == PIECE_TEXT) {
            if (strncmp(path, p->text, p->len) != 0)
                return false;
            path += p->len;
        } else {
            size_t n = strcspn(path, "/?&");

            if (n == 0)
                return false;
            path += n;
        }
    }
    return *path == '\0';
}

/* The scenario's own request that the recorded one is, or -1. It brings
 * headers, a body and what to expect. */
static int own_request(const struct scenario *sc, size_t nown,
                       const char *method, const char *path)
{
    for (size_t i = 0; i < nown; i++)
        if (strcmp(sc->requests[i].method, method) == 0 &&
            path_matches(&sc->requests[i].path, path))
            return (int)i;
    return -1;
}

static bool name_taken(const struct scenario *sc, const char *name)
{
    for (size_t i = 0; i < sc->nrequests; i++)
        if (strcmp(sc->requests[i].name, name) == 0)
            return true;
    return false;
}

static void add_expect(struct request *q, const struct kind *k)
{
    q->expect.status = mem_zalloc(STATUSES_MAX + 1, sizeof *q->expect.status);
    q->expect.status[q->expect.nstatus++] = (struct status_range){200, 399};
    for (size_t i = 0; i < k->nstatuses; i++)
        if (k->statuses[i] < 200 || k->statuses[i] > 399)
            q->expect.status[q->expect.nstatus++] =
                (struct status_range){k->statuses[i], k->statuses[i]};
}

/* The request that stands for a kind; made when the scenario has none. */
static int request_of_kind(struct scenario *sc, const struct kind *k,
                           struct mistakes *m)
{
    struct buf path;
    char *name = mem_strdup(k->name);
    size_t i;

    buf_init(&path, 1 << 20);
    kind_template(k, &path);
    for (int n = 2; name_taken(sc, name); n++) {
        free(name);
        name = mem_printf("%s-%d", k->name, n);
    }
    i = scenario_add_request(sc, name, k->method, buf_str(&path), m);
    add_expect(&sc->requests[i], k);
    buf_release(&path);
    free(name);
    return (int)i;
}

static void make_entries(struct replaying *x, struct scenario *sc,
                         struct mistakes *m)
{
    size_t nown = sc->nrequests;
    int *of_kind = mem_zalloc(x->kinds.n + 1, sizeof *of_kind);
    int64_t first = x->n > 0 ? x->at[0].at_us : 0;

    for (size_t i = 0; i < nown; i++)
        sc->requests[i].weight = 0;
    for (size_t i = 0; i <= x->kinds.n; i++)
        of_kind[i] = -1;
    sc->replay.entries = mem_zalloc(x->n, sizeof *sc->replay.entries);
    for (size_t i = 0; i < x->n; i++) {
        struct raw *raw = &x->at[i];
        size_t kind = raw->kind != (size_t)-1 ? raw->kind : x->kinds.n;
        struct replay_entry *e = &sc->replay.entries[sc->replay.nentries++];
        int *request = &of_kind[kind];

        if (*request < 0 && kind < x->kinds.n)
            *request =
                own_request(sc, nown, x->kinds.at[kind].method, raw->path);
        if (*request < 0 && kind < x->kinds.n)
            *request = request_of_kind(sc, &x->kinds.at[kind], m);
        if (*request < 0)
            *request =
                (int)scenario_add_request(sc, "rest-of-replay", "GET", "/", m);
        e->at_ns =
            (int64_t)((double)(raw->at_us - first) * 1000 / sc->replay.speed);
        e->request = *request;
        e->path = raw->path;
        raw->path = NULL;
        sc->requests[*request].replayed = true;
        sc->requests[*request].weight++;
    }
    free(of_kind);
}

static void add_mistake(const struct scenario *sc, struct mistakes *m,
                        const char *hint, const char *text)
{
    mistakes_add(m, sc->file, sc->replay.line, hint, "[replay] %s: %s",
                 sc->replay.file, text);
}

static void check(const struct scenario *sc, const struct replaying *x,
                  const struct import_summary *sum, struct mistakes *m)
{
    char hint[128];
    int n;

    if (x->full)
        add_mistake(sc, m, "cut the recording into pieces",
                    "more than 20,000,000 requests");
    if (x->n > 0)
        return;
    n = snprintf(hint, sizeof hint, "read as %s: %zu lines", sc->replay.format,
                 sum->lines);
    if (sum->unread > 0)
        snprintf(hint + n, sizeof hint - (size_t)n,
                 ", %zu not understood, the first is line %d", sum->unread,
                 sum->first_unread);
    add_mistake(sc, m, hint,
                x->untimed ? "its requests have no times"
                           : "no request found in it");
}

int import_replay(struct scenario *sc, struct mistakes *m)
{
    struct replaying x = {.kinds.most = IMPORT_KINDS_MAX};
    struct import_summary sum = {0};
    const struct recorded_sink sink = {take, &x, &sum};
    size_t before = m->n + m->more, len;
    enum import_format format;
    char *text = NULL;
    struct err err;

    if (sc->replay.file == NULL || sc->replay.nentries > 0)
        return 0;
    format = import_format_find(sc->replay.format);
    if (file_read(sc->replay.file, IMPORT_FILE_MAX, &text, &len, &err) != 0 ||
        recorded_read(format, text, len, &sink, &err) != 0) {
        add_mistake(sc, m, NULL, err.msg);
        goto out;
    }
    if (x.n > 1)
        qsort(x.at, x.n, sizeof *x.at, by_time);
    if (x.whole_seconds)
        spread_seconds(&x);
    check(sc, &x, &sum, m);
    if (m->n + m->more == before) {
        make_entries(&x, sc, m);
        sc->load.model = LOAD_OPEN; /* each request has its due time */
    }
    scenario_index_kinds(sc);
out:
    for (size_t i = 0; i < x.n; i++)
        free(x.at[i].path);
    free(x.at);
    kinds_release(&x.kinds);
    free(text);
    return m->n + m->more == before ? 0 : -1;
}
