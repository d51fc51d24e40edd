/* Seeded random numbers: xoshiro256++ (Blackman and Vigna 2018) seeded by
 * splitmix64. The same seed gives the same stream on every machine. Not for
 * secrets. */
#ifndef PLATEAU_BASE_RNG_H
#define PLATEAU_BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

/* Starts the stream of `seed`; 0 is a seed like any other. */
void rng_init(struct rng *r, uint64_t seed);

uint64_t rng_u64(struct rng *r);

/* Uniform in 0 .. n-1, without modulo bias; `n` > 0. */
uint64_t rng_below(struct rng *r, uint64_t n);

/* Uniform in [0, 1) with 53 bits. */
double rng_unit(struct rng *r);

/* Standard normal (polar method, Marsaglia 1964). */
double rng_normal(struct rng *r);

#endif
