#include "harness/base/jsonw.h"

#include "tests/unit/assert_close.h"

#include <math.h>
#include <string.h>

static void test_document(void **state)
{
    (void)state;
    struct buf out;
    struct jsonw w;

    buf_init(&out, 1 << 16);
    jsonw_init(&w, &out, false);
    jsonw_object(&w, NULL);
    jsonw_string(&w, "name", "shop");
    jsonw_array(&w, "list");
    jsonw_int(&w, NULL, -7);
    jsonw_object(&w, NULL);
    jsonw_bool(&w, "yes", true);
    jsonw_object_end(&w);
    jsonw_array_end(&w);
    jsonw_array(&w, "empty");
    jsonw_array_end(&w);
    jsonw_null(&w, "nothing");
    jsonw_string(&w, "null", NULL);
    jsonw_object_end(&w);
    assert_string_equal(buf_str(&out), "{\n"
                                       "  \"name\": \"shop\",\n"
                                       "  \"list\": [\n"
                                       "    -7,\n"
                                       "    {\n"
                                       "      \"yes\": true\n"
                                       "    }\n"
                                       "  ],\n"
                                       "  \"empty\": [],\n"
                                       "  \"nothing\": null,\n"
                                       "  \"null\": null\n"
                                       "}\n");
    buf_release(&out);
}

static void test_compact(void **state)
{
    (void)state;
    struct buf out;
    struct jsonw w;

    buf_init(&out, 1 << 16);
    for (int i = 0; i < 2; i++) {
        jsonw_init(&w, &out, true);
        jsonw_object(&w, NULL);
        jsonw_double(&w, "t_s", 1.5);
        jsonw_array(&w, "a");
        jsonw_int(&w, NULL, 1);
        jsonw_int(&w, NULL, 2);
        jsonw_array_end(&w);
        jsonw_object_end(&w);
    }
    assert_string_equal(buf_str(&out), "{\"t_s\":1.5,\"a\":[1,2]}\n"
                                       "{\"t_s\":1.5,\"a\":[1,2]}\n");
    buf_release(&out);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *want;
    } rows[] = {
        {0, "[0]\n"},
        {-0.0, "[0]\n"},
        {0.1, "[0.1]\n"},
        {1.0 / 3, "[0.3333333333]\n"},
        {123456789012345, "[123456789012345]\n"},
        {-9007199254740991, "[-9007199254740991]\n"},
        {1e300, "[1e+300]\n"},
        {1.5e-9, "[1.5e-09]\n"},
        {NAN, "[null]\n"},
        {INFINITY, "[null]\n"},
        {-INFINITY, "[null]\n"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;
        struct jsonw w;

        buf_init(&out, 1 << 10);
        jsonw_init(&w, &out, true);
        jsonw_array(&w, NULL);
        jsonw_double(&w, NULL, rows[i].v);
        jsonw_array_end(&w);
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_release(&out);
    }
}

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"\"\\/\b\f\n\r\t", "[\"\\\"\\\\/\\b\\f\\n\\r\\t\"]\n"},
        {"\x1b[31m\x7f", "[\"\\u001b[31m\\u007f\"]\n"},
        {"</script>&", "[\"\\u003c/script\\u003e\\u0026\"]\n"},
        {"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x92\xA7",
         "[\"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x92\xA7\"]\n"},
        {"\xC2\x9B\xE2\x80\xAE\xE2\x81\xA6\xEF\xBB\xBF\xE2\x80\xA8\xD8\x9C",
         "[\"\\u009b\\u202e\\u2066\\ufeff\\u2028\\u061c\"]\n"},
        {"\xF4\x8F\xBF\xBF", "[\"\\udbff\\udfff\"]\n"},
        {"\xFF\xC0\xAFz", "[\"\\ufffd\\ufffd\\ufffdz\"]\n"},
        {"cut \xE2\x82", "[\"cut \\ufffd\\ufffd\"]\n"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;
        struct jsonw w;

        buf_init(&out, 1 << 10);
        jsonw_init(&w, &out, true);
        jsonw_array(&w, NULL);
        jsonw_string(&w, NULL, rows[i].in);
        jsonw_array_end(&w);
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_release(&out);
    }
}

static void test_keys_are_escaped(void **state)
{
    (void)state;
    struct buf out;
    struct jsonw w;

    buf_init(&out, 1 << 10);
    jsonw_init(&w, &out, true);
    jsonw_object(&w, NULL);
    jsonw_int(&w, "a\"<\n", 1);
    jsonw_object_end(&w);
    assert_string_equal(buf_str(&out), "{\"a\\\"\\u003c\\n\":1}\n");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document),         cmocka_unit_test(test_compact),
        cmocka_unit_test(test_numbers),          cmocka_unit_test(test_strings),
        cmocka_unit_test(test_keys_are_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
