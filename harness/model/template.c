/* Rendering: the hot half of templates. Nothing here allocates: `out` has its
 * room already. The compiler is template_compile.c. */
#include "harness/model/template.h"

#include "harness/model/distinct.h"
#include "harness/model/scenario.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CAPTURE_MAX = 4096, UUID_LEN = 36, DIGITS_MAX = 20 };

static int add_decimal(struct buf *out, uint64_t v, bool negative)
{
    char digits[DIGITS_MAX + 1];
    size_t n = sizeof digits;

    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    if (negative)
        digits[--n] = '-';
    return buf_add(out, digits + n, sizeof digits - n);
}

static int add_int(struct buf *out, const struct piece *p, struct rng *rng)
{
    uint64_t span = (uint64_t)p->b - (uint64_t)p->a + 1;
    uint64_t off = span != 0 ? rng_below(rng, span) : rng_u64(rng);
    int64_t v = (int64_t)((uint64_t)p->a + off);

    return add_decimal(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

/* RFC 9562, version 4, from the run's own stream. */
static int add_uuid(struct buf *out, struct rng *rng)
{
    static const char hex[] = "0123456789abcdef";
    char text[UUID_LEN];
    uint64_t bits = 0;
    size_t digit = 0;

    for (size_t i = 0; i < sizeof text; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            text[i] = '-';
            continue;
        }
        if (digit % 16 == 0)
            bits = rng_u64(rng);
        text[i] = hex[bits & 15];
        if (digit == 12)
            text[i] = '4';
        else if (digit == 16)
            text[i] = hex[8 | (bits & 3)];
        bits >>= 4;
        digit++;
    }
    return buf_add(out, text, sizeof text);
}

static int add_random(struct buf *out, int64_t n, struct rng *rng)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    for (int64_t i = 0; i < n; i++)
        if (buf_addc(out, set[rng_below(rng, sizeof set - 1)]) != 0)
            return -1;
    return 0;
}

/* True for bytes that may stand in a request's path and query as they are. */
static bool path_byte(unsigned char c)
{
    return c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}#", c) == NULL;
}

/* Adds a value from outside, made fit for its place (see template.h). */
static int add_value(struct buf *out, const char *s, size_t n,
                     enum template_place place, bool first)
{
    static const char hex[] = "0123456789ABCDEF";

    if (place == TEMPLATE_BODY)
        return buf_add(out, s, n);
    if (place == TEMPLATE_PATH && first && (n == 0 || s[0] != '/') &&
        buf_addc(out, '/') != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
        int rc;

        if (place == TEMPLATE_PATH)
            rc = path_byte(c) ? buf_addc(out, (char)c)
                              : buf_add(out, escape, sizeof escape);
        else
            rc = buf_addc(out,
                          (c < 0x20 && c != '\t') || c == 0x7f ? ' ' : (char)c);
        if (rc != 0)
            return -1;
    }
    return 0;
}

static const char *piece_value(const struct piece *p,
                               const struct template_context *ctx, size_t *n)
{
    const char *s = "";

    if (p->what == PIECE_CSV) {
        const struct feeder *f = &ctx->sc->feeders[p->a];
        size_t row = ctx->feeder_row[p->a] % f->nrows;

        s = f->cells[row * f->ncolumns + (size_t)p->b];
    } else if (p->what == PIECE_CHOICE) {
        s = p->choices[rng_below(ctx->rng, p->nchoices)];
    } else if (ctx->captured != NULL && ctx->captured[p->a] != NULL) {
        *n = ctx->captured_len[p->a];
        return ctx->captured[p->a];
    }
    *n = strlen(s);
    return s;
}

/* What was rendered from `from` on is a value of that site. */
static void count_value(const struct template_context *ctx, size_t site,
                        const struct buf *out, size_t from)
{
    if (ctx->distinct != NULL && out->len > from)
        distinct_add(ctx->distinct, site, out->p + from, out->len - from);
}

int template_render(const struct template *t,
                    const struct template_context *ctx, struct buf *out)
{
    size_t whole = out->len, from = whole;
    int rc = 0;

    for (size_t i = 0; i < t->n && rc == 0; i++) {
        const struct piece *p = &t->pieces[i];
        const char *s;
        size_t n;

        if (p->opens)
            from = out->len;

        switch (p->what) {
        case PIECE_TEXT:
            rc = buf_add(out, p->text, p->len);
            break;
        case PIECE_INT:
            rc = add_int(out, p, ctx->rng);
            break;
        case PIECE_SEQ:
            rc = add_decimal(out, ctx->seq, false);
            break;
        case PIECE_UUID:
            rc = add_uuid(out, ctx->rng);
            break;
        case PIECE_RAND:
            rc = add_random(out, p->a, ctx->rng);
            break;
        case PIECE_NOW:
            rc = add_decimal(out, (uint64_t)time(NULL), false);
            break;
        case PIECE_CHOICE:
        case PIECE_CSV:
        case PIECE_CAPTURE:
            s = piece_value(p, ctx, &n);
            rc = add_value(out, s, n, t->place, i == 0);
            break;
        }
        if (p->closes && rc == 0)
            count_value(ctx, p->site, out, from);
    }
    if (t->site > 0 && rc == 0)
        count_value(ctx, t->site, out, whole);
    return rc;
}

bool template_is_constant(const struct template *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->pieces[i].what != PIECE_TEXT)
            return false;
    return true;
}

bool template_uses_seq(const struct template *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->pieces[i].what == PIECE_SEQ)
            return true;
    return false;
}

bool template_uses_feeder(const struct template *t, size_t feeder)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->pieces[i].what == PIECE_CSV && (size_t)t->pieces[i].a == feeder)
            return true;
    return false;
}

static size_t longest_cell(const struct feeder *f, size_t column)
{
    size_t most = 0;

    for (size_t row = 0; row < f->nrows; row++) {
        size_t n = strlen(f->cells[row * f->ncolumns + column]);

        most = n > most ? n : most;
    }
    return most;
}

static size_t piece_max(const struct piece *p, const struct scenario *sc)
{
    size_t most = 0;

    switch (p->what) {
    case PIECE_TEXT:
        return p->len;
    case PIECE_RAND:
        return (size_t)p->a;
    case PIECE_UUID:
        return UUID_LEN;
    case PIECE_CAPTURE:
        return CAPTURE_MAX;
    case PIECE_CSV:
        return longest_cell(&sc->feeders[p->a], (size_t)p->b);
    case PIECE_CHOICE:
        for (size_t i = 0; i < p->nchoices; i++) {
            size_t n = strlen(p->choices[i]);

            most = n > most ? n : most;
        }
        return most;
    case PIECE_INT:
    case PIECE_SEQ:
    case PIECE_NOW:
        break;
    }
    return DIGITS_MAX;
}

size_t template_max_len(const struct template *t, const struct scenario *sc)
{
    size_t most = t->place == TEMPLATE_PATH ? 1 : 0;

    for (size_t i = 0; i < t->n; i++) {
        enum piece_what what = t->pieces[i].what;
        bool encoded = t->place == TEMPLATE_PATH &&
                       (what == PIECE_CHOICE || what == PIECE_CSV ||
                        what == PIECE_CAPTURE);

        most += piece_max(&t->pieces[i], sc) * (encoded ? 3 : 1);
    }
    return most;
}

void template_release(struct template *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct piece *p = &t->pieces[i];

        free(p->text);
        for (size_t k = 0; k < p->nchoices; k++)
            free(p->choices[k]);
        free(p->choices);
    }
    free(t->pieces);
    *t = (struct template){0};
}
