#include "harness/sampler/inspect/pyread.h"

#include <string.h>

#define LOOKUP_ENTRIES_MAX 4096u

/* str: length @16, hash @24, state @32; in the state, behind 2 bits that say
 * how it is interned (16 bits in some builds from 3.14 on, which then leave
 * the kind's place empty): kind 3 bits, compact, ascii. */
enum { STR_LENGTH = 16, STR_STATE = 32, STR_READ = 36 };
/* dict: keys @32, values @40. */
enum { DICT_KEYS = 32, DICT_READ = 48 };

static size_t utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | (c >> 18 & 7));
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Characters of `kind` bytes each, as UTF-8. */
static int wide_string(struct memview *v, uint64_t at, uint64_t length,
                       uint32_t kind, char *buf, size_t cap)
{
    size_t n = 0;

    for (uint64_t i = 0; i < length && n + 5 <= cap; i++) {
        uint32_t c = 0;

        if (memview_read(v, at + i * kind, &c, kind) != 0)
            return -1;
        if (c == 0 || c > 0x10ffff)
            c = 0xfffd;
        n += utf8_put(buf + n, c);
    }
    buf[n] = '\0';
    return (int)n;
}

int pyread_string(struct memview *v, const struct pyversion *ver, uint64_t addr,
                  char *buf, size_t cap)
{
    unsigned char head[STR_READ];
    uint64_t length;
    uint32_t state, kind;

    if (cap == 0 || memview_read(v, addr, head, sizeof head) != 0)
        return -1;
    length = memview_word(head + STR_LENGTH);
    state = memview_half(head + STR_STATE) >> 2;
    if (ver->refcnt_flags && (state & 7) == 0)
        state >>= 14;
    kind = state & 7;
    if (!(state >> 3 & 1) || (kind != 1 && kind != 2 && kind != 4) ||
        length > (uint64_t)1 << 40)
        return -1;
    if (!(state >> 4 & 1))
        return wide_string(v, addr + ver->wide_data, length, kind, buf, cap);
    if (length > cap - 1)
        length = cap - 1;
    if (memview_read(v, addr + ver->ascii_data, buf, length) != 0)
        return -1;
    buf[length] = '\0';
    return (int)strlen(buf);
}

/* 3.11 and later: log2 of the size @8, log2 of the index bytes @9, kind @10
 * (not 0: keys are strings and entries hold no hash), entries used @24,
 * indexes @32. */
static int keys_new(struct memview *v, struct pydict *d)
{
    unsigned char head[32];

    if (memview_read(v, d->keys, head, sizeof head) != 0 || head[8] > 40 ||
        head[9] > 43)
        return -1;
    d->n = memview_word(head + 24);
    d->entries = d->keys + 32 + ((uint64_t)1 << head[9]);
    d->stride = head[10] ? 16 : 24;
    d->key_at = head[10] ? 0 : 8;
    return d->n <= (uint64_t)1 << head[8] ? 0 : -1;
}

/* Up to 3.10: size @8, entries used @32, indexes @40, one, two, four or eight
 * bytes each. */
static int keys_old(struct memview *v, struct pydict *d)
{
    unsigned char head[40];
    uint64_t size, width;

    if (memview_read(v, d->keys, head, sizeof head) != 0)
        return -1;
    size = memview_word(head + 8);
    if (size == 0 || size > (uint64_t)1 << 40 || (size & (size - 1)) != 0)
        return -1;
    width = size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8;
    d->n = memview_word(head + 32);
    d->entries = d->keys + 40 + size * width;
    d->stride = 24;
    d->key_at = 8;
    return d->n <= size ? 0 : -1;
}

int pyread_dict(struct memview *v, const struct pyversion *ver, uint64_t addr,
                struct pydict *out)
{
    unsigned char head[DICT_READ];

    memset(out, 0, sizeof *out);
    if (memview_read(v, addr, head, sizeof head) != 0)
        return -1;
    out->keys = memview_word(head + DICT_KEYS);
    out->values = memview_word(head + DICT_KEYS + 8);
    if ((ver->new_keys ? keys_new(v, out) : keys_old(v, out)) != 0)
        return -1;
    out->value_at = out->key_at + 8;
    /* From 3.13 on the values of a split table follow 8 bytes of counters. */
    if (out->values && ver->minor >= 13)
        out->values += 8;
    return 0;
}

int pyread_entry(struct memview *v, const struct pydict *d, uint64_t i,
                 uint64_t *key, uint64_t *value)
{
    uint64_t at = d->entries + i * d->stride;

    if (i >= d->n || memview_u64(v, at + d->key_at, key) != 0)
        return -1;
    if (d->values)
        return memview_u64(v, d->values + i * 8, value);
    return memview_u64(v, at + d->value_at, value);
}

uint64_t pyread_dict_get(struct memview *v, const struct pyversion *ver,
                         uint64_t addr, const char *key)
{
    struct pydict d;

    if (pyread_dict(v, ver, addr, &d) != 0)
        return 0;
    for (uint64_t i = 0; i < d.n && i < LOOKUP_ENTRIES_MAX; i++) {
        char text[64];
        uint64_t k, value;

        if (pyread_entry(v, &d, i, &k, &value) != 0)
            return 0;
        if (k && value && pyread_string(v, ver, k, text, sizeof text) >= 0 &&
            strcmp(text, key) == 0)
            return value;
    }
    return 0;
}
