#include "analyzers/finding.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

/* The word at `i`, or the first one for a number out of range. */
static const char *word(const char *const *words, size_t n, unsigned i)
{
    return words[i < n ? i : 0];
}

const char *outcome_name(enum outcome o)
{
    static const char *const words[] = {"inconclusive", "pass", "leak"};

    return word(words, sizeof words / sizeof *words, (unsigned)o);
}

const char *shape_name(enum shape s)
{
    static const char *const words[] = {
        "unknown",     "flat",         "linear",  "saturating",
        "logarithmic", "sawtooth",     "step",    "stairs",
        "kinked",      "accelerating", "falling", "wandering",
    };

    return word(words, sizeof words / sizeof *words, (unsigned)s);
}

const char *basis_name(enum basis b)
{
    static const char *const words[] = {"none", "samples", "barriers", "both"};

    return word(words, sizeof words / sizeof *words, (unsigned)b);
}

void finding_init(struct finding *f, const struct metric *m)
{
    static const struct interval unknown = {NAN, NAN, NAN};

    *f = (struct finding){0};
    f->metric = *m;
    snprintf(f->name, sizeof f->name, "%s", m->name);
    f->per_request = f->per_hour = f->limit_s = unknown;
    f->tolerance_per_request = f->tolerance_per_hour = NAN;
    f->minimum_per_request = f->minimum_per_hour = NAN;
    f->more_requests = f->more_s = NAN;
    f->more_requests_half = f->more_chance = NAN;
    f->level = f->grown = f->steady_from_s = NAN;
    f->from_s = f->to_s = f->from_requests = f->to_requests = NAN;
    f->certainty = NAN;
}
