/* The table of paths. A few dozen at most: searched from the front. */
#include "tests/server/route.h"
#include "tests/server/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUTES_MAX = 512, ROUTE_EFFECTS = 8 };

struct route {
    char path[256];
    size_t npath; /* without the star */
    bool prefix;
    bool uncounted; /* asks about the patient, is no work of its own */
    page_fn page;
    struct effect *effects[ROUTE_EFFECTS];
    size_t neffects;
    uint64_t hits;
};

static struct route routes[ROUTES_MAX];
static int nroutes;

static struct route *route_make(const char *path, page_fn page)
{
    struct route *r;
    size_t n = strlen(path);

    if (nroutes == ROUTES_MAX || n >= sizeof r->path || n == 0)
        return NULL;
    r = &routes[nroutes++];
    snprintf(r->path, sizeof r->path, "%s", path);
    r->prefix = path[n - 1] == '*';
    r->npath = r->prefix ? n - 1 : n;
    r->page = page;
    return r;
}

void route_init(void)
{
    static const struct {
        const char *path;
        page_fn page;
    } pages[] = {
        {"/", page_ok},
        {"/ok", page_ok},
        {"/orders", page_orders},
        {"/orders/*", page_order},
        {"/products/*", page_product},
        {"/login", page_login},
        {"/me", page_me},
        {"/echo", page_echo},
        {"/digest", page_digest},
        {"/redirect", page_redirect},
        {"/health", page_health},
        {"/stats", page_stats},
        {"/metrics", page_metrics},
    };

    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct route *r = route_make(pages[i].path, pages[i].page);

        r->uncounted = pages[i].page == page_health ||
                       pages[i].page == page_stats ||
                       pages[i].page == page_metrics;
    }
    for (int k = 0; k < 20; k++) {
        char path[16];

        snprintf(path, sizeof path, "/k/%d", k);
        route_make(path, page_ok);
    }
}

/* The route written exactly so, a star included. */
static struct route *route_written(const char *path)
{
    for (int i = 0; i < nroutes; i++)
        if (strcmp(routes[i].path, path) == 0)
            return &routes[i];
    return NULL;
}

static bool give_effect(struct route *r, const char *spec)
{
    struct effect *e;

    if (r->neffects == ROUTE_EFFECTS)
        return false;
    e = malloc(sizeof *e);
    if (e == NULL || !effect_init(e, spec)) {
        free(e);
        return false;
    }
    r->effects[r->neffects++] = e;
    return true;
}

bool route_add(const char *path, const char *effect)
{
    struct route *r = route_written(path);

    if (r == NULL)
        r = route_make(path, page_ok);
    return r != NULL && give_effect(r, effect);
}

static struct route *find(const char *path, size_t n)
{
    struct route *best = NULL;

    for (int i = 0; i < nroutes; i++) {
        struct route *r = &routes[i];

        if (r->npath > n || memcmp(r->path, path, r->npath) != 0)
            continue;
        if (r->npath == n && !r->prefix)
            return r;
        if (r->prefix && (best == NULL || r->npath > best->npath))
            best = r;
    }
    return best;
}

/* "/do/leak:512" is made at its first request: an effect without an option. */
static struct route *make_do(const char *path, size_t n)
{
    char text[256];
    struct route *r;

    if (n < 5 || n >= sizeof text || memcmp(path, "/do/", 4) != 0)
        return NULL;
    memcpy(text, path, n);
    text[n] = '\0';
    r = route_make(text, page_ok);
    if (r != NULL && !give_effect(r, text + 4)) {
        nroutes--;
        r = NULL;
    }
    return r;
}

void route_answer(const struct request *q, struct reply *r)
{
    struct route *to = find(q->path, q->npath);

    r->status = 200;
    r->type = "text/plain";
    r->nheaders = r->nbody = 0;
    r->filler = r->withheld = 0;
    r->delay_ms = r->trickle_ms = 0;
    r->framing = FRAMING_LENGTH;
    r->fate = q->close ? FATE_CLOSE : FATE_KEEP;
    if (to == NULL)
        to = make_do(q->path, q->npath);
    if (to == NULL) {
        page_missing(q, r);
        return;
    }
    to->hits++;
    if (!to->uncounted)
        __atomic_fetch_add(&ledger.shared->requests, 1, __ATOMIC_RELAXED);
    to->page(q, r);
    for (size_t i = 0; i < to->neffects; i++) {
        to->effects[i]->hits++;
        to->effects[i]->kind->apply(to->effects[i], q, r);
    }
}

const char *route_path(int i, uint64_t *hits)
{
    if (i < 0 || i >= nroutes)
        return NULL;
    *hits = routes[i].hits;
    return routes[i].path;
}
