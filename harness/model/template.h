/* A string with {{functions}} in it, compiled once and rendered per request
 * without allocation.
 *
 * Functions: int A B, choice a b c, seq, uuid, rand N, csv FILE COLUMN, now
 * (Unix seconds), captured names. Anything else is a mistake when compiled. */
#ifndef PLATEAU_MODEL_TEMPLATE_H
#define PLATEAU_MODEL_TEMPLATE_H

#include "harness/base/buf.h"
#include "harness/base/err.h"
#include "harness/base/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct distinct;
struct scenario;

enum piece_what {
    PIECE_TEXT,
    PIECE_INT, /* a .. b inclusive */
    PIECE_CHOICE,
    PIECE_SEQ,  /* 1, 2, 3 ... over the whole run, all workers */
    PIECE_UUID, /* version 4, from the run's seed */
    PIECE_RAND, /* a letters and digits */
    PIECE_CSV,  /* a = feeder, b = column; one row per request */
    PIECE_NOW,
    PIECE_CAPTURE, /* a = index into scenario.captured */
};

struct piece {
    enum piece_what what;
    char *text; /* PIECE_TEXT: owned, `len` bytes */
    size_t len;
    int64_t a, b;
    char **choices;
    size_t nchoices;
    size_t site;        /* it is part of this site, from 1 (sites.h); 0: none */
    bool opens, closes; /* the site's value begins, ends with it */
};

/* Where the text goes decides how values are made fit for it: in a path what
 * a URL cannot hold is percent-encoded and the first byte is always '/'; in a
 * header control characters become spaces; a body takes bytes as they are. */
enum template_place { TEMPLATE_BODY, TEMPLATE_HEADER, TEMPLATE_PATH };

struct template
{
    struct piece *pieces;
    size_t n;
    enum template_place place;
    size_t site; /* all of it is this site, from 1; 0: none */
};

/* What rendering needs; owned by the worker or virtual user. */
struct template_context {
    const struct scenario *sc;
    struct rng *rng;
    uint64_t seq;       /* taken by the caller from the run's counter, once per
                           request, when template_uses_seq() */
    size_t *feeder_row; /* current row per feeder; caller advances */
    const char *const *captured; /* values by index, NULL not captured yet */
    const size_t *captured_len;
    struct distinct *distinct; /* counts the values of sites; NULL: nobody */
};

/* Renders into `out`, whose limit is the request's. -1: the text is longer
 * than `out` may hold. A capture that has no value renders as "". */
int template_render(const struct template *t,
                    const struct template_context *ctx, struct buf *out);

/* True when every piece is text: renders the same each time. */
bool template_is_constant(const struct template *t);
bool template_uses_seq(const struct template *t);
bool template_uses_feeder(const struct template *t, size_t feeder);

/* An upper bound of the rendered length in bytes (captures count 4096). */
size_t template_max_len(const struct template *t, const struct scenario *sc);

void template_release(struct template *t);

#endif
