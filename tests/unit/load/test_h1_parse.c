#include "harness/load/h1_parse.h"

#include "tests/unit/assert_close.h"
#include "tests/unit/load/edge.h"

#include <stdio.h>

#define OK "HTTP/1.1 200 OK\r\n"

/* Parses a copy whose end is the end of a mapped page. */
static enum h1_result parse_n(const char *bytes, size_t n, bool head,
                              struct h1_head *out)
{
    struct edge e;
    size_t seen = 0;
    const char *why = NULL;
    enum h1_result r;

    edge_init(&e, bytes, n);
    r = h1_parse_head(e.p, n, &seen, head, out, &why);
    if (r == H1_BAD)
        assert_non_null(why);
    edge_release(&e);
    return r;
}

static enum h1_result parse(const char *text, struct h1_head *out)
{
    return parse_n(text, strlen(text), false, out);
}

static void framing(void **state)
{
    static const struct {
        const char *text;
        int status;
        enum h1_framing framing;
        uint64_t length;
        bool keep_alive;
    } t[] = {
        {OK "Content-Length: 5\r\n\r\n", 200, H1_LENGTH, 5, true},
        {OK "content-length:5\r\n\r\n", 200, H1_LENGTH, 5, true},
        {OK "CONTENT-LENGTH: \t 5 \t\r\n\r\n", 200, H1_LENGTH, 5, true},
        {OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 200, H1_LENGTH, 5,
         true},
        {OK "Content-Length: 5, 5\r\n\r\n", 200, H1_LENGTH, 5, true},
        {OK "Content-Length: 0\r\n\r\n", 200, H1_NO_BODY, 0, true},
        {OK "Transfer-Encoding: chunked\r\n\r\n", 200, H1_CHUNKED, 0, true},
        {OK "Transfer-Encoding: gzip, Chunked\r\n\r\n", 200, H1_CHUNKED, 0,
         true},
        {OK "\r\n", 200, H1_UNTIL_CLOSE, 0, false},
        {OK "Connection: close\r\nContent-Length: 1\r\n\r\n", 200, H1_LENGTH, 1,
         false},
        {OK "Connection: x, CLOSE\r\nContent-Length: 1\r\n\r\n", 200, H1_LENGTH,
         1, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", 200, H1_LENGTH, 1,
         false},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
         "Content-Length: 1\r\n\r\n",
         200, H1_LENGTH, 1, true},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", 204,
         H1_NO_BODY, 0, true},
        {"HTTP/1.1 304\r\nContent-Length: 7\r\n\r\n", 304, H1_NO_BODY, 0, true},
        {"HTTP/1.1 100 Continue\r\n\r\n", 100, H1_NO_BODY, 0, true},
        {"HTTP/1.1 999 \r\n\r\n", 999, H1_UNTIL_CLOSE, 0, false},
        {"HTTP/1.1 200 \xe9t\xe9\r\nX: \xff\r\nEmpty:\r\n"
         "Content-Length: 2\r\n\r\n",
         200, H1_LENGTH, 2, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct h1_head h;

        if (parse(t[i].text, &h) != H1_OK || h.status != t[i].status ||
            h.framing != t[i].framing || h.keep_alive != t[i].keep_alive ||
            (h.framing == H1_LENGTH && h.content_length != t[i].length) ||
            h.len != strlen(t[i].text))
            fail_msg("case %zu: %s", i, t[i].text);
    }
}

static void head_answers_have_no_body(void **state)
{
    static const char text[] = OK "Content-Length: 5\r\n\r\n";
    struct h1_head h;

    (void)state;
    assert_int_equal(parse_n(text, sizeof text - 1, true, &h), H1_OK);
    assert_int_equal(h.framing, H1_NO_BODY);
    assert_true(h.keep_alive);
}

static void fields_are_borrowed(void **state)
{
    static const char text[] = OK "A: 1\r\nB: 2\r\n\r\nbody";
    struct h1_head h;
    size_t seen = 0;
    const char *why;

    (void)state;
    assert_int_equal(
        h1_parse_head(text, sizeof text - 1, &seen, false, &h, &why), H1_OK);
    assert_ptr_equal(h.fields, text + 17);
    assert_int_equal(h.fields_len, 12);
    assert_int_equal(h.len, 17 + 12 + 2);
}

static void refuses(void **state)
{
    static const char *const t[] = {
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 200OK\r\n\r\n",
        "HTTP/1.1 200 a\x01z\r\n\r\n",
        " HTTP/1.1 200 OK\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 20\n\n",
        "HTTP/1.1 200\r\n\n",
        "HTTP/1.1 200\tOK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\r\nA: b\n\r\n",
        OK "A: b\rc\r\n\r\n",
        OK "A: b\x7f\r\n\r\n",
        OK " folded\r\n\r\n",
        OK "A: b\r\n\tfolded\r\n\r\n",
        OK "A : b\r\n\r\n",
        OK ": b\r\n\r\n",
        OK "no colon\r\n\r\n",
        OK "A(b): c\r\n\r\n",
        OK "\xc3\xa9: c\r\n\r\n",
        OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        OK "Content-Length: 5, 6\r\n\r\n",
        OK "Content-Length: 5,\r\n\r\n",
        OK "Content-Length:\r\n\r\n",
        OK "Content-Length: -5\r\n\r\n",
        OK "Content-Length: +5\r\n\r\n",
        OK "Content-Length: 5 5\r\n\r\n",
        OK "Content-Length: 0x5\r\n\r\n",
        OK "Content-Length: 5;\r\n\r\n",
        OK "Content-Length: 9999999999999999999\r\n\r\n",
        OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        OK "Transfer-Encoding: gzip\r\n\r\n",
        OK "Transfer-Encoding: identity\r\n\r\n",
        OK "Transfer-Encoding: chunked, gzip\r\n\r\n",
        OK "Transfer-Encoding: chunked, chunked\r\n\r\n",
        OK "Transfer-Encoding: chunked;q=1\r\n\r\n",
        OK "Transfer-Encoding:\r\n\r\n",
        OK "Transfer-Encoding: \x0b"
           "chunked\r\n\r\n",
        OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct h1_head h;

        if (parse(t[i], &h) != H1_BAD)
            fail_msg("taken: %s", t[i]);
    }
}

/* Any byte at any place of a value: values are looked at in words. */
static void every_byte_of_a_value(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++)
        for (size_t at = 0; at < 21; at++) {
            char text[] = OK "X:.....................\r\n\r\n";
            bool legal = c == '\t' || (c >= ' ' && c != 127);
            struct h1_head h;

            text[sizeof OK - 1 + 2 + at] = (char)c;
            assert_int_equal(parse_n(text, sizeof text - 1, false, &h),
                             legal ? H1_OK : H1_BAD);
        }
}

/* A field that frames is known by its whole name, in any case. */
static void every_byte_of_a_name(void **state)
{
    static const char name[] = "content-length";

    (void)state;
    for (int c = 1; c < 256; c++)
        for (size_t at = 0; at < sizeof name - 1; at++) {
            char text[] = OK "content-length: 5\r\n\r\n";
            bool same = c == name[at] || (name[at] != '-' && (c | 32) >= 'a' &&
                                          (c | 32) == name[at]);
            struct h1_head h;
            enum h1_result r;

            text[sizeof OK - 1 + at] = (char)c;
            r = parse_n(text, sizeof text - 1, false, &h);
            assert_false(same && (r != H1_OK || h.framing != H1_LENGTH));
            assert_false(!same && r == H1_OK && h.framing == H1_LENGTH);
        }
}

static void every_prefix_is_partial(void **state)
{
    static const char text[] = OK "A: b\r\nContent-Length: 5\r\n\r\n";
    struct h1_head h;
    size_t seen = 0;
    const char *why;

    (void)state;
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_int_equal(parse_n(text, n, false, &h), H1_PARTIAL);
    /* Byte by byte, resuming, gives the same as all at once. */
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_int_equal(h1_parse_head(text, n, &seen, false, &h, &why),
                         H1_PARTIAL);
    assert_int_equal(
        h1_parse_head(text, sizeof text - 1, &seen, false, &h, &why), H1_OK);
    assert_int_equal(h.content_length, 5);
}

/* Feeds `text` in pieces of `step` bytes, each at a page's end. */
static enum h1_result unchunk(const char *text, size_t total, size_t step,
                              char *out, size_t *used)
{
    struct h1_chunks c = {0};
    enum h1_result r = H1_PARTIAL;
    size_t len = 0, at = 0;

    while (at < total && r == H1_PARTIAL) {
        size_t n = total - at < step ? total - at : step, k;
        const char *p, *data;
        struct edge e;

        edge_init(&e, text + at, n);
        p = e.p;
        while ((r = h1_parse_chunks(&c, &p, e.p + n, &data, &k)) == H1_DATA) {
            memcpy(out + len, data, k);
            len += k;
        }
        at += (size_t)(p - e.p);
        edge_release(&e);
    }
    out[len] = '\0';
    *used = at;
    return r;
}

static void chunks(void **state)
{
    static const struct {
        const char *text, *body;
    } t[] = {
        {"0\r\n\r\n", ""},
        {"3\r\nabc\r\n0\r\n\r\n", "abc"},
        {"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"},
        {"A\r\n0123456789\r\n00\r\n\r\n", "0123456789"},
        {"a;name=\"v\";x\r\n0123456789\r\n0;y\r\n\r\n", "0123456789"},
        {"3 \t \r\nabc\r\n0 \r\n\r\n", "abc"},
        {"000000003\r\na\r\n\r\n0\r\nX: y\r\nZ: \r\n\r\n", "a\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        for (size_t step = 1; step <= 64; step += 9) {
            char out[64];
            size_t used;

            assert_int_equal(
                unchunk(t[i].text, strlen(t[i].text), step, out, &used), H1_OK);
            assert_string_equal(out, t[i].body);
            assert_int_equal(used, strlen(t[i].text));
        }
}

static void chunks_refused(void **state)
{
    static const char *const t[] = {
        "\r\n",
        "g\r\n",
        "-1\r\n",
        "+1\r\n",
        "0x1\r\n",
        " 1\r\n",
        "1\n",
        "1\r1",
        "1;a\nb\r\n",
        "1 1\r\n",
        "11111111111111111\r\n",
        "fffffffffffffffff\r\n",
        "1\r\nab\r\n",
        "1\r\na\n",
        "1\r\na\r\r",
        "0\r\n folded\r\n\r\n",
        "0\r\nA: b\n\r\n",
        "0\r\nA: \x01\r\n\r\n",
        "0\r\n\rx",
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        for (size_t step = 1; step < 20; step += 6) {
            char out[64];
            size_t used;

            if (unchunk(t[i], strlen(t[i]), step, out, &used) != H1_BAD)
                fail_msg("taken: %s", t[i]);
        }
}

/* Extensions and trailers have an end, even if each piece is short. */
static void overhead_is_bounded(void **state)
{
    struct h1_chunks c = {0};
    enum h1_result r = H1_PARTIAL;
    const char *data;
    size_t n, fed = 0;

    (void)state;
    while (r == H1_PARTIAL || r == H1_DATA) {
        static const char piece[] = "1;pad=pad\r\nx\r\n";
        const char *p = piece;

        do {
            r = h1_parse_chunks(&c, &p, piece + sizeof piece - 1, &data, &n);
        } while (r == H1_DATA);
        fed += sizeof piece - 1;
        assert_true(fed < 1 << 20);
    }
    assert_int_equal(r, H1_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framing),
        cmocka_unit_test(head_answers_have_no_body),
        cmocka_unit_test(fields_are_borrowed),
        cmocka_unit_test(refuses),
        cmocka_unit_test(every_byte_of_a_value),
        cmocka_unit_test(every_byte_of_a_name),
        cmocka_unit_test(every_prefix_is_partial),
        cmocka_unit_test(chunks),
        cmocka_unit_test(chunks_refused),
        cmocka_unit_test(overhead_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
