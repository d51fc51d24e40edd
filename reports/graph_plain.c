#include "reports/graph_plain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORD_MAX = 31,   /* of a number or a name */
    LINES_MAX = 400, /* of the answer */
    HIGHEST = 3000,  /* a drawing that nobody scrolls through, px */
    MARGIN = 2,      /* around the drawing */
    NEAR = 6,        /* an edge ends at its node, or no farther from it */
};

/* Layouts are in inches, of 72 px. */
#define INCH 72.0

void graph_ask(const struct graph *g, size_t most, bool down,
               struct graph_layout *l, struct buf *out)
{
    buf_addf(out,
             "digraph g {\ngraph [rankdir=%s,nodesep=%.4f,ranksep=%.4f]\n"
             "node [shape=box,fixedsize=true,label=\"\",height=%.4f]\n"
             "edge [arrowhead=none]\n",
             down ? "TB" : "LR", 14 / INCH, 30 / INCH, GRAPH_BOX_HIGH / INCH);
    for (size_t i = 0; i < g->nnodes; i++) {
        size_t chars = graph_characters(g->nodes[i].text, g->nodes[i].n);

        l->at[i].most = chars < most ? chars : most;
        l->at[i].width = graph_box_width(l->at[i].most);
        buf_addf(out, "n%zu [width=%.4f]\n", i, l->at[i].width / INCH);
    }
    for (size_t i = 0; i < g->nedges; i++)
        buf_addf(out, "n%zu -> n%zu\n", g->edges[i].from, g->edges[i].to);
    buf_adds(out, "}\n");
}

/* ---- the answer, word by word ---- */

struct words {
    const char *at, *end; /* what is left of a line */
};

/* The next word, copied; false: there is none, or it is too long. */
static bool next_word(struct words *w, char *word)
{
    size_t n = 0;

    while (w->at < w->end && *w->at == ' ')
        w->at++;
    while (w->at < w->end && *w->at != ' ') {
        if (n == WORD_MAX)
            return false;
        word[n++] = *w->at++;
    }
    word[n] = '\0';
    return n > 0;
}

/* Inches, as px. No more than a page could hold of anything. */
static bool next_number(struct words *w, double *px)
{
    char word[WORD_MAX + 1], *end;

    if (!next_word(w, word) || strspn(word, "0123456789.+-e") != strlen(word))
        return false;
    *px = strtod(word, &end) * INCH;
    return *end == '\0' && isfinite(*px) && fabs(*px) <= 10 * HIGHEST;
}

/* "n12": a node of ours. */
static bool next_node(struct words *w, const struct graph *g, size_t *node)
{
    char word[WORD_MAX + 1];
    size_t n = 0;

    if (!next_word(w, word) || word[0] != 'n' || word[1] == '\0' ||
        strlen(word) > 3)
        return false;
    for (const char *s = word + 1; *s != '\0'; s++) {
        if (*s < '0' || *s > '9')
            return false;
        n = n * 10 + (size_t)(*s - '0');
    }
    *node = n;
    return n < g->nnodes;
}

struct reader {
    const struct graph *g;
    struct graph_layout *l;
    double room;
    bool sized, stopped;
    bool node[GRAPH_NODES], edge[GRAPH_EDGES]; /* placed */
};

static bool take_size(struct reader *r, struct words *w)
{
    double scale, width, height;

    if (r->sized || !next_number(w, &scale) || scale != INCH ||
        !next_number(w, &width) || !next_number(w, &height))
        return false;
    r->l->width = width + 2 * MARGIN;
    r->l->height = height + 2 * MARGIN;
    r->sized = width > 0 && height > 0 && r->l->width <= r->room &&
               r->l->height <= HIGHEST;
    return r->sized;
}

/* dot counts upwards from the lower edge. */
static bool next_point(struct reader *r, struct words *w, double *x, double *y)
{
    if (!next_number(w, x) || !next_number(w, y))
        return false;
    *x += MARGIN;
    *y = r->l->height - MARGIN - *y;
    return *x >= 0 && *x <= r->l->width && *y >= 0 && *y <= r->l->height;
}

static bool take_node(struct reader *r, struct words *w)
{
    struct graph_place *p;
    double x, y;
    size_t i;

    if (!r->sized || !next_node(w, r->g, &i) || r->node[i] ||
        !next_point(r, w, &x, &y))
        return false;
    p = &r->l->at[i];
    p->x = x - p->width / 2;
    p->y = y - GRAPH_BOX_HIGH / 2.0;
    r->node[i] = true;
    return p->x >= 0 && p->x + p->width <= r->l->width && p->y >= 0 &&
           p->y + GRAPH_BOX_HIGH <= r->l->height;
}

static size_t edge_of(const struct graph *g, size_t from, size_t to)
{
    size_t i = 0;

    while (i < g->nedges && (g->edges[i].from != from || g->edges[i].to != to))
        i++;
    return i;
}

static bool take_edge(struct reader *r, struct words *w)
{
    char count[WORD_MAX + 1], *end;
    struct graph_curve *c;
    size_t from, to, i;
    long n;

    if (!r->sized || !next_node(w, r->g, &from) || !next_node(w, r->g, &to) ||
        !next_word(w, count))
        return false;
    i = edge_of(r->g, from, to);
    n = strtol(count, &end, 10);
    if (i == r->g->nedges || r->edge[i] || *end != '\0' || n < 4 ||
        n > GRAPH_POINTS || n % 3 != 1)
        return false;
    c = &r->l->curves[i];
    c->n = (size_t)n;
    for (size_t k = 0; k < c->n; k++)
        if (!next_point(r, w, &c->x[k], &c->y[k]))
            return false;
    r->edge[i] = true;
    return true;
}

static bool take_line(struct reader *r, struct words *w)
{
    char verb[WORD_MAX + 1];

    if (r->stopped || !next_word(w, verb))
        return false;
    if (strcmp(verb, "graph") == 0)
        return take_size(r, w);
    if (strcmp(verb, "node") == 0)
        return take_node(r, w);
    if (strcmp(verb, "edge") == 0)
        return take_edge(r, w);
    r->stopped = strcmp(verb, "stop") == 0;
    return r->stopped;
}

/* ---- can it be drawn? ---- */

static bool is_near(const struct graph_place *p, double x, double y)
{
    return x >= p->x - NEAR && x <= p->x + p->width + NEAR &&
           y >= p->y - NEAR && y <= p->y + GRAPH_BOX_HIGH + NEAR;
}

static bool is_drawable(const struct reader *r)
{
    const struct graph_layout *l = r->l;

    for (size_t i = 0; i < r->g->nnodes; i++) {
        if (!r->node[i])
            return false;
        for (size_t k = 0; k < i; k++)
            if (l->at[i].x < l->at[k].x + l->at[k].width &&
                l->at[k].x < l->at[i].x + l->at[i].width &&
                fabs(l->at[i].y - l->at[k].y) < GRAPH_BOX_HIGH)
                return false;
    }
    for (size_t i = 0; i < r->g->nedges; i++) {
        const struct graph_curve *c = &l->curves[i];
        const struct graph_edge *e = &r->g->edges[i];

        if (!r->edge[i] || !is_near(&l->at[e->from], c->x[0], c->y[0]) ||
            !is_near(&l->at[e->to], c->x[c->n - 1], c->y[c->n - 1]))
            return false;
    }
    return true;
}

bool graph_take(const struct graph *g, const char *text, size_t n, double room,
                struct graph_layout *l)
{
    struct reader r = {.g = g, .l = l, .room = room};
    const char *at = text, *end = text + n;

    l->placed = false;
    for (int lines = 0; at < end; lines++) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        struct words w = {.at = at, .end = nl};

        if (nl == NULL || lines == LINES_MAX || !take_line(&r, &w))
            return false;
        at = nl + 1;
    }
    l->placed = r.stopped && is_drawable(&r);
    return l->placed;
}
