/* Engines, for implementers: one file ends in one const ops struct, listed
 * in engine.c. The struct engine that `open` gives starts with the member
 * `const struct engine_ops *ops`. */
#ifndef PLATEAU_LOAD_ENGINE_IMPL_H
#define PLATEAU_LOAD_ENGINE_IMPL_H

#include "harness/load/engine.h"

struct engine_ops {
    const char *name;
    int (*open)(const struct engine_config *cfg, struct engine **out,
                struct err *err);
    bool (*ready)(const struct engine *e);
    int (*submit)(struct engine *e, struct transfer *t);
    void (*on_ready)(struct engine *e, void (*fn)(void *), void *user);
    void (*cancel_all)(struct engine *e);
    void (*stats)(const struct engine *e, struct engine_stats *out);
    void (*close)(struct engine *e, void (*closed)(void *), void *user);
    /* NULL: can serve anything. Else says whether it can serve `sc`, and
       why not in `*why_not` (static text). */
    bool (*can_serve)(const struct scenario *sc, const char **why_not);
};

struct engine {
    const struct engine_ops *ops;
};

/* How often an engine that keeps its own timeouts looks for them, ms: a
 * twentieth of the shortest, so that each is noticed within 5 % of its
 * length. */
uint64_t engine_tick_ms(const struct scenario *sc);

/* May one more request be sent again because its kept connection was gone?
 * Peers that close what is idle do so now and then. One that does it all the
 * time is failing, and repeating everything would hide its errors. */
bool engine_may_retry(const struct engine_stats *stats);

/* Is it worth while to keep a connection that the peer says it keeps? Some
 * (uWSGI's --http-socket) close each behind its answer and do not say so: the
 * next request crosses the close. */
bool engine_may_keep(const struct engine_stats *stats);

extern const struct engine_ops engine_ops_h1;
extern const struct engine_ops engine_ops_h2;
extern const struct engine_ops engine_ops_curl;
extern const struct engine_ops engine_ops_null;

#endif
