/* Engine "null": answers every request at once with 200 and no body. It
 * measures the harness itself and makes tests deterministic. */
#include "harness/load/engine_impl.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#include <stdlib.h>
#include <uv.h>

struct null_engine {
    struct engine base;
    uv_idle_t idle; /* runs while something waits for its answer */
    int limit, in_flight;
    struct transfer *first, **tail;
    struct engine_stats stats;
    void (*on_ready)(void *);
    void *ready_user;
    void (*closed)(void *);
    void *closed_user;
};

static struct null_engine *self(const struct engine *e)
{
    return (struct null_engine *)(uintptr_t)e;
}

static void answer(struct null_engine *e, enum transfer_error error)
{
    struct transfer *t = e->first;
    bool was_full = e->in_flight == e->limit;

    e->first = t->next;
    if (e->first == NULL)
        e->tail = &e->first;
    e->in_flight--;
    t->error = error;
    t->status = error == TRANSFER_OK ? 200 : 0;
    t->end_ns = clock_now_ns();
    t->first_byte_ns = t->end_ns;
    t->done(t);
    if (was_full && e->in_flight < e->limit && e->on_ready != NULL &&
        e->closed == NULL)
        e->on_ready(e->ready_user);
}

/* Answers what waits now; what `done` submits anew waits for the next turn. */
static void on_idle(uv_idle_t *idle)
{
    struct null_engine *e = idle->data;

    for (int n = e->in_flight; n > 0; n--)
        answer(e, TRANSFER_OK);
    if (e->first == NULL)
        uv_idle_stop(&e->idle);
}

static int null_open(const struct engine_config *cfg, struct engine **out,
                     struct err *err)
{
    struct null_engine *e = mem_zalloc(1, sizeof *e);

    (void)err;
    e->base.ops = &engine_ops_null;
    e->limit = cfg->connections;
    e->tail = &e->first;
    uv_idle_init(cfg->loop, &e->idle);
    e->idle.data = e;
    *out = &e->base;
    return 0;
}

static bool null_ready(const struct engine *base)
{
    const struct null_engine *e = self(base);

    return e->closed == NULL && e->in_flight < e->limit;
}

static int null_submit(struct engine *base, struct transfer *t)
{
    struct null_engine *e = self(base);

    if (!null_ready(base))
        return -1;
    t->next = NULL;
    t->body_bytes = 0;
    t->kept = t->kept_headers = 0;
    t->sent_ns = clock_now_ns();
    *e->tail = t;
    e->tail = &t->next;
    if (e->in_flight++ == 0)
        uv_idle_start(&e->idle, on_idle);
    return 0;
}

static void null_on_ready(struct engine *base, void (*fn)(void *), void *user)
{
    self(base)->on_ready = fn;
    self(base)->ready_user = user;
}

static void null_cancel_all(struct engine *base)
{
    struct null_engine *e = self(base);

    for (int n = e->in_flight; n > 0; n--)
        answer(e, TRANSFER_CANCELLED);
}

static void null_stats(const struct engine *base, struct engine_stats *out)
{
    *out = self(base)->stats;
}

static void on_closed(uv_handle_t *handle)
{
    struct null_engine *e = handle->data;
    void (*closed)(void *) = e->closed;
    void *user = e->closed_user;

    free(e);
    closed(user);
}

static void null_close(struct engine *base, void (*closed)(void *), void *user)
{
    struct null_engine *e = self(base);

    e->closed = closed;
    e->closed_user = user;
    null_cancel_all(base);
    uv_close((uv_handle_t *)&e->idle, on_closed);
}

const struct engine_ops engine_ops_null = {
    .name = "null",
    .open = null_open,
    .ready = null_ready,
    .submit = null_submit,
    .on_ready = null_on_ready,
    .cancel_all = null_cancel_all,
    .stats = null_stats,
    .close = null_close,
};
