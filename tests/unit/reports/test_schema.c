/* verdict.json against reports/verdict.schema.json, by the few keywords that
 * the schema uses. */
#include "reports/report.h"

#include "tests/unit/assert_close.h"
#include "tests/unit/reports/fixture.h"

#include <jansson.h>

static json_t *schema;

static bool of_type(const json_t *v, const char *type)
{
    return strcmp(type, "object") == 0    ? json_is_object(v)
           : strcmp(type, "array") == 0   ? json_is_array(v)
           : strcmp(type, "string") == 0  ? json_is_string(v)
           : strcmp(type, "number") == 0  ? json_is_number(v)
           : strcmp(type, "integer") == 0 ? json_is_integer(v)
           : strcmp(type, "boolean") == 0 ? json_is_boolean(v)
                                          : json_is_null(v);
}

static void check(const json_t *s, const json_t *v, const char *at);

static void check_object(const json_t *s, const json_t *v, const char *at)
{
    const json_t *more = json_object_get(s, "additionalProperties");
    const json_t *known = json_object_get(s, "properties"), *name;
    const char *key;
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(s, "required"), i,
                       name) if (json_object_get(v, json_string_value(name)) ==
                                 NULL)
        fail_msg("%s lacks %s", at, json_string_value(name));
    json_object_foreach((json_t *)(uintptr_t)v, key, item)
    {
        const json_t *sub = json_object_get(known, key);

        if (sub == NULL && known != NULL && more == NULL &&
            json_object_get(s, "required") != NULL)
            fail_msg("%s: the schema does not know %s", at, key);
        if (sub != NULL || more != NULL)
            check(sub != NULL ? sub : more, item, key);
    }
}

static void check_type(const json_t *s, const json_t *v, const char *at)
{
    const json_t *type = json_object_get(s, "type"), *one;
    bool ok = type == NULL;
    size_t i;

    if (json_is_string(type))
        ok = of_type(v, json_string_value(type));
    json_array_foreach(type, i, one) ok =
        ok || of_type(v, json_string_value(one));
    if (!ok)
        fail_msg("%s has the wrong type", at);
}

static void check(const json_t *s, const json_t *v, const char *at)
{
    const char *ref = json_string_value(json_object_get(s, "$ref"));
    const json_t *words = json_object_get(s, "enum"), *word, *item;
    const json_t *fixed = json_object_get(s, "const");
    bool found = words == NULL;
    size_t i;

    if (ref != NULL) {
        const json_t *defs = json_object_get(schema, "$defs");

        s = json_object_get(defs, ref + strlen("#/$defs/"));
        assert_non_null(s);
        check(s, v, at);
        return;
    }
    check_type(s, v, at);
    json_array_foreach(words, i, word) found = found || json_equal(word, v);
    if (!found || (fixed != NULL && !json_equal(fixed, v)))
        fail_msg("%s is none of the words the schema has", at);
    if (json_is_object(v))
        check_object(s, v, at);
    json_array_foreach(v, i, item) if (json_object_get(s, "items") != NULL)
        check(json_object_get(s, "items"), item, at);
}

static json_t *document(const struct report_input *in)
{
    struct buf out;
    json_t *o;

    buf_init(&out, 1 << 22);
    report_json(in, &out);
    o = json_loadb(out.p, out.len, 0, NULL);
    buf_release(&out);
    assert_non_null(o);
    return o;
}

static void test_fixtures_fit(void **state)
{
    (void)state;
    for (int c = 0; c < 3; c++) {
        struct fixture f;

        fixture_open(&f, (enum fixture_case)c);
        json_t *o = document(&f.in);
        check(schema, o, "verdict.json");
        json_decref(o);
        fixture_close(&f);
    }
}

/* A bare CSV with hardly anything in it. */
static void test_nearly_nothing_fits(void **state)
{
    (void)state;
    char *dir = temp_dir_new(), *path = file_join(dir, "x.csv");
    struct record r;
    struct verdict v = {
        .lead = -1, .steady_from_s = NAN, .more_requests = NAN, .more_s = NAN,
        .more_chance = NAN};
    struct report_input in = {.record = &r, .verdict = &v, .exit_code = 3};
    struct buf text;

    temp_dir_puts(dir, "x.csv", "t_s,rss_bytes\n");
    assert_int_equal(record_from_csv(path, &r, NULL), 0);
    json_t *o = document(&in);
    check(schema, o, "verdict.json");
    assert_string_equal(json_string_value(json_object_get(o, "verdict")),
                        "inconclusive");
    assert_true(json_is_null(json_object_get(o, "duration_s")));
    json_decref(o);
    buf_init(&text, 1 << 16);
    report_text(&in, false, 0, &text);
    assert_ptr_equal(strstr(buf_str(&text), "INCONCLUSIVE  x.csv"),
                     buf_str(&text));
    buf_release(&text);
    record_release(&r);
    free(path);
    temp_dir_free(dir);
}

/* The checker itself must be able to fail; so it is tried on its parts. */
static void test_checker_sees_types(void **state)
{
    (void)state;
    json_t *text = json_string("x");

    assert_true(of_type(text, "string"));
    assert_false(of_type(text, "number"));
    assert_false(of_type(text, "null"));
    json_decref(text);
}

static int load(void **state)
{
    (void)state;
    schema = json_load_file("reports/verdict.schema.json", 0, NULL);
    return schema == NULL;
}

static int drop(void **state)
{
    (void)state;
    json_decref(schema);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures_fit),
        cmocka_unit_test(test_nearly_nothing_fits),
        cmocka_unit_test(test_checker_sees_types),
    };

    return cmocka_run_group_tests(tests, load, drop);
}
