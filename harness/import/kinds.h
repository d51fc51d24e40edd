/* Recorded requests brought together by kind: numeric ids, UUIDs and the
 * values of parameters become slots, so that /products/1 and /products/2 are
 * one kind. The inside of harness/import. */
#ifndef PLATEAU_IMPORT_KINDS_H
#define PLATEAU_IMPORT_KINDS_H

#include "harness/import/recorded.h"
#include "harness/model/nameset.h"

enum { SLOT_VALUES = 20, SLOTS_MAX = 32, STATUSES_MAX = 8, KEY_MAX = 4096 };

enum slot_type {
    SLOT_NUMBER, /* whole numbers */
    SLOT_UUID,
    SLOT_TOKEN, /* long and random: perhaps a credential, never kept */
    SLOT_TEXT,  /* value of a parameter */
};

struct slot {
    enum slot_type type;
    int64_t min, max; /* of numbers */
    size_t length;    /* of the first token */
    char *values[SLOT_VALUES];
    size_t nvalues;
    bool more; /* values were met that are not kept */
};

struct kind {
    char *name;
    char *key; /* "GET /products/{n}?page={n}" */
    const char *method;
    struct slot *slots;
    size_t nslots;
    size_t count;
    int statuses[STATUSES_MAX];
    size_t nstatuses;
    char *body, *content_type, *accept; /* of the first that had one */
    char *origin;
};

struct kinds {
    struct kind *at;
    size_t n, cap;
    size_t most;         /* more kinds than this are not made */
    struct nameset keys; /* key -> place in `at` */
    struct nameset names;
    size_t secrets;
};

/* Counts `r` to its kind, which is made when it is new. Gives its place, or
 * (size_t)-1 when it would be one kind too many. `path`, RECORDED_PATH_MAX
 * bytes, gets the request's path without secret parameters. */
size_t kinds_count(struct kinds *k, const struct recorded *r, char *path);

/* Appends the kind's path as a template. */
void kind_template(const struct kind *k, struct buf *out);

/* Appends what is a right answer beyond 2xx and 3xx, as a value of `expect`;
 * nothing when there was no other. */
void kind_expect(const struct kind *k, struct buf *out);

void kinds_release(struct kinds *k);

#endif
