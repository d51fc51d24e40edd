/* In which order the kinds of traffic follow each other: a low-discrepancy
 * order, so that any stretch of a block has nearly its shares, and the whole
 * block has them exactly. The same shares, length and seed give the same
 * order in every worker.
 *
 * Method: kind k, with c_k of the A arrivals, sits at the positions
 * (j + u_k) A / c_k, j = 0 .. c_k - 1, with a seeded phase u_k in [0, 1); the
 * order is that of the positions. */
#ifndef PLATEAU_LOAD_ORDER_H
#define PLATEAU_LOAD_ORDER_H

#include <stddef.h>
#include <stdint.h>

struct order;

/* Gives an order of `kinds` > 0 kinds; start it before use. */
struct order *order_new(size_t kinds);
void order_free(struct order *o);

/* Starts a block of `arrivals` (0: without end). `shares` need not sum to 1;
 * a share that is not positive gets no arrival; all such: even shares. No
 * allocation. */
void order_start(struct order *o, const double *shares, uint64_t arrivals,
                 uint64_t seed);

/* The kind of the next arrival; goes on with the same shares behind the last
 * one. O(log kinds). */
size_t order_next(struct order *o);

/* Arrivals of `kind` in the block started last (0 when without end). */
uint64_t order_count(const struct order *o, size_t kind);

#endif
