#include "reports/graph.h"

#include "analyzers/explain.h"
#include "harness/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Widest glyph of 12 px monospace, and the rims of a box. */
#define GLYPH 7.4
#define RIMS 18

#define NOWHERE ((size_t)-1)

static const char arrow[] = " -> ";

bool graph_step(const char **at, const char **text, size_t *n)
{
    const char *end;

    if (*at == NULL)
        return false;
    end = strstr(*at, arrow);
    *text = *at;
    *n = end != NULL ? (size_t)(end - *at) : strlen(*at);
    *at = end != NULL ? end + sizeof arrow - 1 : NULL;
    return true;
}

size_t graph_characters(const char *s, size_t n)
{
    size_t chars = 0;

    for (size_t i = 0; i < n; i++)
        chars += ((unsigned char)s[i] & 0xc0) != 0x80;
    return chars;
}

double graph_box_width(size_t characters)
{
    return (double)characters * GLYPH + RIMS;
}

/* What tells a step from its neighbours: of "history: list[51,204]" all but
 * the number, which may be another one when the next type is looked at. */
static size_t telling(const char *s, size_t n)
{
    const char *name = memmem(s, n, ": ", 2);
    const char *size = name != NULL ? memchr(name, '[', n - (name - s)) : NULL;

    return size != NULL && s[n - 1] == ']' ? (size_t)(size - s) : n;
}

static bool is_same(const struct graph_node *a, const char *text, size_t n)
{
    size_t k = telling(text, n);

    return telling(a->text, a->n) == k && (k < n) == (k < a->n) &&
           memcmp(a->text, text, k) == 0;
}

static bool has_edge(const struct graph *g, size_t from, size_t to)
{
    for (size_t i = 0; i < g->nedges; i++)
        if (g->edges[i].from == from && g->edges[i].to == to)
            return true;
    return false;
}

/* The node that stands for a step already: below the same holder, or, of what
 * grows, below any. NOWHERE: none does. */
static size_t find(const struct graph *g, size_t from, const char *text,
                   size_t n, const char *type)
{
    for (size_t i = 0; i < g->nnodes; i++) {
        const struct graph_node *x = &g->nodes[i];
        bool below = from == NOWHERE ? x->root : has_edge(g, from, i);

        if (below && is_same(x, text, n))
            return i;
    }
    for (size_t i = 0; type != NULL && i < g->nnodes; i++)
        if (i != from && g->nodes[i].type != NULL &&
            strcmp(g->nodes[i].type, type) == 0 &&
            is_same(&g->nodes[i], text, n))
            return i;
    return NOWHERE;
}

/* Adds the step behind `from`; gives its node, NOWHERE when there is no room.
 */
static size_t add_step(struct graph *g, size_t from, const char *text, size_t n,
                       const char *type)
{
    size_t at = find(g, from, text, n, type);

    if (at == NOWHERE) {
        if (g->nnodes == GRAPH_NODES)
            return NOWHERE;
        at = g->nnodes++;
        g->nodes[at] =
            (struct graph_node){.text = text, .n = n, .root = from == NOWHERE};
    }
    if (type != NULL)
        g->nodes[at].type = type;
    if (from == NOWHERE || has_edge(g, from, at))
        return at;
    if (g->nedges == GRAPH_EDGES)
        return NOWHERE;
    g->edges[g->nedges++] = (struct graph_edge){.from = from, .to = at};
    return at;
}

static bool add_chain(struct graph *g, const struct diagnosis_chain *c)
{
    const char *rest = c->text, *text;
    size_t n, at = NOWHERE;

    while (graph_step(&rest, &text, &n)) {
        at = add_step(g, at, text, n, rest == NULL ? c->type : NULL);
        if (at == NOWHERE)
            return false;
    }
    return true;
}

static size_t steps(const struct diagnosis_chain *c)
{
    const char *rest = c->text, *text;
    size_t n, k = 0;

    while (graph_step(&rest, &text, &n))
        k++;
    return k;
}

/* Short ones first: what grows is a node by then, wherever a longer one passes
 * it. Order among equals is kept. */
static size_t in_order(const struct diagnosis *d, const struct verdict *v,
                       const struct diagnosis_chain **to)
{
    size_t n = 0;

    for (size_t i = 0; i < d->nchains && n < GRAPH_CHAINS; i++) {
        const struct diagnosis_chain *c = &d->chains[i];
        size_t at = n;

        if (!explain_tells(v, d, c))
            continue;
        for (; at > 0 && steps(to[at - 1]) > steps(c); at--)
            to[at] = to[at - 1];
        to[at] = c;
        n++;
    }
    return n;
}

struct graph *graph_new(const struct diagnosis *d, const struct verdict *v)
{
    const struct diagnosis_chain *chains[GRAPH_CHAINS];
    size_t n = in_order(d, v, chains);
    struct graph *g;

    if (n == 0)
        return NULL;
    g = mem_zalloc(1, sizeof *g);
    for (size_t i = 0; i < n; i++) {
        if (!add_chain(g, chains[i])) {
            graph_free(g);
            return NULL;
        }
    }
    for (size_t i = 0; i < g->nnodes; i++)
        g->nodes[i].grows = explain_proven(v, g->nodes[i].type);
    return g;
}

void graph_free(struct graph *g)
{
    free(g);
}

bool graph_is_line(const struct graph *g)
{
    for (size_t i = 0; i < g->nnodes; i++) {
        size_t in = 0, out = 0;

        for (size_t k = 0; k < g->nedges; k++) {
            in += g->edges[k].to == i;
            out += g->edges[k].from == i;
        }
        if (in > 1 || out > 1)
            return false;
    }
    return g->nedges + 1 == g->nnodes;
}
