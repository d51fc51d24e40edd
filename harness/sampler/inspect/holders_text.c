#include "harness/sampler/inspect/holders_impl.h"
#include "harness/sampler/inspect/pyread.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_CAP HOLDER_NAME_CAP
#define ENTRIES_MAX (64u << 10) /* of a dict searched for one value */
#define TP_DICTOFFSET 288

/* ob_size, used, fill: where a container keeps its length. */
static const struct {
    const char *type;
    uint32_t length_at;
} containers[] = {
    {"builtins.list", 16},           {"builtins.tuple", 16},
    {"builtins.dict", 16},           {"builtins.set", 24},
    {"builtins.frozenset", 24},      {"collections.deque", 16},
    {"collections.OrderedDict", 16}, {"collections.defaultdict", 16},
};

bool holder_is(const struct holder_world *w, int32_t type, const char *name)
{
    return type >= 0 &&
           strcmp(pytypes_name(w->types, (uint32_t)type), name) == 0;
}

bool holder_namespace(const struct holder_world *w, uint64_t addr, char *name,
                      size_t cap)
{
    uint64_t value = pyread_dict_get(w->v, w->version, addr, "__name__");

    return value &&
           (pyread_dict_get(w->v, w->version, addr, "__spec__") ||
            pyread_dict_get(w->v, w->version, addr, "__builtins__")) &&
           pyread_string(w->v, w->version, value, name, cap) > 0;
}

/* The name under which entry `i` of a dict holds `value`. */
static bool key_at(const struct holder_world *w, const struct pydict *d,
                   uint64_t i, uint64_t value, char *name)
{
    uint64_t k, v;

    return pyread_entry(w->v, d, i, &k, &v) == 0 && v == value && k &&
           pyread_string(w->v, w->version, k, name, NAME_CAP) > 0;
}

/* The name under which the dict node `dict` holds `value`: the entry is where
 * its table was found to point there, unless the table has moved since. */
static bool key_of(const struct holder_world *w, int32_t dict, uint64_t value,
                   char *name)
{
    const struct holder *n = &w->nodes[dict];
    uint64_t hit = n->child >= 0 ? w->nodes[n->child].hit : 0;
    struct pydict d;
    uint64_t from;

    if (pyread_dict(w->v, w->version, n->addr, &d) != 0)
        return false;
    from = d.values ? d.values : d.entries;
    if (hit >= from &&
        key_at(w, &d, (hit - from) / (d.values ? 8 : d.stride), value, name))
        return true;
    for (uint64_t i = 0; i < d.n && i < ENTRIES_MAX; i++)
        if (key_at(w, &d, i, value, name))
            return true;
    return false;
}

/* The i-th attribute name that instances of the class at `type` share. */
static bool shared_name(const struct holder_world *w, uint64_t type, uint64_t i,
                        char *name)
{
    /* ht_cached_keys follows ht_qualname; its keys are read as a dict's. */
    uint64_t keys, key;
    unsigned char head[32];

    if (!w->version->new_keys || i > 255 ||
        memview_u64(w->v, type + w->version->ht_qualname + 8, &keys) != 0 ||
        memview_read(w->v, keys, head, sizeof head) != 0 || head[9] > 16)
        return false;
    keys += 32 + ((uint64_t)1 << head[9]) + i * (head[10] ? 16u : 24u) +
            (head[10] ? 0 : 8);
    return memview_u64(w->v, keys, &key) == 0 && key &&
           pyread_string(w->v, w->version, key, name, NAME_CAP) > 0;
}

/* Is dict node `d` the namespace of the object node `o` that holds it (the
 * __dict__ of an instance, of a class)? */
static bool owns_dict(const struct holder_world *w, const struct holder *o,
                      const struct holder *d)
{
    uint64_t offset;

    if (o->size || !holder_is(w, d->type, "builtins.dict"))
        return false;
    if (o->hit < o->addr)
        return true; /* in front of the object: a managed dict */
    if (pytypes_lookup(w->types, o->addr) >= 0)
        return o->hit == o->addr + PYTYPE_DICT;
    return memview_u64(w->v,
                       pytypes_address(w->types, (uint32_t)o->type) +
                           TP_DICTOFFSET,
                       &offset) == 0 &&
           offset && o->hit == o->addr + offset;
}

/* By which of its parts the function node `n` holds what it points at. */
static bool function_part(const struct holder_world *w, const struct holder *n,
                          char *name)
{
    static const char *const parts[] = {"defaults", "kwdefaults", "closure"};
    uint64_t first = w->version->minor >= 10 ? 56 : 32;
    uint64_t at = n->hit - n->addr;

    if (at < first || (at - first) / 8 >= sizeof parts / sizeof *parts)
        return false;
    snprintf(name, NAME_CAP, "%s", parts[(at - first) / 8]);
    return true;
}

/* The name by which node `o` holds what is below it, or false. */
static bool attribute(const struct holder_world *w, int32_t o, char *name)
{
    const struct holder *n = &w->nodes[o];
    const struct holder *c = &w->nodes[n->child];
    uint64_t type = pytypes_address(w->types, (uint32_t)n->type);
    uint64_t end = n->addr + pytypes_basicsize(w->types, (uint32_t)n->type);

    if (holder_has_frame(w, n)) {
        char function[NAME_CAP];

        return holder_frame(w, n, function, name) && *name;
    }
    if (holder_is(w, n->type, "builtins.function"))
        return function_part(w, n, name);
    if (c->size && n->hit < n->addr) {
        /* 3.11 and 3.12: a plain block of values in front of the object. */
        uint64_t values;

        if (memview_u64(w->v, n->hit, &values) != 0)
            return false;
        values += values & 7 ? 1 : 0;
        return c->hit >= values &&
               shared_name(w, type, (c->hit - values) / 8, name);
    }
    /* 3.13 and later: values behind the object, after eight bytes. */
    if (!c->size && w->version->minor >= 13 && n->hit >= end + 8)
        return shared_name(w, type, (n->hit - end - 8) / 8, name);
    return false;
}

static void add_number(struct buf *out, uint64_t n)
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, n);

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buf_addc(out, ',');
        buf_addc(out, digits[i]);
    }
}

/* "frame of shop.serve", and the variable that holds what is below. */
static bool add_frame(const struct holder_world *w, const struct holder *n,
                      char *variable, struct buf *out)
{
    char function[NAME_CAP];

    if (!holder_frame(w, n, function, variable)) {
        buf_adds(out, n->frame || n->root ? "a running frame" : "a frame");
        return false;
    }
    buf_addf(out, "frame of %s", function);
    return *variable != '\0';
}

/* "[812, at most 5,000]", "[812, unbounded]" for a memo. That a deque has no
 * limit is what everybody expects. */
static void add_limit(const struct holders_bound *b, bool memo, struct buf *out)
{
    buf_addc(out, '[');
    add_number(out, b->size);
    if (b->limit != UINT64_MAX) {
        buf_adds(out, ", at most ");
        add_number(out, b->limit);
    } else if (memo) {
        buf_adds(out, ", unbounded");
    }
    buf_addc(out, ']');
}

/* "list[51,204]", "shop.Order", "class shop.Cart". */
static void add_object(const struct holder_world *w, const struct holder *n,
                       struct buf *out)
{
    const char *name = pytypes_name(w->types, (uint32_t)n->type);
    int32_t class = pytypes_lookup(w->types, n->addr);
    char function[NAME_CAP];
    uint64_t length;

    /* Of classes that are the leak, each has a name of its own. */
    if (class >= 0 && n->child >= 0) {
        buf_addf(out, "class %s", pytypes_name(w->types, (uint32_t) class));
        return;
    }
    buf_adds(out, strncmp(name, "builtins.", 9) == 0 ? name + 9 : name);
    if (strcmp(name, "builtins.function") == 0 &&
        holder_function(w, n->addr, function))
        buf_addf(out, " %s", function);
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++)
        if (strcmp(name, containers[i].type) == 0 &&
            memview_u64(w->v, n->addr + containers[i].length_at, &length) ==
                0 &&
            length < (uint64_t)1 << 40) {
            buf_addc(out, '[');
            add_number(out, length);
            buf_addc(out, ']');
        }
}

/* The next object below node `i`, plain blocks left out. */
static int32_t object_below(const struct holder_world *w, int32_t i)
{
    do
        i = w->nodes[i].child;
    while (i >= 0 && w->nodes[i].size);
    return i;
}

/* Writes the thread-local object `top` and its two layers of dicts (one of all
 * threads, one per thread) as one step. Returns what it holds, or -1 when it
 * is none of the kind. */
static int32_t add_thread_local(const struct holder_world *w, int32_t top,
                                bool *named, char *name, struct buf *out)
{
    const struct holder *n = &w->nodes[top];
    int32_t all = object_below(w, top), own, held;
    uint64_t threads;

    if (!holder_is(w, n->type, "_thread._local") || all < 0 ||
        !holder_is(w, w->nodes[all].type, "builtins.dict"))
        return -1;
    own = object_below(w, all);
    held = own >= 0 ? object_below(w, own) : -1;
    if (held < 0 || !holder_is(w, w->nodes[own].type, "builtins.dict") ||
        memview_u64(w->v, w->nodes[all].addr + 16, &threads) != 0)
        return -1;
    buf_addf(out, "thread-local of %" PRIu64 " thread%s", threads,
             threads == 1 ? "" : "s");
    *named = key_of(w, own, w->nodes[held].addr, name);
    return held;
}

/* Writes a deque or a memo with its bound, a memo's dict and entries left out.
 * Returns what it holds, or -1 when it is none of the kind. */
static int32_t add_bounded(const struct holder_world *w, int32_t top,
                           struct buf *out, struct holders_bound *bound)
{
    int32_t held = holder_memo_value(w, top);
    bool memo = held >= 0;
    struct holders_bound b;

    if (!holder_bound(w, &w->nodes[top], &b))
        return -1;
    if (!memo)
        held = object_below(w, top);
    if (held < 0 || (!memo && strcmp(b.what, "deque") != 0))
        return -1;
    buf_adds(out, memo ? "functools.lru_cache" : "collections.deque");
    add_limit(&b, memo, out);
    if (bound->what == NULL && b.limit != UINT64_MAX) {
        *bound = b;
        snprintf(bound->entry, sizeof bound->entry, "%s",
                 pytypes_name(w->types, (uint32_t)w->nodes[held].type));
    }
    return held;
}

/* Writes node `top`, and what belongs to it; returns the next one to write,
 * and what that is called. */
static int32_t add_step(const struct holder_world *w, int32_t top, bool *named,
                        char *name, struct buf *out,
                        struct holders_bound *bound)
{
    const struct holder *n = &w->nodes[top];
    int32_t below = object_below(w, top), held;
    char module[NAME_CAP];

    if (n->frame || holder_is(w, n->type, "builtins.frame")) {
        *named = add_frame(w, n, name, out);
        return below;
    }
    if (n->root && holder_is(w, n->type, "builtins.dict") &&
        holder_namespace(w, n->addr, module, sizeof module)) {
        buf_addf(out, "module %s", module);
        *named = below >= 0 && key_of(w, top, w->nodes[below].addr, name);
        return below;
    }
    held = add_thread_local(w, top, named, name, out);
    if (held < 0)
        held = add_bounded(w, top, out, bound);
    if (held >= 0)
        return held;
    add_object(w, n, out);
    if (below >= 0 && n->child == below && owns_dict(w, n, &w->nodes[below])) {
        /* An object and its namespace are one step. */
        held = object_below(w, below);
        *named = held >= 0 && key_of(w, below, w->nodes[held].addr, name);
        return held;
    }
    *named = n->child >= 0 && attribute(w, top, name);
    return below;
}

void holder_text(const struct holder_world *w, int32_t top, struct buf *out,
                 struct holders_bound *bound)
{
    char name[NAME_CAP] = "";
    bool named = false; /* `name` is what the next object is called */

    memset(bound, 0, sizeof *bound);
    while (top >= 0 && w->nodes[top].size)
        top = w->nodes[top].child;
    for (bool first = true; top >= 0; first = false) {
        buf_adds(out, first ? "" : " -> ");
        if (named)
            buf_addf(out, "%s: ", name);
        named = false;
        top = add_step(w, top, &named, name, out, bound);
    }
}
