#include "analyzers/words.h"

#include "analyzers/growth.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *words_number(double x, char out[WORDS_NUMBER])
{
    double a = fabs(x);
    char plain[WORDS_NUMBER];
    size_t n, o = 0;

    if (!isfinite(x)) {
        snprintf(out, WORDS_NUMBER, "%s", isnan(x) ? "unknown" : "endless");
        return out;
    }
    if (a < 1e-12) { /* what is left of a zero */
        snprintf(out, WORDS_NUMBER, "0");
        return out;
    }
    if (a < 1e-6 || a >= 1e15) {
        snprintf(out, WORDS_NUMBER, "%.1e", x);
        return out;
    }
    if (a < 999.5) {
        int digits = a < 0.01     ? 2 - (int)floor(log10(a))
                     : a < 0.9995 ? 3
                     : a < 9.995  ? 2
                     : a < 99.95  ? 1
                                  : 0;
        bool whole = x == floor(x) && a >= 9.995;

        snprintf(out, WORDS_NUMBER, "%.*f", whole ? 0 : digits, x);
        return out;
    }
    n = (size_t)snprintf(plain, sizeof plain, "%.0f", x);
    for (size_t i = 0; i < n && o + 2 < WORDS_NUMBER; i++) {
        out[o++] = plain[i];
        if (plain[i] != '-' && (n - i - 1) % 3 == 0 && i + 1 < n)
            out[o++] = ',';
    }
    out[o] = '\0';
    return out;
}

const char *words_amount(double x, enum metric_unit unit,
                         char out[WORDS_NUMBER])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    char number[WORDS_NUMBER];
    int i = 0;

    if (unit != METRIC_BYTES) {
        words_number(x, number);
        snprintf(out, WORDS_NUMBER, "%.30s%s", number,
                 unit == METRIC_SECONDS ? " s" : "");
        return out;
    }
    while (i < 4 && fabs(x) >= 1023.5) {
        x /= 1024;
        i++;
    }
    snprintf(out, WORDS_NUMBER, "%.30s %s", words_number(x, number), units[i]);
    return out;
}

const char *words_time(double s, char out[WORDS_NUMBER])
{
    static const struct {
        double below, unit;
        const char *name;
    } scale[] = {{90, 1, "s"},
                 {5400, 60, "min"},
                 {48 * 3600, 3600, "h"},
                 {INFINITY, 86400, "days"}};
    int i = 0;

    if (!isfinite(s)) {
        snprintf(out, WORDS_NUMBER, "%s",
                 isnan(s) ? "an unknown time" : "for ever");
        return out;
    }
    while (s >= scale[i].below)
        i++;
    s /= scale[i].unit;
    snprintf(out, WORDS_NUMBER, "%.*f %s", s < 9.95 ? 1 : 0, s, scale[i].name);
    return out;
}

void words_add(char *out, size_t size, const char *fmt, ...)
{
    size_t n = strlen(out);
    va_list ap;

    if (n + 1 >= size)
        return;
    va_start(ap, fmt);
    vsnprintf(out + n, size - n, fmt, ap);
    va_end(ap);
}

/* "300, 301, 300, ... 299": growth per block, as it was read. */
static void add_blocks(const struct barrier_words *w, char *out, size_t size)
{
    char a[WORDS_NUMBER];
    size_t n = w->blocks;

    for (size_t i = 0; i < n; i++) {
        if (n > 6 && i == 4) {
            words_add(out, size, ", ...");
            i = n - 2;
        }
        words_add(out, size, "%s%s", i > 0 ? ", " : "",
                  words_amount(w->d[i], w->f->metric.unit, a));
    }
}

static void leak_words(const struct barrier_words *w, char *out, size_t size)
{
    const struct finding *f = w->f;
    char a[WORDS_NUMBER], b[WORDS_NUMBER], c[WORDS_NUMBER];
    enum metric_unit unit = f->metric.unit;
    double brought = f->per_request.value * w->total_requests;
    /* One block may have fallen by as much as all others rose. */
    double holds = f->grown > 0.5 * brought ? f->grown : brought;

    if (w->driver == DRIVER_TIME)
        words_add(out, size,
                  "Grows with time rather than with requests: %s per hour "
                  "(%s .. %s); by block ",
                  words_amount(f->per_hour.value, unit, a),
                  words_amount(f->per_hour.low, unit, b),
                  words_amount(f->per_hour.high, unit, c));
    else
        words_add(out, size,
                  "%s more per request%s (%s .. %s) with no load, settled; by "
                  "block ",
                  words_amount(f->per_request.value, unit, a),
                  w->mixed ? " of the mix" : "",
                  words_amount(f->per_request.low, unit, b),
                  words_amount(f->per_request.high, unit, c));
    add_blocks(w, out, size);
    words_add(out, size, ".");
    if (w->restarts > 0 && w->restart_drop > 0)
        words_add(out, size,
                  " Masked by recycling: each of %.0f restarts gave back "
                  "about %s, so the total is bounded while every life "
                  "leaks.",
                  w->restarts, words_amount(w->restart_drop, unit, a));
    else
        words_add(out, size,
                  " A cache that fills would have bent by now, unless it "
                  "holds more than %s.",
                  words_amount(holds, unit, a));
}

static void pass_words(const struct barrier_words *w, char *out, size_t size)
{
    const struct finding *f = w->f;
    char a[WORDS_NUMBER], b[WORDS_NUMBER];
    enum metric_unit unit = f->metric.unit;

    if (f->shape == SHAPE_SATURATING || f->shape == SHAPE_LOGARITHMIC)
        words_add(out, size, "%s by %s and came to rest (by block ",
                  f->grown < 0 ? "Fell" : "Rose",
                  words_amount(fabs(f->grown), unit, a));
    else if (f->shape == SHAPE_STEP)
        words_add(out, size, "One %s, then still (by block ",
                  f->grown < 0 ? "fall" : "jump");
    else if (f->shape == SHAPE_FALLING)
        words_add(out, size, "Falls (by block ");
    else
        words_add(out, size, "Level over %zu blocks (", w->blocks);
    add_blocks(w, out, size);
    if (f->per_request.high > 0)
        words_add(out, size, "): what goes on is below %s per request.",
                  words_amount(f->per_request.high, unit, b));
    else
        words_add(out, size, "): nothing goes on.");
}

const char *words_chance(double chance)
{
    return chance >= 0.745   ? "three of four"
           : chance >= 0.645 ? "two of three"
           : chance >= 0.575 ? "three of five"
                             : "one of two";
}

/* What would settle it, and how surely. */
static void add_more(const struct finding *f, char *out, size_t size)
{
    char a[WORDS_NUMBER], b[WORDS_NUMBER];

    if (!isfinite(f->more_requests))
        return;
    words_add(out, size, " About %s more requests would settle it in %s cases",
              words_number(f->more_requests, a), words_chance(f->more_chance));
    if (f->more_requests_half < f->more_requests)
        words_add(out, size, " (%s in one of two)",
                  words_number(f->more_requests_half, b));
    words_add(out, size, ".");
}

/* The words before and behind the tolerance, by where the interval lies. */
static const char *const *where_it_lies(const struct finding *f)
{
    static const char *const words[][2] = {
        {"which lies on both sides of the tolerance of ", "; by block "},
        {"above the tolerance of ",
         ", but it is not certain that it goes on; by block "},
        {"too little to accuse (the tolerance is ",
         "), but it seems to go on, so that it is no pass either; by block "},
        {"below the tolerance of ",
         ", but what still went on at the end is not known well enough; by "
         "block "}};
    const struct interval *g = &f->per_request;

    if (g->low > f->tolerance_per_request)
        return words[1];
    if (g->high > f->tolerance_per_request)
        return words[0];
    return words[g->low > 0 ? 2 : 3];
}

static void open_words(const struct barrier_words *w, char *out, size_t size)
{
    const struct finding *f = w->f;
    char a[WORDS_NUMBER], b[WORDS_NUMBER], c[WORDS_NUMBER];
    enum metric_unit unit = f->metric.unit;
    const char *const *sides = where_it_lies(f);

    if (w->blocks < 3 && (w->waits || w->repeats)) {
        static const char *const in[] = {"no block", "one block", "two blocks"};

        words_add(out, size,
                  w->waits ? "The collector ran in %s: what rises in between "
                             "may be garbage that waits for it."
                           : "The collector ran in %s: what it leaves is known "
                             "only then.",
                  in[w->blocks]);
        if (isfinite(f->more_requests))
            words_add(out, size,
                      " Enough collections take about %s more requests.",
                      words_number(f->more_requests, a));
        return;
    }
    if (w->blocks < 3) {
        words_add(out, size,
                  "%zu block%s cannot tell a warm-up from growth; three are "
                  "the least, six do well.",
                  w->blocks, w->blocks == 1 ? "" : "s");
        if (isfinite(f->more_requests))
            words_add(out, size, " That takes about %s more requests.",
                      words_number(f->more_requests, a));
        return;
    }
    if (w->unmarked_fall)
        words_add(out, size,
                  "Fell by a third or more, as if a process had been "
                  "replaced, and nothing counts restarts; by block ");
    else if (!isfinite(f->per_request.low) || !isfinite(f->per_request.high))
        words_add(out, size,
                  "What goes on could not be told from these readings: no "
                  "course fits them; by block ");
    else if (w->undone && f->per_request.high > f->tolerance_per_request)
        words_add(out, size,
                  "Rose and fell again by much of it, as what a collector "
                  "frees does: what stays is not known yet; by block ");
    else if (f->per_request.high > f->tolerance_per_request &&
             w->bends > 0.02 && f->per_request.value > 0)
        words_add(out, size,
                  "Still rising, but it may yet bend: a cache that fills and "
                  "a leak look alike so far; by block ");
    else if (w->few && f->per_request.low > f->tolerance_per_request)
        words_add(out, size,
                  "Rises, but %.0f requests are too few to accuse: a small "
                  "cache would do the same; by block ",
                  w->total_requests);
    else if (f->per_request.low == 0 && f->per_request.high == 0)
        words_add(out, size,
                  "Jumps, and what goes on between them is not known well "
                  "enough; by block ");
    else
        words_add(out, size, "Growth is between %s and %s per request, %s%s%s",
                  words_amount(f->per_request.low, unit, a),
                  words_amount(f->per_request.high, unit, b), sides[0],
                  words_amount(f->tolerance_per_request, unit, c), sides[1]);
    add_blocks(w, out, size);
    words_add(out, size, ".");
    add_more(f, out, size);
}

void words_barrier(const struct barrier_words *w, char *out, size_t size)
{
    out[0] = '\0';
    if (w->f->outcome == OUTCOME_LEAK)
        leak_words(w, out, size);
    else if (w->f->outcome == OUTCOME_PASS)
        pass_words(w, out, size);
    else
        open_words(w, out, size);
    if (w->survive)
        words_add(out, size,
                  " The tolerance is what \"survive\" allows at this load.");
}
