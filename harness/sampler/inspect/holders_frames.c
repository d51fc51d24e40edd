/* Frames of Python code: those that run, on the threads' frame stacks (3.11
 * and later; before, a frame was an object of its own), and those inside
 * generators and coroutines. Nothing about thread states is in a table: what
 * is looked for proves itself. */
#include "harness/base/clock.h"
#include "harness/sampler/inspect/holders_impl.h"
#include "harness/sampler/inspect/pyread.h"

#include <stdlib.h>
#include <string.h>

enum {
    INTERPRETERS_MAX = 16,
    INTERPRETER_READ = 8192, /* of it, to find its first thread */
    THREADS_MAX = 4096,
    THREAD_READ = 1024, /* of a thread's state, to find its stack */
    PIECES_MAX = 4096,  /* of one thread's stack */
    PIECE_HEAD = 24,    /* previous, size in bytes, top in words */
    PIECE_LARGEST = 64 << 20,
    FRAME_LARGEST = 16384, /* bytes from a frame's begin to its last slot */
    FUNCTION_GLOBALS = 16,
    FUNCTION_BUILTINS = 24,
    FUNCTION_NAME = 40,        /* qualified */
    OLD_FUNCTION_GLOBALS = 24, /* up to 3.9 */
    OLD_FUNCTION_NAME = 104,
    OLD_CODE = 32, /* in a frame object, up to 3.10 */
    OLD_GLOBALS = 48,
    OLD_REFERENCES = 88,    /* they end here; then numbers, never wiped */
    OLD_REFERENCES_6 = 112, /* 3.6: an exception's three more */
    OLD_COUNTS = 28,    /* in a code object, 3.8 to 3.10: variables, stack */
    OLD_VARIABLES = 72, /* names of variables, then free ones, then cells */
    OLD_NAME = 112,
    CODE_SLOT_NAMES = 96,
    SLOTS_USED = 64, /* in a frame, 3.11 to 3.13: variables and stack */
    FIRST_SLOT = 72,
    LAST_KNOWN_SLOTS = 13 /* the minor version */
};

/* References on the stack carry flags in their low bits (3.14). */
static uint64_t untag(uint64_t w)
{
    return w & ~(uint64_t)7;
}

/* "module.function", from the module's dict and the function's string. */
static bool full_name(const struct holder_world *w, uint64_t globals,
                      uint64_t function, char *out)
{
    uint64_t module = pyread_dict_get(w->v, w->version, globals, "__name__");
    int n = -1;

    if (module)
        n = pyread_string(w->v, w->version, module, out, HOLDER_NAME_CAP / 2);
    if (n > 0)
        out[n++] = '.';
    else
        n = 0;
    return pyread_string(w->v, w->version, function, out + n,
                         HOLDER_NAME_CAP - (size_t)n) > 0;
}

/* The name of the function object at `function`. */
static bool name_of(const struct holder_world *w, uint64_t function, char *out)
{
    uint64_t globals, qualname;

    return memview_u64(w->v, function + FUNCTION_GLOBALS, &globals) == 0 &&
           memview_u64(w->v, function + FUNCTION_NAME, &qualname) == 0 &&
           full_name(w, globals, qualname, out);
}

bool holder_function(const struct holder_world *w, uint64_t function, char *out)
{
    uint64_t globals, qualname;

    if (w->version->minor >= 10)
        return name_of(w, function, out);
    return memview_u64(w->v, function + OLD_FUNCTION_GLOBALS, &globals) == 0 &&
           memview_u64(w->v, function + OLD_FUNCTION_NAME, &qualname) == 0 &&
           full_name(w, globals, qualname, out);
}

/* Item `i` of the tuple of strings at `tuple`. */
static bool item_name(const struct holder_world *w, uint64_t tuple, uint64_t i,
                      char *out)
{
    uint64_t n, item;

    return memview_u64(w->v, tuple + 16, &n) == 0 && i < n &&
           memview_u64(w->v, tuple + 24 + 8 * i, &item) == 0 &&
           pyread_string(w->v, w->version, item, out, HOLDER_NAME_CAP) > 0;
}

/* Does a frame's reference to its function lie at `at`? Globals and builtins
 * of both are the same and follow. */
static bool is_function_slot(const struct holder_world *w, uint64_t at,
                             uint64_t *function)
{
    uint64_t slot[3], own[2];

    if (memview_read(w->v, at, slot, sizeof slot) != 0 || !slot[0])
        return false;
    *function = untag(slot[0]);
    return memview_read(w->v, *function + FUNCTION_GLOBALS, own, sizeof own) ==
               0 &&
           slot[1] && own[0] == slot[1] && own[1] == slot[2] &&
           holder_is(w, pytypes_at(w->types, *function), "builtins.function");
}

/* A frame on a stack or in a generator. */
struct frame {
    uint64_t begin, function, code;
    uint64_t slot; /* number of the one asked for; UINT64_MAX: none */
};

/* The frame, no lower than `from`, that the word at `hit` belongs to. */
static bool frame_at(const struct holder_world *w, uint64_t from, uint64_t hit,
                     struct frame *f)
{
    uint64_t lowest = hit - from > FRAME_LARGEST ? hit - FRAME_LARGEST : from;
    bool first = w->version->minor == 11; /* the function leads the frame */

    for (uint64_t at = hit; at > lowest;) {
        at -= 8;
        if (!is_function_slot(w, at, &f->function))
            continue;
        f->begin = first ? at : at - 16;
        f->slot =
            hit < f->begin + FIRST_SLOT || w->version->minor > LAST_KNOWN_SLOTS
                ? UINT64_MAX
                : (hit - f->begin - FIRST_SLOT) / 8;
        return memview_u64(w->v, first ? at + 32 : f->begin, &f->code) == 0;
    }
    return false;
}

bool holder_in_frame(const struct holder_world *w, uint64_t generator,
                     uint64_t hit)
{
    struct frame f;
    uint32_t used;

    /* What runs does not tell how many of its slots are in use. */
    return !frame_at(w, generator, hit, &f) || f.slot == UINT64_MAX ||
           memview_u32(w->v, f.begin + SLOTS_USED, &used) != 0 ||
           (int32_t)used < 0 || f.slot < used;
}

/* What the code object of a frame up to 3.10 says about the frame's slots,
 * which hold its variables, its cells, the free variables and its stack. */
struct old_slots {
    uint64_t first; /* address */
    uint64_t code;
    uint64_t names[3]; /* tuples: of variables, of cells, of free ones */
    uint64_t n[3];     /* slots that each of them names */
    uint32_t stack;    /* slots behind those */
};

/* A frame's slots begin with its last basic word. */
static bool old_slots(const struct holder_world *w, uint64_t frame,
                      uint32_t type, struct old_slots *o)
{
    uint64_t less = w->version->minor < 8 ? 8 : 0; /* a count less, aligned */
    uint64_t tuples[3];
    uint32_t counts[2];

    o->first = frame + pytypes_basicsize(w->types, type) - 8;
    if (memview_u64(w->v, frame + OLD_CODE, &o->code) != 0 ||
        memview_read(w->v, o->code + OLD_COUNTS - less / 2, counts,
                     sizeof counts) != 0 ||
        memview_read(w->v, o->code + OLD_VARIABLES - less, tuples,
                     sizeof tuples) != 0)
        return false;
    o->names[0] = tuples[0];
    o->names[1] = tuples[2];
    o->names[2] = tuples[1];
    for (int i = 0; i < 3; i++)
        if (memview_u64(w->v, o->names[i] + 16, &o->n[i]) != 0 ||
            o->n[i] > FRAME_LARGEST / 8)
            return false;
    o->n[0] = counts[0];
    o->stack = counts[1];
    return true;
}

bool holder_in_old_frame(const struct holder_world *w, const struct holder *n)
{
    struct old_slots o;

    if (!old_slots(w, n->addr, (uint32_t)n->type, &o))
        return true;
    if (n->hit < o.first)
        return n->hit < n->addr + (w->version->minor < 7 ? OLD_REFERENCES_6
                                                         : OLD_REFERENCES);
    return (n->hit - o.first) / 8 < o.n[0] + o.n[1] + o.n[2] + o.stack;
}

/* The name of the variable in slot `slot`. */
static bool old_variable(const struct holder_world *w,
                         const struct old_slots *o, uint64_t slot, char *name)
{
    for (int i = 0; i < 3; i++) {
        if (slot < o->n[i])
            return item_name(w, o->names[i], slot, name);
        slot -= o->n[i];
    }
    return false;
}

/* A frame object up to 3.10. */
static bool old_frame(const struct holder_world *w, const struct holder *n,
                      char *function, char *variable)
{
    uint64_t less = w->version->minor < 8 ? 8 : 0;
    uint64_t globals, name, slot;
    struct old_slots o;

    if (!old_slots(w, n->addr, (uint32_t)n->type, &o) ||
        memview_u64(w->v, n->addr + OLD_GLOBALS, &globals) != 0 ||
        memview_u64(w->v, o.code + OLD_NAME - less, &name) != 0)
        return false;
    slot = n->hit < o.first ? UINT64_MAX : (n->hit - o.first) / 8;
    if (!old_variable(w, &o, slot, variable))
        *variable = '\0';
    return full_name(w, globals, name, function);
}

bool holder_is_generator(const char *name)
{
    return strcmp(name, "builtins.generator") == 0 ||
           strcmp(name, "builtins.coroutine") == 0 ||
           strcmp(name, "builtins.async_generator") == 0;
}

bool holder_has_frame(const struct holder_world *w, const struct holder *n)
{
    return w->version->minor >= 11 && n->type >= 0 &&
           holder_is_generator(pytypes_name(w->types, (uint32_t)n->type));
}

bool holder_frame(const struct holder_world *w, const struct holder *n,
                  char *function, char *variable)
{
    struct frame f;
    uint64_t names;

    *variable = '\0';
    if (n->frame || holder_has_frame(w, n)) {
        if (n->hit <= n->addr || !frame_at(w, n->addr, n->hit, &f))
            return false;
        if (f.slot == UINT64_MAX ||
            memview_u64(w->v, f.code + CODE_SLOT_NAMES, &names) != 0 ||
            !item_name(w, names, f.slot, variable))
            *variable = '\0';
        return name_of(w, f.function, function);
    }
    return w->version->minor < 11 && old_frame(w, n, function, variable);
}

/* The piece of stack in use by the thread whose state is at `thread`: three
 * words in a row say where it begins, how far it is used, where it ends. */
static bool thread_stack(struct memview *v, uint64_t thread, uint64_t *piece,
                         uint64_t *top)
{
    uint64_t w[THREAD_READ / 8], size;

    if (memview_read(v, thread, w, sizeof w) != 0)
        return false;
    for (size_t i = 3; i + 2 < THREAD_READ / 8; i++)
        if (w[i] && w[i] % MEMVIEW_PAGE == 0 && w[i + 2] > w[i] &&
            w[i + 2] - w[i] <= PIECE_LARGEST && w[i + 1] <= w[i + 2] &&
            w[i + 1] >= w[i] + PIECE_HEAD &&
            memview_u64(v, w[i] + 8, &size) == 0 && size == w[i + 2] - w[i]) {
            *piece = w[i];
            *top = w[i + 1];
            return true;
        }
    return false;
}

/* The first thread of the interpreter at `interp`: none before it, and it
 * says whose it is. 0: not found. */
static uint64_t first_thread(struct memview *v, uint64_t interp)
{
    uint64_t piece, top;

    for (uint64_t at = 0; at < INTERPRETER_READ; at += 8) {
        uint64_t thread, links[3];

        if (memview_u64(v, interp + at, &thread) == 0 && thread &&
            thread % 8 == 0 &&
            memview_read(v, thread, links, sizeof links) == 0 && !links[0] &&
            links[2] == interp && thread_stack(v, thread, &piece, &top))
            return thread;
    }
    return 0;
}

/* All of one thread's stack, the newest piece first. */
static void walk_stack(struct memview *v, uint64_t piece, uint64_t top,
                       int64_t until_ns, holder_word_fn fn, void *ctx)
{
    for (int i = 0; i < PIECES_MAX && piece; i++) {
        uint64_t head[3], word;

        for (uint64_t at = piece + PIECE_HEAD; at + 8 <= top; at += 8)
            if (memview_u64(v, at, &word) == 0 && word)
                fn(ctx, piece + PIECE_HEAD, at, untag(word));
        if (clock_now_ns() > until_ns ||
            memview_read(v, piece, head, sizeof head) != 0)
            return;
        piece = head[0];
        if (memview_read(v, piece, head, sizeof head) != 0 ||
            head[1] > PIECE_LARGEST || head[2] > head[1] / 8)
            return;
        top = piece + PIECE_HEAD + 8 * head[2];
    }
}

void holder_stacks(struct memview *v, const struct pyruntime *rt,
                   int64_t until_ns, holder_word_fn fn, void *ctx)
{
    uint64_t interps[INTERPRETERS_MAX];
    int n = 0;

    if (rt->version->minor >= 11)
        n = pyruntime_interpreters(v, rt, interps, INTERPRETERS_MAX);
    for (int i = 0; i < n; i++) {
        uint64_t thread = first_thread(v, interps[i]);

        for (int k = 0; thread && k < THREADS_MAX; k++) {
            uint64_t piece, top;

            if (thread_stack(v, thread, &piece, &top))
                walk_stack(v, piece, top, until_ns, fn, ctx);
            if (clock_now_ns() > until_ns ||
                memview_u64(v, thread + 8, &thread) != 0)
                return;
        }
    }
}
