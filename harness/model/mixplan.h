/* The designed mix: how the share of each request kind varies from block to
 * block, so that regression can tell the kinds apart. Pure; the same seed
 * gives the same plan on every machine.
 *
 * Not the plan of a run: sizes, rates and rounding to whole requests belong
 * to the load. */
#ifndef PLATEAU_MODEL_MIXPLAN_H
#define PLATEAU_MODEL_MIXPLAN_H

#include <stddef.h>
#include <stdint.h>

/* Fills `share[b * kinds + k]` with the share of kind `k` in block `b`.
 * Every block's shares sum to 1, and every kind's average over the blocks is
 * its weight (normalised; a negative or non-finite weight counts as 0, and
 * all-zero weights as equal). A kind with weight 0 gets no share; every other
 * kind has a positive share in every block.
 *
 * Each kind is common in half of the blocks and scarce in the others, by
 * patterns as orthogonal to each other and to a straight trend as a seeded
 * exchange search makes them; rare kinds (under half of an even share, and at
 * most 5 %) are gathered in a sixth of the blocks, at least two. One block, or
 * one kind, gets the weights as they are. */
void mixplan_make(const double *weights, size_t kinds, size_t blocks,
                  uint64_t seed, double *share);

#endif
