/* A graph's place on the page, asked of graphviz's dot: what is said to it, and
 * a strict reading of what it says (-Tplain). It is given names of ours (n0,
 * n1) and sizes; no text of the target's. What it says is believed only as far
 * as it can be drawn. Running it: whoever makes the report. */
#ifndef PLATEAU_REPORTS_GRAPH_PLAIN_H
#define PLATEAU_REPORTS_GRAPH_PLAIN_H

#include "harness/base/buf.h"
#include "reports/graph.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends the question to `out`: `down` for holders above what they hold,
 * otherwise left of it. Sets the widths in `l`, of boxes that show at most
 * `most` characters. */
void graph_ask(const struct graph *g, size_t most, bool down,
               struct graph_layout *l, struct buf *out);

/* Reads the answer, `n` bytes at `text` that need not end with a NUL, into
 * `l`. True, and l->placed: every node and edge has its place, within a
 * drawing of at most `room` px, and no node lies on another. */
bool graph_take(const struct graph *g, const char *text, size_t n, double room,
                struct graph_layout *l);

#endif
