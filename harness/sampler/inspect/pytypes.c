#include "harness/sampler/inspect/pytypes.h"

#include "harness/base/mem.h"
#include "harness/sampler/inspect/pyread.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS (PYTYPES_MAX * 2u) /* hash table: never more than half full */
#define NEGATIVE 65536u          /* addresses known to be no type */
#define BASES_MAX 16             /* steps from a metaclass up to `type` */
#define BASICSIZE_MAX (1u << 24)
#define OB_SIZE 16 /* in an object of variable size */

struct pytype {
    uint64_t addr;
    uint64_t flags;
    uint64_t basicsize, itemsize;
    uint64_t name_at, qualname_at; /* what the name was made of */
    uint32_t epoch;                /* census in which it was last looked at */
    bool valid;
    char *name;
};

struct pytypes {
    struct memview *v;
    const struct pyversion *version;
    uint64_t type_type;
    uint32_t epoch;
    bool low_maps; /* the target has mappings below 4 GiB */
    struct pytype *types;
    size_t ntypes, cap;
    uint32_t *slots;    /* index + 1 into types, 0: free */
    uint64_t *negative; /* direct-mapped; 0: nothing */
    uint64_t memo_addr; /* the last answer: neighbours are alike */
    int32_t memo_index;
};

static void types_clear(struct pytypes *t)
{
    for (size_t i = 0; i < t->ntypes; i++)
        free(t->types[i].name);
    t->ntypes = 0;
    memset(t->slots, 0, SLOTS * sizeof *t->slots);
    t->memo_addr = 0;
    t->memo_index = -1;
    /* Index PYTYPES_OTHER stands for all that do not fit. */
    t->types = mem_grow(t->types, t->ntypes, &t->cap, sizeof *t->types);
    memset(&t->types[0], 0, sizeof t->types[0]);
    t->types[0].name = mem_strdup("(other types)");
    t->ntypes = 1;
}

struct pytypes *pytypes_new(struct memview *v, const struct pyversion *version,
                            uint64_t type_type)
{
    struct pytypes *t = mem_zalloc(1, sizeof *t);

    t->v = v;
    t->version = version;
    t->type_type = type_type;
    t->slots = mem_zalloc(SLOTS, sizeof *t->slots);
    t->negative = mem_zalloc(NEGATIVE, sizeof *t->negative);
    types_clear(t);
    pytypes_begin(t);
    return t;
}

void pytypes_free(struct pytypes *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->ntypes; i++)
        free(t->types[i].name);
    free(t->types);
    free(t->slots);
    free(t->negative);
    free(t);
}

void pytypes_begin(struct pytypes *t)
{
    size_t n;
    const struct memmap *maps = memview_maps(t->v, &n);

    /* A target that makes classes without end fills the table with dead ones:
     * start again. */
    if (t->ntypes > PYTYPES_MAX / 4 * 3)
        types_clear(t);
    t->epoch++;
    t->memo_addr = 0;
    t->memo_index = -1;
    t->low_maps = n > 0 && maps[0].start < UINT32_MAX;
    memset(t->negative, 0, NEGATIVE * sizeof *t->negative);
}

static size_t hash_addr(uint64_t addr)
{
    return (size_t)((addr >> 3) * 0x9e3779b97f4a7c15u >> 40);
}

/* Is the type object in `head`, at `addr`, an instance of `type` or of a class
 * derived from it? */
static bool is_type(struct pytypes *t, const unsigned char *head)
{
    uint64_t meta = memview_word(head + PYTYPE_TYPE);
    uint64_t size = memview_word(head + PYTYPE_BASICSIZE);
    uint64_t item = memview_word(head + PYTYPE_ITEMSIZE);

    if (size < 16 || size > BASICSIZE_MAX || item > BASICSIZE_MAX ||
        !(memview_word(head + PYTYPE_FLAGS) & PYTYPE_READY))
        return false;
    for (int i = 0; i < BASES_MAX && meta; i++) {
        if (meta == t->type_type)
            return true;
        if (meta % 8 || memview_u64(t->v, meta + PYTYPE_BASE, &meta) != 0)
            return false;
    }
    return false;
}

/* A static type's name is "module.name", or just the name for builtins. */
static char *static_name(struct pytypes *t, uint64_t at)
{
    char text[PYTYPES_NAME_MAX];

    if (memview_string(t->v, at, text, sizeof text) < 0)
        return mem_strdup("(unnamed type)");
    if (strchr(text, '.'))
        return mem_strdup(text);
    return mem_printf("builtins.%s", text);
}

/* A class's name: __module__ of its dict, a dot, the qualified name. */
static char *heap_name(struct pytypes *t, uint64_t dict, uint64_t qualname,
                       uint64_t name_at)
{
    char qual[PYTYPES_NAME_MAX], module[PYTYPES_NAME_MAX];
    uint64_t value;
    char *name;

    if (pyread_string(t->v, t->version, qualname, qual, sizeof qual) <= 0)
        return static_name(t, name_at);
    value = pyread_dict_get(t->v, t->version, dict, "__module__");
    if (!value ||
        pyread_string(t->v, t->version, value, module, sizeof module) <= 0) {
        /* Made in C without a module of its own: its plain name may tell. */
        name = static_name(t, name_at);
        return name;
    }
    name = mem_printf("%s.%s", module, qual);
    if (strlen(name) >= PYTYPES_NAME_MAX)
        name[PYTYPES_NAME_MAX - 1] = '\0';
    return name;
}

/* Reads the type at `e->addr` into `e`; the name only when it has changed. */
static void type_load(struct pytypes *t, struct pytype *e)
{
    unsigned char head[PYTYPE_READ];
    uint64_t name_at, qualname = 0;

    e->epoch = t->epoch;
    e->valid =
        memview_read(t->v, e->addr, head, sizeof head) == 0 && is_type(t, head);
    if (!e->valid)
        return;
    e->flags = memview_word(head + PYTYPE_FLAGS);
    e->basicsize = memview_word(head + PYTYPE_BASICSIZE);
    e->itemsize = memview_word(head + PYTYPE_ITEMSIZE);
    name_at = memview_word(head + PYTYPE_NAME);
    if (e->flags & PYTYPE_HEAPTYPE &&
        memview_u64(t->v, e->addr + t->version->ht_qualname, &qualname) != 0)
        qualname = 0;
    if (e->name && e->name_at == name_at && e->qualname_at == qualname)
        return;
    free(e->name);
    e->name_at = name_at;
    e->qualname_at = qualname;
    e->name = qualname ? heap_name(t, memview_word(head + PYTYPE_DICT),
                                   qualname, name_at)
                       : static_name(t, name_at);
}

/* An address never seen before. */
static int32_t type_add(struct pytypes *t, uint64_t addr, size_t slot)
{
    struct pytype e = {.addr = addr};

    type_load(t, &e);
    if (!e.valid) {
        t->negative[hash_addr(addr) % NEGATIVE] = addr;
        return -1;
    }
    if (t->ntypes >= PYTYPES_MAX) {
        free(e.name);
        return PYTYPES_OTHER;
    }
    t->types = mem_grow(t->types, t->ntypes, &t->cap, sizeof *t->types);
    t->types[t->ntypes] = e;
    t->slots[slot] = (uint32_t)++t->ntypes;
    return (int32_t)t->ntypes - 1;
}

int32_t pytypes_lookup(struct pytypes *t, uint64_t addr)
{
    int32_t index;
    size_t slot;

    if (addr == t->memo_addr)
        return t->memo_index;
    if (addr < MEMVIEW_PAGE || addr % 8 != 0 ||
        t->negative[hash_addr(addr) % NEGATIVE] == addr)
        return -1;
    slot = hash_addr(addr) % SLOTS;
    while (t->slots[slot] && t->types[t->slots[slot] - 1].addr != addr)
        slot = (slot + 1) % SLOTS;
    if (t->slots[slot]) {
        struct pytype *e = &t->types[t->slots[slot] - 1];

        if (e->epoch != t->epoch)
            type_load(t, e);
        index = e->valid ? (int32_t)t->slots[slot] - 1 : -1;
    } else {
        index = type_add(t, addr, slot);
    }
    if (index >= 0) {
        t->memo_addr = addr;
        t->memo_index = index;
    }
    return index;
}

/* A live object's count is positive and small. What lies in front of a type's
 * address by chance is mostly a pointer: too big, or, in a program that is
 * loaded below 4 GiB, an address that is mapped. */
static bool refcnt_ok(const struct pytypes *t, uint64_t r)
{
    if (t->version->refcnt_flags)
        r &= 0x0000ffffffffffffu;
    if (r == 0 || r > UINT32_MAX)
        return false;
    return !t->low_maps || r < 0x10000 || r % 8 != 0 || !memview_find(t->v, r);
}

static bool tracked(const struct pytypes *t, const unsigned char *gc)
{
    /* 3.6 and 3.7 leave the link of a new object unset and mark untracked
     * ones by -2 above the finaliser's bit of the third word. */
    if (t->version->gc_head == 32)
        return (int64_t)memview_word(gc + 16) >> 1 != -2;
    return memview_word(gc) != 0;
}

/* What stands where a live object has its count, in one on a free list. */
static bool refcnt_dead(const struct pytypes *t, uint64_t r)
{
    return r == 0 || (t->version->refcnt_flags && r % 8 == 0 &&
                      memview_find(t->v, r) != NULL);
}

/* Looks for an object at each offset that its type could give it. */
static bool find_object(struct pytypes *t, const unsigned char *block, size_t n,
                        bool (*count_ok)(const struct pytypes *, uint64_t),
                        struct pyobject *out)
{
    uint32_t head = t->version->gc_head;
    uint32_t at[3] = {0, head, head + 16};
    int tries = t->version->pre_flags ? 3 : 2;

    for (int i = 0; i < tries; i++) {
        const unsigned char *o = block + at[i];
        int32_t index;
        uint64_t flags;

        if (at[i] + 16 > n)
            return false;
        if (!count_ok(t, memview_word(o)))
            continue;
        index = pytypes_lookup(t, memview_word(o + PYTYPE_TYPE));
        if (index < 0)
            continue;
        flags = t->types[index].flags;
        if (index != PYTYPES_OTHER &&
            (((flags & PYTYPE_HAVE_GC) != 0) != (i > 0) ||
             ((flags & t->version->pre_flags) != 0) != (i == 2)))
            continue;
        out->type = (uint32_t)index;
        out->at = at[i];
        out->tracked = i > 0 && tracked(t, o - head);
        return true;
    }
    return false;
}

bool pytypes_object(struct pytypes *t, const unsigned char *block, size_t n,
                    struct pyobject *out)
{
    return find_object(t, block, n, refcnt_ok, out);
}

bool pytypes_fits(const struct pytypes *t, const struct pyobject *o,
                  const unsigned char *block, uint64_t n)
{
    const struct pytype *e = o->type < t->ntypes ? &t->types[o->type] : NULL;
    uint64_t bytes;

    if (e == NULL || e->itemsize != 1)
        return true;
    bytes = memview_word(block + o->at + OB_SIZE);
    return n >= o->at + e->basicsize && bytes <= n - o->at - e->basicsize;
}

bool pytypes_set_aside(struct pytypes *t, const unsigned char *block, size_t n)
{
    struct pyobject o;

    return find_object(t, block, n, refcnt_dead, &o) && !o.tracked &&
           o.type != PYTYPES_OTHER &&
           !(t->types[o.type].flags & PYTYPE_HEAPTYPE);
}

int32_t pytypes_at(struct pytypes *t, uint64_t addr)
{
    unsigned char head[16];

    if (addr % 8 != 0 || memview_read(t->v, addr, head, sizeof head) != 0 ||
        !refcnt_ok(t, memview_word(head)))
        return -1;
    return pytypes_lookup(t, memview_word(head + PYTYPE_TYPE));
}

const char *pytypes_name(const struct pytypes *t, uint32_t index)
{
    return index < t->ntypes ? t->types[index].name : "(unknown type)";
}

uint64_t pytypes_address(const struct pytypes *t, uint32_t index)
{
    return index < t->ntypes ? t->types[index].addr : 0;
}

uint64_t pytypes_flags(const struct pytypes *t, uint32_t index)
{
    return index < t->ntypes ? t->types[index].flags : 0;
}

uint64_t pytypes_basicsize(const struct pytypes *t, uint32_t index)
{
    return index < t->ntypes ? t->types[index].basicsize : 0;
}

size_t pytypes_count(const struct pytypes *t)
{
    return t->ntypes;
}
