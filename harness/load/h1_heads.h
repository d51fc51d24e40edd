/* Answers' heads seen lately, and what they mean. Most answers of a service
 * have the head of one before, byte for byte: then comparing replaces
 * parsing, which is a pure function (h1_parse.h) and would say the same.
 * One thread. */
#ifndef PLATEAU_LOAD_H1_HEADS_H
#define PLATEAU_LOAD_H1_HEADS_H

#include "harness/load/h1_parse.h"

/* Longer heads are parsed each time. */
#define H1_HEADS_BYTES 512
/* Answers of one kind are often as long as each other: their length chooses
 * where their head is kept. A power of two. */
#define H1_HEADS_KEPT 8

/* All zero at first. */
struct h1_heads {
    struct h1_known_head {
        struct h1_head head; /* its `fields` are not kept */
        size_t fields_at;
        bool head_request;
        char bytes[H1_HEADS_BYTES]; /* head.len of them; 0: none */
    } kept[H1_HEADS_KEPT];
};

/* As h1_parse_head. */
enum h1_result h1_heads_parse(struct h1_heads *h, const char *p, size_t n,
                              size_t *seen, bool head_request,
                              struct h1_head *out, const char **why);

#endif
