#include "harness/load/engine_impl.h"

#include "harness/base/clock.h"
#include "harness/model/scenario.h"

#include <string.h>

/* Every engine there is, in the order in which `auto` tries them. */
static const struct engine_ops *const engines[] = {
    &engine_ops_h1,
    &engine_ops_h2,
    &engine_ops_curl,
    &engine_ops_null,
};
#define NENGINES (sizeof engines / sizeof engines[0])

static const char *const choice_names[] = {
    [ENGINE_AUTO] = "auto", [ENGINE_CURL] = "curl", [ENGINE_H1] = "h1",
    [ENGINE_H2] = "h2",     [ENGINE_NULL] = "null",
};

const char *transfer_error_name(enum transfer_error e)
{
    static const char *const names[] = {
        [TRANSFER_OK] = "none",
        [TRANSFER_CONNECT] = "connection refused or host not found",
        [TRANSFER_TLS] = "TLS failure",
        [TRANSFER_CERTIFICATE] = "certificate not trusted; see target.tls_ca",
        [TRANSFER_SEND] = "sending failed",
        [TRANSFER_CLOSED] = "closed before the answer was whole",
        [TRANSFER_TIMEOUT] = "timeout",
        [TRANSFER_PROTOCOL] = "not valid HTTP",
        [TRANSFER_TOO_LARGE] = "body over the limit",
        [TRANSFER_REDIRECT] = "redirect not followed",
        [TRANSFER_RESOURCE] = "out of descriptors, ports or memory",
        [TRANSFER_CANCELLED] = "cancelled",
    };

    return e >= 0 && e < TRANSFER_ERRORS ? names[e] : "unknown";
}

static const struct engine_ops *find(const char *name)
{
    for (size_t i = 0; i < NENGINES; i++)
        if (strcmp(engines[i]->name, name) == 0)
            return engines[i];
    return NULL;
}

int engine_choose(const struct scenario *sc, const char **name,
                  const char **why, struct err *err)
{
    const struct engine_ops *ops;
    const char *why_not = "";

    if (sc->load.engine != ENGINE_AUTO) {
        ops = find(choice_names[sc->load.engine]);
        if (ops == NULL)
            return err_set(err, "engine '%s' is not built in",
                           choice_names[sc->load.engine]);
        if (ops->can_serve != NULL && !ops->can_serve(sc, &why_not))
            return err_set(err, "engine '%s' cannot serve this scenario: %s",
                           ops->name, why_not);
        *name = ops->name;
        *why = "the scenario asks for it";
        return 0;
    }
    *why = "the scenario needs nothing more";
    for (size_t i = 0; i < NENGINES; i++) {
        ops = engines[i];
        if (ops->can_serve == NULL || ops->can_serve(sc, &why_not)) {
            *name = ops->name;
            /* Why not a faster one, if there was one. */
            if (why_not[0] != '\0')
                *why = why_not;
            return 0;
        }
    }
    return err_set(err, "no engine can serve this scenario: %s", why_not);
}

uint64_t engine_tick_ms(const struct scenario *sc)
{
    int64_t least = sc->load.timeout_ns;
    int64_t ms;

    for (size_t i = 0; i < sc->nrequests; i++)
        if (sc->requests[i].timeout_ns > 0 &&
            sc->requests[i].timeout_ns < least)
            least = sc->requests[i].timeout_ns;
    ms = least / 20 / CLOCK_NS_PER_MS;
    return ms < 1 ? 1 : ms > 250 ? 250 : (uint64_t)ms;
}

bool engine_may_retry(const struct engine_stats *stats)
{
    enum { FREE = 32, ONE_IN = 200 };

    return stats->retries < FREE + stats->ended / ONE_IN;
}

bool engine_may_keep(const struct engine_stats *stats)
{
    enum { FREE = 8 };

    return stats->retries < FREE || stats->retries < stats->kept;
}

int engine_open(const char *name, const struct engine_config *cfg,
                struct engine **out, struct err *err)
{
    const struct engine_ops *ops = find(name);

    if (ops == NULL)
        return err_set(err, "engine '%s' is not built in", name);
    return ops->open(cfg, out, err);
}

bool engine_ready(const struct engine *e)
{
    return e->ops->ready(e);
}

int engine_submit(struct engine *e, struct transfer *t)
{
    return e->ops->submit(e, t);
}

void engine_on_ready(struct engine *e, void (*fn)(void *), void *user)
{
    e->ops->on_ready(e, fn, user);
}

void engine_cancel_all(struct engine *e)
{
    e->ops->cancel_all(e);
}

void engine_get_stats(const struct engine *e, struct engine_stats *out)
{
    e->ops->stats(e, out);
}

void engine_close(struct engine **e, void (*closed)(void *), void *user)
{
    struct engine *engine = *e;

    *e = NULL;
    engine->ops->close(engine, closed, user);
}
