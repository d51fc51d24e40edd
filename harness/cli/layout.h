/* The chains of a diagnosis, laid out by graphviz's dot where this machine has
 * it. */
#ifndef PLATEAU_CLI_LAYOUT_H
#define PLATEAU_CLI_LAYOUT_H

#include "harness/model/diagnosis.h"
#include "reports/graph.h"

/* Gives the graph of `d`, placed for wide pages, for phones or for both; NULL
 * when there is nothing to lay out, or nobody who does: no dot on the PATH,
 * one that takes longer than some seconds for all of it, fails, or says what
 * cannot be drawn. Then chains are drawn one by one, which is no fault. `v`
 * tells which types grow; `d` must outlive the graph. Blocks; any thread. */
struct graph *layout_chains(const struct diagnosis *d, const struct verdict *v);

#endif
