/* HTTP/1.1 responses: pure functions over borrowed bytes; "partial" is a
 * return value, nothing is allocated, nothing is copied. Not a client: who
 * reads and when is engine_h1.c's business.
 *
 * Strict where two readers of the same bytes could disagree on where an
 * answer ends (RFC 9112, 11): no Content-Length beside Transfer-Encoding, no
 * two different Content-Lengths, plain digits only, no transfer coding but
 * chunked as the last, none at all in HTTP/1.0, chunk sizes of at most 16 hex
 * digits, CRLF at every line's end (no bare CR, no bare LF), no folded lines,
 * no space before a colon, no NUL or other control character, field names
 * that are tokens.
 *
 * Tolerant where real servers are sloppy and nobody can be misled: a missing
 * reason phrase, with or without its space; HTTP/1.0; missing or extra blanks
 * around values; empty values; the same Content-Length repeated, also as a
 * list; blanks behind a chunk's size; bytes above 127 in values and reasons;
 * any status from 100 to 999. */
#ifndef PLATEAU_LOAD_H1_PARSE_H
#define PLATEAU_LOAD_H1_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum h1_result {
    H1_BAD = -1,    /* not HTTP, or HTTP that must not be trusted */
    H1_PARTIAL = 0, /* more bytes are needed */
    H1_OK = 1,      /* whole */
    H1_DATA = 2,    /* a piece of the body */
};

enum h1_framing {
    H1_NO_BODY,
    H1_LENGTH, /* `content_length` bytes */
    H1_CHUNKED,
    H1_UNTIL_CLOSE, /* all up to the end of the connection */
};

/* A response head. `fields` is borrowed from the input: all lines behind the
 * status line, without the empty one. */
struct h1_head {
    int status;
    bool keep_alive;
    enum h1_framing framing;
    uint64_t content_length;
    const char *fields;
    size_t fields_len;
    size_t len; /* bytes of the head, its empty line included */
};

/* Parses the head that starts at `p`, of which `n` bytes are here. `*seen` is
 * 0 at first and kept between calls with the same, longer bytes, so that a
 * head that comes byte by byte is not searched from its start each time.
 * `head_request`: the answer to HEAD, which has no body. `*out` is
 * meaningful with H1_OK only, `*why` (static text) with H1_BAD. A status of
 * 1xx comes without a body: another head follows. */
enum h1_result h1_parse_head(const char *p, size_t n, size_t *seen,
                             bool head_request, struct h1_head *out,
                             const char **why);

/* A chunked body on its way; all zero at its start. */
struct h1_chunks {
    int state;
    int digits;
    uint64_t left;   /* of the current chunk's size or data */
    size_t overhead; /* extension and trailer bytes so far: bounded */
};

/* Takes bytes from `*p` up to `end` and moves `*p` on. H1_DATA: `*data` and
 * `*len` are the next piece of the body, borrowed; call again. H1_OK: the
 * body and its trailer are through, `*p` is behind them. */
enum h1_result h1_parse_chunks(struct h1_chunks *c, const char **p,
                               const char *end, const char **data, size_t *len);

#endif
