/* How much longer an inconclusive run of blocks would have to be. Ways for it
 * to go on are drawn from all that the fit left open (which shape, which kind
 * of noise, how much of it, what goes on), and each is judged as the run would
 * be, until it is decided. Seeded: the same blocks give the same answers.
 * Pure. */
#ifndef PLATEAU_ANALYZERS_FORECAST_H
#define PLATEAU_ANALYZERS_FORECAST_H

#include "analyzers/finding.h"
#include "analyzers/replay.h"

/* A forecast is right within this factor. */
#define FORECAST_FACTOR 1.5

/* How many more requests it takes until the answer is no longer
 * "inconclusive": the number that is most likely right, and the range that
 * holds four of five. NaN: more than eight times as many (with more than 20
 * blocks: than 160 blocks, or twice as many), as far as can be seen.
 * `r->growth` must have kept its draws. */
void forecast_make(const struct replay *r, struct interval *more);

/* Of `n` ways to go on, the i-th is decided after decided[i] requests (sorted,
 * NaN last). Returns the number, more than `had` by `least` or a multiple,
 * that is right within FORECAST_FACTOR for most of them; for as many, one
 * whose excess over `had` is right more often, the middle of those; NaN when
 * less than half are decided. */
double forecast_best(const double *decided, size_t n, double had, double least);

/* The narrowest range, by the ratio of its ends, that holds four of five of the
 * same `decided`. Where too many are not decided, `high` is NaN, and four of
 * five are decided after `low`, if that is known. */
void forecast_range(const double *decided, size_t n, struct interval *out);

#endif
