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

/* Shares of the runs of one length that are decided when they end. */
#define FORECAST_SHARE 0.75
#define FORECAST_HALF 0.5

struct forecast {
    double more;   /* requests beside those it had; NaN: not in reach */
    double chance; /* that a run of so many is decided: FORECAST_SHARE, ... */
    double half;   /* the same for FORECAST_HALF; at most `more` */
};

/* How much longer the run has to be planned so that its answer, when it ends,
 * is no longer "inconclusive" in three cases of four. Where that is out of
 * reach, the length at which most are, if that is every second, and how many
 * these are. In reach are eight times as many requests (with more than 20
 * blocks: 160 blocks, or twice as many). Sooner a run is hardly ever decided: a
 * look before its end has the strict rule (sequential.h). `r->growth` must have
 * kept its draws. */
void forecast_make(const struct replay *r, struct forecast *out);

#endif
