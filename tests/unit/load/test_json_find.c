#include "harness/load/json_find.h"

#include "harness/base/mem.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/load/edge.h"

#include <stdlib.h>
#include <string.h>

#define NONE "(none)"

/* Runs json_find on a copy that ends at an unmapped page. */
static const char *find_n(const char *json, size_t n, const char *pointer)
{
    static struct buf out;
    struct edge e;
    const char *got;

    buf_release(&out);
    buf_init(&out, 64);
    edge_init(&e, json, n);
    got = json_find(e.p, n, pointer, &out) == 0 ? buf_str(&out) : NONE;
    edge_release(&e);
    return got;
}

static const char *find(const char *json, const char *pointer)
{
    return find_n(json, strlen(json), pointer);
}

static void finds(void **state)
{
    static const struct {
        const char *json, *pointer, *want;
    } t[] = {
        {"{\"id\": 7}", "/id", "7"},
        {"{\"a\":{\"b\":[1,{\"c\":\"x\"}]}}", "/a/b/1/c", "x"},
        {" [ 10 , 20,30 ] ", "/2", "30"},
        {"{\"skip\":{\"id\":1},\"id\":2}", "/id", "2"},
        {"{\"skip\":\"}]\\\"id\\\":\",\"id\":3}", "/id", "3"},
        {"{\"s\":\"a\\\"b\\\\c\\/\\n\\u00e9\\ud83d\\ude00\"}", "/s",
         "a\"b\\c/\n\xc3\xa9\xf0\x9f\x98\x80"},
        {"{\"s\":\"\\ud83d!\"}", "/s", "\xef\xbf\xbd!"},
        {"{\"a/b\":1,\"m~n\":2}", "/a~1b", "1"},
        {"{\"a/b\":1,\"m~n\":2}", "/m~0n", "2"},
        {"{\"\\u0069d\":5}", "/id", "5"},
        {"{\"o\":{\"x\":[1,2]}}", "/o", "{\"x\":[1,2]}"},
        {"true", "", "true"},
        {"{\"e\":\"\"}", "/e", ""},
        {"{\"n\":-1.5e3,\"z\":null}", "/n", "-1.5e3"},
        {"{\"n\":-1.5e3,\"z\":null}", "/z", "null"},
        {"{\"\":4}", "/", "4"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        assert_string_equal(find(t[i].json, t[i].pointer), t[i].want);
}

static void finds_nothing(void **state)
{
    static const struct {
        const char *json, *pointer;
    } t[] = {
        {"{\"id\": 7}", "/other"},
        {"{}", "/id"},
        {"[]", "/0"},
        {"[1]", "/1"},
        {"[1]", "/01"},
        {"[1]", "/-"},
        {"[1]", "/x"},
        {"7", "/id"},
        {"", ""},
        {"{\"id\"", "/id"},
        {"{\"id\":", "/id"},
        {"{\"id\":\"cut", "/id"},
        {"{\"id\":{\"a\":1", "/id"},
        {"{\"a\":[1,2,{", "/a/3"},
        {"{\"id\":\"bad \\q\"}", "/id"},
        {"<html>", "/id"},
        {"{\"a\" 1}", "/a"},
        {"[,]", "/0"},
        {"{\"id\":1}", "id"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        assert_string_equal(find(t[i].json, t[i].pointer), NONE);
}

static void control_bytes_do_not_hang(void **state)
{
    (void)state;
    assert_string_equal(find_n("[\0\0]", 4, "/1"), NONE);
    assert_string_equal(find_n("{\"a\":[\0],\"b\":1}", 15, "/b"), NONE);
}

static void too_long_is_not_cut(void **state)
{
    char json[200] = "{\"s\":\"";

    (void)state;
    memset(json + 6, 'x', 100);
    strncpy(json + 106, "\"}", 3);
    assert_string_equal(find(json, "/s"), NONE);
}

/* No prefix of a document may read behind its end or give a cut string. */
static void every_prefix(void **state)
{
    static const char json[] =
        "{\"a\": [1, \"\\u00e9\\n\", {\"b\": \"deep\"}], \"c\": \"last\"}";

    (void)state;
    for (size_t n = 0; n < sizeof json - 1; n++) {
        const char *got = find_n(json, n, "/c");

        assert_string_equal(got, n >= sizeof json - 2 ? "last" : NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds),
        cmocka_unit_test(finds_nothing),
        cmocka_unit_test(control_bytes_do_not_hang),
        cmocka_unit_test(too_long_is_not_cut),
        cmocka_unit_test(every_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
