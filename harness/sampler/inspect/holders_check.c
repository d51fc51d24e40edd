/* Is it true that an object holds what a word of its block points at? Blocks
 * are larger than what lies in them, and nobody wipes what is left over. */
#include "harness/sampler/inspect/holders_impl.h"
#include "harness/sampler/inspect/pyread.h"

#include <string.h>

#define INLINE_VALUES (1u << 2) /* type flag of 3.13 and later */

/* A weak reference: what it refers to is its first word; then what is called
   when that is gone, which it does hold; then a hash and its neighbours in the
   list of all weak references to the same. */
#define WEAK_CALLBACK 24
#define WEAK_END 56
/* A set: counts, then its table, then a place for a small one. */
#define SET_TABLE 40
#define SET_SMALL 64
#define BASES_MOST 16 /* classes from one to its roots */

/* What lies behind the end of a text or number is left over from before. */
static bool never_holds(const char *name)
{
    static const char *const plain[] = {"str", "bytes", "int", "float"};

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strncmp(name, "builtins.", 9) == 0 &&
            strcmp(name + 9, plain[i]) == 0)
            return true;
    return false;
}

bool holder_is_weak(const char *name)
{
    static const char *const weak[] = {"ReferenceType", "ProxyType",
                                       "CallableProxyType", "KeyedRef",
                                       "WeakMethod"};

    if (strncmp(name, "builtins.weak", 13) == 0)
        return true; /* up to 3.8 */
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++)
        if (strncmp(name, "weakref.", 8) == 0 && strcmp(name + 8, weak[i]) == 0)
            return true;
    return false;
}

/* Is the word at `hit` a reference that does not keep anything alive, in a weak
 * reference or an instance of a class made of one? */
static bool is_weak_word(const struct holder_world *w, const struct holder *h)
{
    uint64_t at = h->hit - h->addr, base;
    int32_t type = h->type;

    if (at == WEAK_CALLBACK || at >= WEAK_END)
        return false;
    for (int i = 0; type >= 0 && i < BASES_MOST; i++) {
        if (holder_is_weak(pytypes_name(w->types, (uint32_t)type)))
            return true;
        if (memview_u64(w->v,
                        pytypes_address(w->types, (uint32_t)type) + PYTYPE_BASE,
                        &base) != 0 ||
            base == 0)
            return false;
        type = pytypes_lookup(w->types, base);
    }
    return false;
}

/* Does the list at `list` really hold what its buffer holds at `hit`? What
 * lies behind its length is left over. */
static bool list_holds(const struct holder_world *w, uint64_t list,
                       uint64_t hit)
{
    uint64_t word[4]; /* count, type, length, buffer */

    return memview_read(w->v, list, word, sizeof word) == 0 && hit >= word[3] &&
           (hit - word[3]) / 8 < word[2];
}

/* Does the dict at `dict` really hold what its table holds at `hit`? What lies
 * behind the last entry is left over. */
static bool dict_holds(const struct holder_world *w, uint64_t dict,
                       uint64_t hit)
{
    struct pydict d;

    if (pyread_dict(w->v, w->version, dict, &d) != 0)
        return false;
    if (d.values)
        return true;
    /* The hash of a number is the number: one that is an address (id) holds
       nothing. */
    return hit >= d.entries && (hit - d.entries) / d.stride < d.n &&
           ((hit - d.entries) % d.stride == d.key_at ||
            (hit - d.entries) % d.stride == d.value_at);
}

/* Does the set at `set` really hold what its table holds at `hit`? Behind each
 * key lies its hash. */
static bool set_holds(const struct holder_world *w, uint64_t set, uint64_t hit)
{
    uint64_t table;

    return memview_u64(w->v, set + SET_TABLE, &table) == 0 &&
           hit - table < (uint64_t)1 << 40 && (hit - table) % 16 == 0;
}

static bool is_set(const char *name)
{
    return strcmp(name, "builtins.set") == 0 ||
           strcmp(name, "builtins.frozenset") == 0;
}

/* A deque keeps an empty block for what comes next. */
static bool deque_holds(const struct holder_world *w, uint64_t deque)
{
    uint64_t length;

    return memview_u64(w->v, deque + 16, &length) == 0 && length > 0;
}

/* Does object `h` use what plain block `c` holds? A list's buffer may be
 * longer than the list; a code object (up to 3.7) keeps its last, dead frame.
 */
static bool holds_block(const struct holder_world *w, const struct holder *h,
                        const struct holder *c)
{
    const char *name = pytypes_name(w->types, (uint32_t)h->type);

    if (strcmp(name, "builtins.list") == 0)
        return list_holds(w, h->addr, c->hit);
    if (strcmp(name, "builtins.dict") == 0)
        return dict_holds(w, h->addr, c->hit);
    if (is_set(name))
        return set_holds(w, h->addr, c->hit);
    if (strcmp(name, "collections.deque") == 0)
        return deque_holds(w, h->addr);
    return strcmp(name, "builtins.code") != 0;
}

/* Is the word at `hit` one of the values behind an instance that ends at
 * `end`? First a byte with the number of places, the fourth says whether they
 * are in use. */
static bool is_inline_value(const struct holder_world *w, uint64_t end,
                            uint64_t hit)
{
    unsigned char head[8];

    return memview_read(w->v, end, head, sizeof head) == 0 && head[3] &&
           hit >= end + sizeof head && (hit - end) / 8 <= head[0];
}

/* Is the word at `hit` part of the object that `h` is? A block may be longer
 * than its object; what lies behind is left over from an older one, and so
 * are the collector's links of an object that it does not track. */
static bool within(const struct holder_world *w, const struct holder *h,
                   uint64_t hit)
{
    uint32_t type = (uint32_t)h->type;
    uint64_t end = h->addr + pytypes_basicsize(w->types, type);
    uint64_t item = 0, length;

    if (hit < h->addr)
        return hit < h->addr - w->version->gc_head;
    if (w->version->minor < 11 && holder_is(w, h->type, "builtins.frame"))
        return holder_in_old_frame(w, h);
    if (hit < end)
        return true;
    if (pytypes_flags(w->types, type) & INLINE_VALUES)
        return is_inline_value(w, end, hit);
    /* Their frame lies behind them, and they do not tell its length. */
    if (holder_is_generator(pytypes_name(w->types, type)))
        return holder_in_frame(w, h->addr, hit);
    if (memview_u64(w->v, pytypes_address(w->types, type) + PYTYPE_ITEMSIZE,
                    &item) != 0 ||
        item == 0 || item > 64 || memview_u64(w->v, h->addr + 16, &length) != 0)
        return false;
    /* A negative length is a sign, not a length. */
    if ((int64_t)length < 0)
        length = 0 - length;
    return (hit - end) / item < length;
}

/* Is the word at `h->hit` a hash in the table that lies within a small set? */
static bool is_small_hash(const struct holder_world *w, const struct holder *h)
{
    return is_set(pytypes_name(w->types, (uint32_t)h->type)) &&
           h->hit >= h->addr + SET_SMALL && (h->hit - h->addr) % 16 == 8;
}

bool holder_holds(const struct holder_world *w, const struct holder *h,
                  const struct holder *c)
{
    return !never_holds(pytypes_name(w->types, (uint32_t)h->type)) &&
           !is_weak_word(w, h) && !is_small_hash(w, h) &&
           !holder_is_borrowed_link(w, h) && within(w, h, h->hit) &&
           (!c->size || holds_block(w, h, c));
}
