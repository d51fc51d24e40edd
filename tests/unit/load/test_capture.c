#include "harness/load/capture.h"

#include "harness/load/cookies.h"
#include "tests/unit/assert_close.h"

#include <stdio.h>
#include <string.h>

static char *names[] = {"id", "token"};
static struct scenario sc = {.captured = names, .ncaptured = 2};

static const char headers[] =
    "Date: today\r\nX-Token:  abc 123 \r\nSet-Cookie: a=1; Path=/\r\n"
    "set-cookie: b=2; Max-Age=0\r\n\r\n";

static int take(enum capture_from from, char *what, const char *body, char *out,
                size_t max)
{
    struct capture c = {.name = "token", .from = from, .what = what};
    struct capturer cr;
    struct buf b;
    int rc;

    buf_init(&b, max - 1);
    assert_int_equal(capturer_init(&cr, &sc, &c, NULL), 0);
    assert_int_equal(cr.slot, 1);
    rc =
        capturer_take(&cr, headers, sizeof headers - 1, body, strlen(body), &b);
    memcpy(out, buf_str(&b), b.len + 1);
    capturer_release(&cr);
    buf_release(&b);
    return rc;
}

static void takes_each_way(void **state)
{
    char out[64];

    (void)state;
    assert_int_equal(take(CAPTURE_JSON, "/id", "{\"id\":5}", out, 64), 0);
    assert_string_equal(out, "5");
    assert_int_equal(take(CAPTURE_HEADER, "x-token", "", out, 64), 0);
    assert_string_equal(out, "abc 123");
    assert_int_equal(
        take(CAPTURE_REGEX, "name=\"([a-z]+)\"", "<i name=\"bob\">", out, 64),
        0);
    assert_string_equal(out, "bob");
    assert_int_equal(take(CAPTURE_REGEX, "[0-9]+", "a 42 b", out, 64), 0);
    assert_string_equal(out, "42");
}

static void misses(void **state)
{
    char out[8];

    (void)state;
    assert_int_equal(take(CAPTURE_JSON, "/no", "{\"id\":5}", out, 8), -1);
    assert_int_equal(take(CAPTURE_HEADER, "x-none", "", out, 8), -1);
    assert_int_equal(take(CAPTURE_HEADER, "x-tok", "", out, 8), -1);
    assert_int_equal(take(CAPTURE_REGEX, "z+", "a 42 b", out, 8), -1);
    assert_int_equal(take(CAPTURE_REGEX, "[0-9]+", "0123456789", out, 8), -1);
}

static void bad_pattern_is_an_error(void **state)
{
    struct capture c = {.name = "id", .from = CAPTURE_REGEX, .what = "(["};
    struct capture unknown = {.name = "who", .what = "/x"};
    struct capturer cr;
    struct err err = {{0}};

    (void)state;
    assert_int_equal(capturer_init(&cr, &sc, &c, &err), -1);
    assert_non_null(strstr(err.msg, "bad pattern"));
    assert_int_equal(capturer_init(&cr, &sc, &unknown, &err), -1);
}

static void expected_status(void **state)
{
    struct status_range r[] = {{200, 299}, {404, 404}};
    struct expect none = {0}, some = {.status = r, .nstatus = 2};

    (void)state;
    assert_true(expect_status(&none, 200) && expect_status(&none, 302));
    assert_false(expect_status(&none, 404) || expect_status(&none, 500) ||
                 expect_status(&none, 199) || expect_status(&none, 0));
    assert_true(expect_status(&some, 204) && expect_status(&some, 404));
    assert_false(expect_status(&some, 302) || expect_status(&some, 500));
}

static void expected_body(void **state)
{
    char *texts[] = {"ok", "done"};
    struct expect e = {.body_contains = texts, .nbody_contains = 2};

    (void)state;
    assert_true(expect_body(&e, "ok, done", 8));
    assert_false(expect_body(&e, "ok, done", 7));
    assert_false(expect_body(&e, NULL, 0));
}

static const char *cookie_line(struct jar *j, const char *target)
{
    static struct buf b;

    buf_release(&b);
    buf_init(&b, 1000);
    assert_int_equal(jar_write(j, target, strlen(target), &b), 0);
    return buf_str(&b);
}

static void put(struct jar *j, const char *lines, const char *target)
{
    jar_take(j, lines, strlen(lines), target, strlen(target), false, 1000000);
}

static void cookies_come_back(void **state)
{
    struct jar *j = jar_new();

    (void)state;
    put(j, headers, "/x/y?q=/z");
    assert_string_equal(cookie_line(j, "/other"), "Cookie: a=1\r\n");
    put(j, "Set-Cookie: p=q\r\n", "/shop/cart?a=/b");
    assert_string_equal(cookie_line(j, "/shop/x"), "Cookie: a=1; p=q\r\n");
    assert_string_equal(cookie_line(j, "/shopping"), "Cookie: a=1\r\n");
    put(j, "Set-Cookie: a=3; Path=/\r\n", "/");
    assert_string_equal(cookie_line(j, "/"), "Cookie: a=3\r\n");
    put(j, "Set-Cookie: a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT\r\n",
        "/");
    assert_string_equal(cookie_line(j, "/"), "");
    put(j, "Set-Cookie: s=1; Secure\r\nSet-Cookie: =x\r\nSet-Cookie: y\r\n",
        "/");
    assert_string_equal(cookie_line(j, "/"), "");
    jar_clear(j);
    assert_string_equal(cookie_line(j, "/shop/x"), "");
    jar_free(j);
}

/* A server that sets a new cookie each time does not grow us. */
static void jar_is_bounded(void **state)
{
    struct jar *j = jar_new();
    char line[64];
    int n = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        snprintf(line, sizeof line, "Set-Cookie: c%d=%d\r\n", i, i);
        put(j, line, "/");
    }
    for (const char *p = cookie_line(j, "/"); *p != '\0'; p++)
        n += *p == '=';
    assert_int_equal(n, COOKIES_MAX);
    assert_non_null(strstr(cookie_line(j, "/"), "c9999="));
    jar_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_each_way),
        cmocka_unit_test(misses),
        cmocka_unit_test(bad_pattern_is_an_error),
        cmocka_unit_test(expected_status),
        cmocka_unit_test(expected_body),
        cmocka_unit_test(cookies_come_back),
        cmocka_unit_test(jar_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
