#include "harness/model/sites.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 64, RAND_FRESH = 8 /* letters that never repeat */ };

/* The name of a varied piece, within the text that stands before it. */
struct name {
    const char *s;
    size_t n;
};

static bool varies(const struct piece *p)
{
    return p->what != PIECE_TEXT;
}

static struct name named(const char *s)
{
    return (struct name){s, strlen(s)};
}

/* "key=" at the end of text[0..n), behind one of `stops` or the beginning. */
static struct name form_key(const char *text, size_t n, const char *stops)
{
    size_t end, at;

    if (n == 0 || text[n - 1] != '=')
        return (struct name){NULL, 0};
    end = at = n - 1;
    while (at > 0 && strchr(stops, text[at - 1]) == NULL)
        at--;
    return (struct name){text + at, end - at};
}

static size_t back_over(const char *text, size_t n, const char *set)
{
    while (n > 0 && text[n - 1] != '\0' && strchr(set, text[n - 1]) != NULL)
        n--;
    return n;
}

/* `"key": "` or `"key": [` at the end of text[0..n). */
static struct name json_key(const char *text, size_t n)
{
    size_t at = back_over(text, n, " \t\r\n\"["), end;

    if (at == 0 || text[at - 1] != ':')
        return (struct name){NULL, 0};
    at = back_over(text, at - 1, " \t\r\n");
    if (at == 0 || text[at - 1] != '"')
        return (struct name){NULL, 0};
    end = --at;
    while (at > 0 && text[at - 1] != '"')
        at--;
    return at > 0 ? (struct name){text + at, end - at} : (struct name){NULL, 0};
}

/* "<key>" at the end of text[0..n). */
static struct name xml_key(const char *text, size_t n)
{
    size_t at = n;

    if (n == 0 || text[n - 1] != '>')
        return (struct name){NULL, 0};
    while (at > 0 && text[at - 1] != '<')
        at--;
    return (struct name){text + at, at > 0 ? n - 1 - at : 0};
}

/* What varied piece `i` of a body is called. Behind another value without a
   name between them, it is a part of that one. */
static struct name body_name(const struct template *t, size_t i,
                             struct name before)
{
    const struct piece *p = i > 0 ? &t->pieces[i - 1] : NULL;
    struct name k = {NULL, 0};

    if (p != NULL && !varies(p)) {
        k = json_key(p->text, p->len);
        if (k.n == 0)
            k = form_key(p->text, p->len, "&\n ");
        if (k.n == 0)
            k = xml_key(p->text, p->len);
    }
    if (k.n > 0)
        return k;
    return before.n > 0 ? before : named("body");
}

/* The same in a path; in front of the query it has no name of its own. */
static struct name query_name(const struct template *t, size_t i,
                              struct name before)
{
    const struct piece *p = i > 0 ? &t->pieces[i - 1] : NULL;
    struct name k = {NULL, 0};

    if (p != NULL && !varies(p))
        k = form_key(p->text, p->len, "?&");
    return k.n > 0 ? k : before.n > 0 ? before : named("query");
}

static bool same_name(struct name a, struct name b)
{
    return a.n == b.n && memcmp(a.s, b.s, a.n) == 0;
}

/* How many values a piece can take; `*fresh` when it never repeats one. */
static double values_of(const struct scenario *sc, const struct piece *p,
                        bool *fresh)
{
    switch (p->what) {
    case PIECE_INT:
        return (double)p->b - (double)p->a + 1;
    case PIECE_CHOICE:
        return (double)p->nchoices;
    case PIECE_CSV:
        return (double)sc->feeders[p->a].nrows;
    case PIECE_RAND:
        *fresh = *fresh || p->a >= RAND_FRESH;
        return pow(62, (double)p->a);
    case PIECE_SEQ:
    case PIECE_UUID:
        *fresh = true;
        return INFINITY;
    default:
        return p->what == PIECE_TEXT ? 1 : INFINITY;
    }
}

/* Adds a site of `request`; 0 when there are too many, or it has one of that
   name, else its number from 1. */
static size_t add_site(struct scenario *sc, size_t request, struct name name)
{
    size_t n = name.n < NAME_MAX_LEN ? name.n : NAME_MAX_LEN;

    for (size_t i = 0; i < sc->nsites; i++)
        if (sc->sites[i].request == request && strlen(sc->sites[i].name) == n &&
            memcmp(sc->sites[i].name, name.s, n) == 0)
            return 0;
    if (sc->nsites == SITES_MAX)
        return 0;
    if (sc->sites == NULL)
        sc->sites = mem_zalloc(SITES_MAX, sizeof *sc->sites);
    sc->sites[sc->nsites] = (struct scenario_site){
        .request = request, .name = mem_strndup(name.s, n), .most = 1};
    return ++sc->nsites;
}

/* Piece `i` belongs to site number `site`. */
static void extend(struct scenario *sc, size_t site, const struct piece *p)
{
    struct scenario_site *s = &sc->sites[site - 1];

    s->most *= values_of(sc, p, &s->fresh);
}

/* One site for all that varies in `t`. */
static void whole_site(struct scenario *sc, size_t request, struct template *t,
                       struct name name)
{
    t->site = add_site(sc, request, name);
    for (size_t i = 0; t->site > 0 && i < t->n; i++)
        extend(sc, t->site, &t->pieces[i]);
}

/* A site per named value from piece `first` on. Gives their number. */
static size_t value_sites(struct scenario *sc, size_t request,
                          struct template *t, size_t first,
                          struct name (*name_of)(const struct template *,
                                                 size_t, struct name))
{
    struct name before = {NULL, 0};
    struct piece *last = NULL;
    size_t site = 0, n = 0;

    for (size_t i = first; i < t->n; i++) {
        struct piece *p = &t->pieces[i];
        struct name name;

        if (!varies(p))
            continue;
        name = name_of(t, i, before);
        if (last == NULL || !same_name(name, before)) {
            site = add_site(sc, request, name);
            p->opens = site > 0;
            n++;
        } else if (site > 0) {
            last->closes = false;
        }
        p->site = site;
        p->closes = site > 0;
        if (site > 0)
            extend(sc, site, p);
        last = p;
        before = name;
    }
    return n;
}

/* The first piece whose place is behind the '?'; t->n when there is none. */
static size_t query_from(const struct template *t)
{
    size_t i = 0;

    while (i < t->n &&
           (varies(&t->pieces[i]) ||
            memchr(t->pieces[i].text, '?', t->pieces[i].len) == NULL))
        i++;
    return i < t->n ? i + 1 : t->n;
}

static void path_sites(struct scenario *sc, size_t request)
{
    struct request *q = &sc->requests[request];
    size_t from = query_from(&q->path), in_path = 0, in_query;

    for (size_t i = 0; i < from; i++)
        in_path += varies(&q->path.pieces[i]);
    in_query = value_sites(sc, request, &q->path, from, query_name);
    if (in_path > 0 || in_query > 1 || q->replayed)
        whole_site(sc, request, &q->path,
                   named(in_path > 0 && in_query == 0 && !q->replayed ? "path"
                                                                      : "url"));
    if (q->replayed && q->path.site > 0) /* recorded: anything may come */
        sc->sites[q->path.site - 1].most = INFINITY;
}

/* The fixed part in front of all that varies: what is asked of. */
static struct name endpoint(const struct request *q)
{
    const struct piece *p = q->path.n > 0 ? &q->path.pieces[0] : NULL;
    const char *query;

    if (p == NULL || varies(p))
        return named("");
    query = memchr(p->text, '?', p->len);
    return (struct name){p->text,
                         query != NULL ? (size_t)(query - p->text) : p->len};
}

/* Sites of one endpoint that have one name share their values. */
static void group_sites(struct scenario *sc)
{
    for (size_t i = 0; i < sc->nsites; i++) {
        struct scenario_site *s = &sc->sites[i];

        s->group = i;
        for (size_t j = 0; j < i && s->group == i; j++)
            if (strcmp(sc->sites[j].name, s->name) == 0 &&
                same_name(endpoint(&sc->requests[sc->sites[j].request]),
                          endpoint(&sc->requests[s->request])))
                s->group = sc->sites[j].group;
    }
}

static void forget_marks(struct template *t)
{
    t->site = 0;
    for (size_t i = 0; i < t->n; i++) {
        t->pieces[i].site = 0;
        t->pieces[i].opens = t->pieces[i].closes = false;
    }
}

void sites_find(struct scenario *sc)
{
    sites_release(sc);
    for (size_t i = 0; i < sc->nrequests; i++) {
        struct request *q = &sc->requests[i];

        forget_marks(&q->path);
        forget_marks(&q->body);
        path_sites(sc, i);
        for (size_t h = 0; h < q->nheaders; h++) {
            forget_marks(&q->headers[h].value);
            if (!template_is_constant(&q->headers[h].value))
                whole_site(sc, i, &q->headers[h].value,
                           named(q->headers[h].name));
        }
        value_sites(sc, i, &q->body, 0, body_name);
    }
    group_sites(sc);
}

void sites_release(struct scenario *sc)
{
    for (size_t i = 0; i < sc->nsites; i++)
        free(sc->sites[i].name);
    free(sc->sites);
    sc->sites = NULL;
    sc->nsites = 0;
}
