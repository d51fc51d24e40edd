/* A load with a conductor's loop around it, for tests. */
#ifndef PLATEAU_TESTS_RIG_H
#define PLATEAU_TESTS_RIG_H

#include "harness/base/clock.h"
#include "harness/load/load.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/model/scenario_fixture.h"

#include <stdio.h>
#include <uv.h>

struct rig {
    struct scenario sc;
    uv_loop_t loop;
    uv_timer_t guard;
    struct load *load;
    int idles;
};

static inline void rig_on_idle(void *user)
{
    struct rig *r = user;

    r->idles++;
    uv_stop(&r->loop);
}

static inline void rig_on_guard(uv_timer_t *t)
{
    (void)t;
    print_error("the load did not become idle in time\n");
    abort();
}

/* Opens a load for the scenario text, whose [target] gets `port`. */
static inline void rig_open(struct rig *r, const char *text)
{
    struct load_config cfg = {
        .scenario = &r->sc, .loop = &r->loop, .idle = rig_on_idle, .user = r};
    struct err err = {{0}};
    char *mistakes;

    memset(r, 0, sizeof *r);
    mistakes = load_text(text, NULL, 0, &r->sc);
    assert_string_equal(mistakes, "");
    free(mistakes);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    uv_timer_init(&r->loop, &r->guard);
    if (load_open(&cfg, &r->load, &err) != 0)
        fail_msg("%s", err.msg);
}

/* Runs one phase to its end, at most a minute. */
static inline void rig_phase(struct rig *r, const struct load_phase *p)
{
    int before = r->idles;

    uv_timer_start(&r->guard, rig_on_guard, 60000, 0);
    load_start(r->load, p);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&r->guard);
    assert_int_equal(r->idles, before + 1);
    assert_true(load_is_idle(r->load));
}

/* Closes; the loop must be empty then. */
static inline void rig_close(struct rig *r)
{
    load_close(&r->load);
    assert_null(r->load);
    uv_close((uv_handle_t *)&r->guard, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    scenario_release(&r->sc);
}

#endif
