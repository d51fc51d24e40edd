/* Who holds the growing objects, read from the target's memory. */
#include "harness/base/clock.h"
#include "harness/cli/diagnose_impl.h"
#include "harness/sampler/inspect/census.h"

#include <string.h>

enum {
    MOST_CHAINS = 3, /* told per type */
    WORTH_CHAIN = 4, /* those that hold one instance in so many */
    SAMPLES = 16,    /* instances followed */
};

void diagnose_outside_start(struct diagnose *d)
{
    size_t n = diagnose_processes(d);

    for (size_t i = 0; i < n && d->nlooked < DIAGNOSE_LOOKED; i++) {
        int64_t share = diagnose_left_ns(d) / 8;
        struct census_reader *r = NULL;
        struct holders_mark *m = NULL;

        if (share > 0)
            r = census_open(diagnose_pid(d, i), NULL);
        if (r == NULL || !census_is_python(r) ||
            holders_mark(r, (const char *const *)d->types, d->ntypes, share, &m,
                         NULL) != 0) {
            census_close(&r);
            continue;
        }
        d->looked[d->nlooked].pid = diagnose_pid(d, i);
        d->looked[d->nlooked].reader = r;
        d->looked[d->nlooked++].mark = m;
    }
}

static bool alive(const struct diagnose *d, int64_t pid)
{
    for (size_t i = 0; i < proctree_count(d->tree); i++)
        if (diagnose_pid(d, i) == pid)
            return true;
    return false;
}

/* Workers that were recycled meanwhile: their successors are looked at. */
static void look_at_new(struct diagnose *d, size_t n)
{
    for (size_t i = 0; i < n && d->nlooked < DIAGNOSE_LOOKED; i++) {
        struct census_reader *r = NULL;
        bool known = false;

        for (size_t k = 0; k < d->nlooked; k++)
            known = known || d->looked[k].pid == diagnose_pid(d, i);
        if (!known)
            r = census_open(diagnose_pid(d, i), NULL);
        if (r == NULL)
            continue;
        d->looked[d->nlooked].pid = diagnose_pid(d, i);
        d->looked[d->nlooked++].reader = r;
    }
}

static void forget(struct diagnose *d, size_t i)
{
    census_close(&d->looked[i].reader);
    holders_mark_free(d->looked[i].mark);
    d->looked[i] = d->looked[--d->nlooked];
    memset(&d->looked[d->nlooked], 0, sizeof d->looked[0]);
}

/* The process with the most instances tells; workers of a pool are alike.
 * Gives the instances in all processes, also in those not looked at. */
static double look(struct diagnose *d, const char *type, int64_t until_ns,
                   struct holders *best)
{
    size_t n = diagnose_processes(d);
    double all = 0;

    for (size_t i = d->nlooked; i-- > 0;)
        if (!alive(d, d->looked[i].pid))
            forget(d, i);
    look_at_new(d, n);
    for (size_t i = 0; i < d->nlooked; i++) {
        int64_t left = until_ns - clock_now_ns();
        struct holders h;

        if (left <= 0 || holders_find(d->looked[i].reader, type, SAMPLES,
                                      d->looked[i].mark, left, &h, NULL) != 0)
            continue;
        all += (double)h.instances;
        if (h.instances > best->instances) {
            struct holders worse = *best;

            *best = h;
            h = worse;
        }
        holders_release(&h);
    }
    return n > d->nlooked && d->nlooked == DIAGNOSE_LOOKED
               ? all * (double)n / (double)d->nlooked
               : all;
}

static struct diagnosis_bound
bound_of(const struct holders *h, const struct holders_bound *b, double all)
{
    if (b->what == NULL)
        return (struct diagnosis_bound){.container = NULL};
    return (struct diagnosis_bound){.container = (char *)b->what,
                                    .size = (double)b->size,
                                    .limit = (double)b->limit,
                                    .entry = (char *)b->entry,
                                    .share = (double)h->instances / all};
}

void diagnose_outside_holders(struct diagnose *d, const char *type,
                              int64_t limit_ns)
{
    struct holders best = {0};
    double all = look(d, type, clock_now_ns() + limit_ns, &best);

    /* One in sixteen strings hangs anywhere: that tells nothing. */
    for (size_t i = 0; i < best.nchains && i < MOST_CHAINS; i++) {
        const struct holders_chain *c = &best.chains[i];

        if (c->found * WORTH_CHAIN < best.sampled)
            break;
        diagnosis_add_chain(&d->found,
                            &(struct diagnosis_chain){
                                .type = (char *)type,
                                .text = c->text,
                                .instances = (double)best.instances,
                                .sampled = best.sampled,
                                .found = c->found,
                                .bound = bound_of(&best, &c->bound, all)});
    }
    diagnose_add_unheld(d, type, &best,
                        " that the collector did not (yet) take");
    if (best.unseen * WORTH_CHAIN >= best.sampled && best.unseen > 0)
        diagnosis_note(
            &d->found,
            "what holds %s was not seen: malloc is replaced, and its "
            "large blocks, where long lists and dicts keep their "
            "entries, cannot be searched from outside",
            type);
    if (best.partial)
        diagnosis_note(&d->found,
                       "the search for holders of %s from outside ran out of "
                       "time",
                       type);
    holders_release(&best);
}

void diagnose_outside_release(struct diagnose *d)
{
    while (d->nlooked > 0)
        forget(d, d->nlooked - 1);
}
