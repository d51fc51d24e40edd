#include "analyzers/driven_words.h"

#include "analyzers/words.h"

#define ADD(...) words_add(out, size, __VA_ARGS__)

static void distinct_words(const struct record_driver *d, const char *kind,
                           const struct blame *b, enum metric_unit unit,
                           char *out, size_t size)
{
    char each[WORDS_NUMBER];

    if (b->by == BLAME_DRIVER)
        ADD("It grows with distinct values of %.60s (%s each), not with "
            "requests.",
            d->name, words_amount(b->per_driver.value, unit, each));
    else
        ADD("Growth per request of %.60s and per distinct value of %.60s look "
            "the same in this run: a second [request] with the same path and "
            "values that repeat would tell.",
            kind, d->name);
}

static void step_words(const struct record_driver *d, const char *kind,
                       const struct blame *b, enum metric_unit unit, char *out,
                       size_t size)
{
    char each[WORDS_NUMBER];

    if (b->by == BLAME_DRIVER)
        ADD("It is the step %.60s, in whatever it is a part of: %s each time.",
            d->name, words_amount(b->per_driver.value, unit, each));
    else
        ADD("Whether it is the step %.60s or the rest of %.60s cannot be told "
            "in this run: more blocks would tell.",
            d->name, kind);
}

void driven_words(const struct record *r, const struct blame *b,
                  enum metric_unit unit, char *out, size_t size)
{
    const struct record_driver *d;
    const char *kind;

    out[0] = '\0';
    if (b->by == BLAME_REQUESTS || b->driver < 0 ||
        (size_t)b->driver >= r->ndrivers || b->kind < 0 ||
        (size_t)b->kind >= r->nkinds)
        return;
    d = &r->drivers[b->driver];
    kind = r->kinds[b->kind].name;
    if (d->what == RECORD_DISTINCT)
        distinct_words(d, kind, b, unit, out, size);
    else if (d->what == RECORD_STEP)
        step_words(d, kind, b, unit, out, size);
}
