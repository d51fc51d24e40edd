#include "harness/cli/conductor_impl.h"

#include "harness/base/clock.h"
#include "harness/cli/judge.h"

#include <math.h>

enum { ERRORS_AT_LEAST = 20 };

/* ---- barriers ---- */

static void read_barrier(struct conductor *c, int block)
{
    struct err err = {""};
    double t_s = conductor_seconds(c);

    sampler_set_phase(c->sampler, PHASE_BARRIER);
    if (sampler_barrier(c->sampler, block, c->values, &err) != 0) {
        rundir_event(c->rd, t_s, "barrier_lost", 0, "%s", err.msg);
        recorder_note(c->recorder, "block %d could not be read: %s", block,
                      err.msg);
        return;
    }
    if (recorder_barrier(c->recorder, block, t_s, c->values, &err) != 0)
        conductor_failed(c, &err);
    c->last_block = block;
    if (isnan(c->memory_first))
        c->memory_first = sampler_peek(c->sampler, "pss_bytes");
}

static void start_step(struct conductor *c);

static bool stops_when_certain(const struct scenario *sc)
{
    return sc->load.blocks > 0 && sc->policy.stop != STOP_END;
}

static void on_settled(uv_timer_t *timer)
{
    struct conductor *c = timer->data;
    const struct step *done = &c->plan.steps[c->step];

    if (c->stage == STAGE_STARTING) { /* no warm-up: the first reading */
        read_barrier(c, 0);
        start_step(c);
        return;
    }
    if (c->stage != STAGE_SETTLING)
        return;
    read_barrier(c, c->final_barrier ? c->last_block + 1 : done->block);
    if (c->stage != STAGE_SETTLING)
        return;
    if (c->final_barrier) {
        conductor_wind_up(c);
        return;
    }
    c->step++;
    if (c->step == c->plan.n)
        conductor_finish(c, RUN_COMPLETE, "%s", "");
    else if (stops_when_certain(c->sc) && done->block >= 3 &&
             judge_is_certain(rundir_path(c->rd)))
        conductor_finish(c, RUN_CERTAIN, "after block %d of %d", done->block,
                         c->sc->load.blocks);
    else
        start_step(c);
}

static void settle(struct conductor *c)
{
    c->stage = STAGE_SETTLING;
    sampler_set_phase(c->sampler, PHASE_SETTLE);
    uv_timer_start(&c->settle, on_settled,
                   (uint64_t)(c->sc->load.settle_ns / CLOCK_NS_PER_MS), 0);
}

/* ---- steps ---- */

static void announce(struct conductor *c, const struct step *s)
{
    if (s->label == PHASE_WARMUP && s->relabel_ns == 0)
        progress_phase(c->progress, "warm-up");
    else if (c->sc->load.blocks > 0)
        progress_phase(c->progress, "block %d/%d", s->block,
                       c->sc->load.blocks);
    else
        progress_phase(c->progress, "soak for %.0f s",
                       (double)s->phase.duration_ns / 1e9);
}

static void on_relabel(uv_timer_t *timer)
{
    struct conductor *c = timer->data;

    if (c->stage == STAGE_LOADING)
        sampler_set_phase(c->sampler, PHASE_LOAD);
}

static void on_max_time(uv_timer_t *timer)
{
    struct conductor *c = timer->data;

    conductor_finish(c, RUN_MAX_TIME, "max_time of %.0f s reached",
                     (double)c->sc->load.max_time_ns / 1e9);
}

static void start_step(struct conductor *c)
{
    const struct step *s = &c->plan.steps[c->step];
    struct load_counts n;

    load_get_counts(c->load, &n, NULL, NULL);
    c->step_sent = n.sent;
    c->step_done = n.ok + n.errors;
    c->step_errors = n.errors;
    c->step_start_ns = clock_now_ns();
    c->stage = STAGE_LOADING;
    announce(c, s);
    rundir_event(c->rd, conductor_seconds(c), "phase", 0, "%s %d",
                 phase_name(s->label), s->block);
    sampler_set_phase(c->sampler, s->label);
    load_start(c->load, &s->phase);
    if (s->relabel_ns > 0)
        uv_timer_start(&c->settle, on_relabel,
                       (uint64_t)(s->relabel_ns / CLOCK_NS_PER_MS), 0);
    if (!uv_is_active((uv_handle_t *)&c->limit) && c->sc->load.blocks > 0)
        uv_timer_start(&c->limit, on_max_time,
                       (uint64_t)(c->sc->load.max_time_ns / CLOCK_NS_PER_MS),
                       0);
}

/* Did the step that ended keep its rate? */
static void check_rate(struct conductor *c)
{
    const struct step *s = &c->plan.steps[c->step];
    struct load_counts n;

    if (c->sc->load.model != LOAD_OPEN || c->stage != STAGE_LOADING)
        return;
    load_get_counts(c->load, &n, NULL, NULL);
    c->stepped++;
    if (plan_rate_missed(s, n.sent - c->step_sent,
                         clock_now_ns() - c->step_start_ns))
        c->missed++;
    if (c->missed * 4 <= c->stepped || c->missed < 2)
        return;
    c->ending.rate_missed = true;
    recorder_note(c->recorder,
                  "the load could not keep its rate of %g/s: the target "
                  "answers too slowly for %d connections, or the machine is "
                  "busy",
                  c->sc->load.rate_rps, c->sc->load.connections);
}

/* A storm of errors must never pass as a plateau. */
bool conductor_check_errors(struct conductor *c)
{
    struct load_counts n;
    uint64_t done, errors;

    load_get_counts(c->load, &n, NULL, NULL);
    done = n.ok + n.errors - c->step_done;
    errors = n.errors - c->step_errors;
    if (errors < ERRORS_AT_LEAST && errors < done)
        return false;
    if (errors == 0 || (double)errors <= c->sc->load.max_errors * (double)done)
        return false;
    if (done < ERRORS_AT_LEAST && !load_is_idle(c->load))
        return false;
    c->error_storm = true;
    if (n.by_error[TRANSFER_RESOURCE] > n.errors / 2) {
        conductor_finish(c, RUN_HARNESS_FAILED,
                         "the load generator ran out of descriptors, ports or "
                         "memory: %llu of %llu requests could not be sent",
                         (unsigned long long)errors, (unsigned long long)done);
        return true;
    }
    conductor_finish(c, RUN_TARGET_FAILED,
                     "%llu of %llu requests failed (at most %g %% may)",
                     (unsigned long long)errors, (unsigned long long)done,
                     c->sc->load.max_errors * 100);
    return true;
}

void conductor_on_idle(void *user)
{
    struct conductor *c = user;

    recorder_seconds(c->recorder);
    if (c->stage == STAGE_DIAGNOSING) {
        conductor_diagnosed(c);
        return;
    }
    if (c->stage == STAGE_ENDING) {
        bool worth = c->ending.end != RUN_TARGET_FAILED &&
                     c->ending.end != RUN_HARNESS_FAILED;

        if (!worth) {
            conductor_wind_up(c);
            return;
        }
        c->final_barrier = true;
        settle(c);
        return;
    }
    if (c->stage != STAGE_LOADING)
        return;
    check_rate(c);
    if (conductor_check_errors(c))
        return;
    if (c->plan.steps[c->step].barrier) {
        settle(c);
        return;
    }
    c->step++;
    start_step(c);
}

void conductor_begin_steps(struct conductor *c)
{
    plan_make(c->sc, &c->plan);
    if (c->sc->load.blocks > 0 && c->plan.steps[0].block > 0)
        uv_timer_start(&c->settle, on_settled,
                       (uint64_t)(c->sc->load.settle_ns / CLOCK_NS_PER_MS), 0);
    else
        start_step(c);
}
