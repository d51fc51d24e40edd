#include "harness/cli/plan.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/model/mixplan.h"

#include <stdlib.h>

static struct step *add(struct plan *p, const struct scenario *sc)
{
    struct step *s;

    p->steps = mem_realloc(p->steps, p->n + 1, sizeof *p->steps);
    s = &p->steps[p->n++];
    *s = (struct step){
        .phase = {.rate_from_rps = sc->load.rate_rps,
                  .rate_to_rps = sc->load.rate_rps,
                  .seed = sc->load.seed + p->n,
                  .drain_ns = sc->load.timeout_ns + CLOCK_NS_PER_S},
        .label = PHASE_WARMUP,
    };
    return s;
}

/* Ramp, then the rest of the warm-up; its barrier is number 0. */
static void add_warmup(struct plan *p, const struct scenario *sc)
{
    const struct scenario_load *l = &sc->load;
    int64_t rest = l->warmup_ns - l->ramp_ns;

    if (l->ramp_ns > 0) {
        struct step *s = add(p, sc);

        s->phase.duration_ns = l->ramp_ns;
        s->phase.rate_from_rps = 0;
    }
    if (l->blocks == 0)
        return; /* the soak begins with its own warm-up, without a break */
    if (rest > 0 || l->warmup_requests > 0) {
        struct step *s = add(p, sc);

        s->phase.duration_ns = rest > 0 ? rest : 0;
        s->phase.requests = l->warmup_requests;
    }
    if (p->n > 0)
        p->steps[p->n - 1].barrier = true;
}

static void add_soak(struct plan *p, const struct scenario *sc)
{
    struct step *s = add(p, sc);
    int64_t rest = sc->load.warmup_ns - sc->load.ramp_ns;

    s->phase.duration_ns = sc->load.max_time_ns - sc->load.ramp_ns;
    s->relabel_ns = rest > 0 ? rest : 1;
    s->block = 1;
    s->barrier = true;
}

static void add_blocks(struct plan *p, const struct scenario *sc)
{
    size_t kinds = scenario_kinds(sc), blocks = (size_t)sc->load.blocks;
    double *weights = mem_zalloc(kinds, sizeof *weights);

    for (size_t k = 0; k < kinds; k++)
        weights[k] = scenario_kind_weight(sc, k);
    if (sc->load.vary_mix && kinds > 1 && sc->replay.nentries == 0) {
        p->shares = mem_zalloc(kinds * blocks, sizeof *p->shares);
        mixplan_make(weights, kinds, blocks, sc->load.seed, p->shares);
    }
    for (size_t b = 0; b < blocks; b++) {
        struct step *s = add(p, sc);

        s->phase.requests = sc->load.block_requests;
        s->phase.duration_ns = sc->load.block_ns;
        s->phase.shares = p->shares != NULL ? p->shares + b * kinds : NULL;
        s->label = PHASE_LOAD;
        s->block = (int)b + 1;
        s->barrier = true;
    }
    free(weights);
}

void plan_make(const struct scenario *sc, struct plan *out)
{
    *out = (struct plan){.steps = NULL};
    add_warmup(out, sc);
    if (sc->load.blocks > 0)
        add_blocks(out, sc);
    else
        add_soak(out, sc);
}

void plan_release(struct plan *p)
{
    free(p->steps);
    free(p->shares);
    *p = (struct plan){.steps = NULL};
}

bool plan_rate_missed(const struct step *s, uint64_t sent, int64_t took_ns)
{
    double rate = (s->phase.rate_from_rps + s->phase.rate_to_rps) / 2;
    double took = (double)took_ns / 1e9;

    if (rate <= 0)
        return false;
    if (s->phase.requests > 0)
        return took > 1.02 * (double)s->phase.requests / rate + 0.25;
    return (double)sent < 0.98 * rate * (double)s->phase.duration_ns / 1e9 - 1;
}
