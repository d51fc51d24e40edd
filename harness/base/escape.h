/* Makes bytes that came from outside safe for one sink each. Every reporter
 * and every message passes foreign text through here, at the sink.
 * All functions append to `out`; bad UTF-8 becomes U+FFFD first. */
#ifndef PLATEAU_BASE_ESCAPE_H
#define PLATEAU_BASE_ESCAPE_H

#include "harness/base/buf.h"

#include <stddef.h>

/* Length in bytes of the valid UTF-8 character at `s` (at most `n` bytes
 * long), or 0 when the bytes are not valid UTF-8 (overlong forms, surrogates
 * and code points above U+10FFFF are not). `n` > 0. */
size_t escape_utf8_len(const char *s, size_t n);

/* "Steering" below: control characters (C0, DEL, C1), line and paragraph
 * separators, bidirectional marks and overrides, zero-width space, byte order
 * mark, noncharacters. None of them reaches any sink raw. */

/* Terminal, log line, CI annotation: steering characters as \xNN or
 * \u{NNNN}; the result is one line. */
void escape_text(struct buf *out, const char *s, size_t n);

/* HTML and SVG/XML text and attribute values: entities for & < > " '; line
 * feed and tab stay, a carriage return becomes a space, other steering
 * characters (XML cannot hold most of them) become U+FFFD. */
void escape_html(struct buf *out, const char *s, size_t n);

/* One CSV field: quoted when needed (RFC 4180); a leading = + - @ TAB CR gets
 * a ' in front unless the whole field is a number (formula injection);
 * newlines become spaces, other steering characters but TAB U+FFFD. */
void escape_csv(struct buf *out, const char *s, size_t n);

/* Inside a single-quoted gnuplot string: ' doubled, steering characters
 * become spaces. */
void escape_gnuplot(struct buf *out, const char *s, size_t n);

/* Markdown inline text, also inside a table cell or at the start of a line:
 * escapes what would format, link or mention; newlines become spaces, other
 * steering characters U+FFFD. */
void escape_markdown(struct buf *out, const char *s, size_t n);

#endif
