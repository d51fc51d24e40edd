/* What the search for holders (holders.c) shares with its checks
 * (holders_check.c), its frames (holders_frames.c), its bounds
 * (holders_bound.c) and its words (holders_text.c). For nobody else. */
#ifndef PLATEAU_SAMPLER_INSPECT_HOLDERS_IMPL_H
#define PLATEAU_SAMPLER_INSPECT_HOLDERS_IMPL_H

#include "harness/base/buf.h"
#include "harness/sampler/inspect/holders.h"
#include "harness/sampler/inspect/memview.h"
#include "harness/sampler/inspect/pyruntime.h"
#include "harness/sampler/inspect/pytypes.h"
#include "harness/sampler/inspect/pyversions.h"

#include <stdbool.h>
#include <stdint.h>

#define HOLDER_NAME_CAP 128u

/* One thing that was found to hold another. */
struct holder {
    uint64_t addr;  /* of the object, or of a plain block of memory */
    uint64_t size;  /* of the plain block; 0: an object */
    uint64_t hit;   /* address of the word that points at `child` */
    int32_t type;   /* index; -1: plain block */
    int32_t child;  /* what it holds: index; -1: it is a sampled instance */
    uint32_t depth; /* 0: sampled instance */
    uint32_t sample;
    uint32_t holders; /* found to hold this */
    int32_t same;     /* next node of this pass with this address, or -1 */
    bool held;        /* something points at it, followed or not */
    bool root;
    bool frame; /* a slot of a running frame, at `hit`; its stack begins at
                   `addr` */
};

/* What reading needs. */
struct holder_world {
    struct memview *v;
    const struct pyversion *version;
    struct pytypes *types;
    const struct holder *nodes;
};

/* Does object `h` hold its child `c`, or is the word at `h->hit` left over, or
 * a weak reference? */
bool holder_holds(const struct holder_world *w, const struct holder *h,
                  const struct holder *c);

/* Is `name` the type of a weak reference or proxy? */
bool holder_is_weak(const char *name);

/* Is the dict at `addr` a module's namespace? Then its name into `name`. */
bool holder_namespace(const struct holder_world *w, uint64_t addr, char *name,
                      size_t cap);

/* Is the type of that index `name`? */
bool holder_is(const struct holder_world *w, int32_t type, const char *name);

/* Appends the chain from node `top` down to its sampled instance. Gives the
 * first container on it that has a limit; its `what` is NULL without one. */
void holder_text(const struct holder_world *w, int32_t top, struct buf *out,
                 struct holders_bound *bound);

/* Is object `n` a container that carries a bound, or could? Then its size and
 * limit into `out`. */
bool holder_bound(const struct holder_world *w, const struct holder *n,
                  struct holders_bound *out);

/* The object that the memo (functools.lru_cache) at node `memo` remembers,
 * below its dict and entries, or the entry that is looked for itself; -1: it
 * is no memo. */
int32_t holder_memo_value(const struct holder_world *w, int32_t memo);

/* Is the word at `h->hit` one of the links between the entries of a memo? They
 * hold nothing. */
bool holder_is_borrowed_link(const struct holder_world *w,
                             const struct holder *h);

struct census_reader;
struct heapscan_sink;
struct holders;
struct holders_mark;

/* One pass over all blocks of the heap. Returns false when it was cut short:
 * the time, or the process ended. */
bool holder_pass(struct census_reader *r, const struct heapscan_sink *sink,
                 int64_t until_ns);

/* Calls `fn` for each living instance of `types[which]`, `type` being its
 * index. Returns as holder_pass. */
typedef void (*holder_instance_fn)(void *ctx, uint64_t addr, uint32_t type,
                                   size_t which);
bool holder_instances(struct census_reader *r, const char *const *types,
                      size_t n, int64_t until_ns, holder_instance_fn fn,
                      void *ctx);

/* The search itself, in what the reader sees. A recorded image (its pid is 0)
 * has no maps to read again. Arguments as for holders_find. */
void holders_search(struct census_reader *r, const char *type, unsigned samples,
                    const struct holders_mark *before, int64_t time_limit_ns,
                    struct holders *out);

/* The frame by which node `n` holds its child: on a thread's stack, in a
 * generator or coroutine, or a frame object up to 3.10. Its function's name
 * into `function`, its variable's into `variable` ("": unknown); both have
 * room for HOLDER_NAME_CAP. Returns whether there is one. */
bool holder_frame(const struct holder_world *w, const struct holder *n,
                  char *function, char *variable);

/* "shop.serve": the qualified name of the function object at `function`, into
 * `out` with room for HOLDER_NAME_CAP. False when it cannot be read. */
bool holder_function(const struct holder_world *w, uint64_t function,
                     char *out);

/* Is node `n` a generator or coroutine with a frame behind it (3.11)? */
bool holder_has_frame(const struct holder_world *w, const struct holder *n);

/* Is the word at `hit` in use in the frame of the generator at `generator`? */
bool holder_in_frame(const struct holder_world *w, uint64_t generator,
                     uint64_t hit);

/* Up to 3.10: is the word at `n->hit` a reference of frame object `n`, or in
 * one of the slots that its code uses? Frames are used again, by functions
 * with fewer slots, and not wiped. */
bool holder_in_old_frame(const struct holder_world *w, const struct holder *n);

/* Is `name` the type of a generator or coroutine? */
bool holder_is_generator(const char *name);

/* Calls `fn` with each word (`word`, at `at`) in use on the frame stacks of
 * all threads; `from` is where that piece of stack begins. */
typedef void (*holder_word_fn)(void *ctx, uint64_t from, uint64_t at,
                               uint64_t word);
void holder_stacks(struct memview *v, const struct pyruntime *rt,
                   int64_t until_ns, holder_word_fn fn, void *ctx);

#endif
