/* The chains of one run as one picture: what several chains share is there
 * once, the holders in front, what grows behind. Built here; drawn by
 * html_boxes.c; graphviz's dot tells where the nodes stand (graph_plain.h),
 * if there is one. Texts are borrowed from the diagnosis, which must outlive
 * the graph. */
#ifndef PLATEAU_REPORTS_GRAPH_H
#define PLATEAU_REPORTS_GRAPH_H

#include "analyzers/verdict.h"
#include "harness/model/diagnosis.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    GRAPH_CHAINS = 8, /* drawn; more is a maze */
    GRAPH_NODES = 40,
    GRAPH_EDGES = 60,
    GRAPH_POINTS = 64,  /* of one edge's curve */
    GRAPH_WIDE = 960,   /* the room of a drawing, px: on wide pages, */
    GRAPH_NARROW = 340, /* and on phones */
    GRAPH_BOX_HIGH = 28,
};

struct graph_node {
    const char *text; /* foreign, `n` bytes */
    size_t n;
    const char *type; /* whose instances these are; NULL: it holds them */
    bool grows;       /* that type surely does */
    bool root;
};

struct graph_edge {
    size_t from, to; /* nodes; it leads from the holder to what is held */
};

/* Where all of it stands, in px, from the upper left. */
struct graph_place {
    double x, y, width; /* of a node; its upper left corner */
    size_t most;        /* characters that fit */
};

struct graph_curve {
    double x[GRAPH_POINTS], y[GRAPH_POINTS]; /* of a Bezier spline: 3 k + 1 */
    size_t n;
};

struct graph_layout {
    bool placed; /* false: nothing below counts */
    double width, height;
    struct graph_place at[GRAPH_NODES];
    struct graph_curve curves[GRAPH_EDGES];
};

struct graph {
    struct graph_node nodes[GRAPH_NODES];
    struct graph_edge edges[GRAPH_EDGES];
    size_t nnodes, nedges;
    struct graph_layout wide, narrow;
};

/* Gives the graph of the first GRAPH_CHAINS chains of `d`, not placed; `v`
 * tells which types grow. NULL: there is none, or they do not fit. */
struct graph *graph_new(const struct diagnosis *d, const struct verdict *v);
void graph_free(struct graph *g);

/* Does no node have two neighbours on one side? */
bool graph_is_line(const struct graph *g);

/* The next step of a chain "a -> b -> c" at `*at`: gives its text and length
 * and moves `*at` behind it. False: there is none. */
bool graph_step(const char **at, const char **text, size_t *n);

/* The characters of UTF-8 text. */
size_t graph_characters(const char *s, size_t n);

/* The width of a box with so many characters, px. */
double graph_box_width(size_t characters);

#endif
