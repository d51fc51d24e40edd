/* Numbers and findings in words: what a colleague would say. English, no
 * jargon, no p-values. Pure; every function ends its text with NUL and cuts
 * what does not fit. */
#ifndef PLATEAU_ANALYZERS_WORDS_H
#define PLATEAU_ANALYZERS_WORDS_H

#include "analyzers/finding.h"

#include <stddef.h>

enum { WORDS_NUMBER = 40 };

/* "1.00", "0.0123", "12,345": three significant digits, thousands parted.
 * NaN is "unknown". Returns `out`. */
const char *words_number(double x, char out[WORDS_NUMBER]);

/* A reading or a difference with its unit: "2.31 KiB", "1.00", "3.2 s". */
const char *words_amount(double x, enum metric_unit unit,
                         char out[WORDS_NUMBER]);

/* "14 min", "3.2 h", "12 days". */
const char *words_time(double seconds, char out[WORDS_NUMBER]);

/* "three of four": at least so many cases. */
const char *words_chance(double chance);

/* Appends formatted text to `out`, which already holds a string. */
void words_add(char *out, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* What the barrier readings of one metric say. */
struct barrier_words {
    const struct finding *f; /* all but `reason` filled */
    size_t blocks;
    const double *d, *requests; /* per block */
    double total_requests;
    double restarts, restart_drop;
    double bends; /* weight of the shapes that end flat */
    int driver;   /* growth.h */
    bool mixed;   /* several kinds of request share the blocks */
    bool few;     /* too few requests to accuse */
    bool unmarked_fall;
    bool undone;  /* rose, and fell again by much of it */
    bool waits;   /* in some blocks nobody collected the garbage */
    bool repeats; /* in some blocks nothing was read but the last again */
    bool survive;
};

void words_barrier(const struct barrier_words *w, char *out, size_t size);

#endif
