/* Bars and boxes: what is drawn, what is cut, what is escaped. */
#include "reports/html_draw.h"
#include "tests/unit/assert_close.h"

#include <string.h>

static size_t count(const char *s, const char *what)
{
    size_t n = 0;

    for (; (s = strstr(s, what)) != NULL; s += strlen(what))
        n++;
    return n;
}

static void a_box_per_step(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    html_boxes(&out, "module shop -> history: list[51,204] -> shop.Order", true,
               true, true);
    /* Twice: for wide pages and for phones. */
    assert_int_equal(count(buf_str(&out), "<rect"), 6);
    assert_int_equal(count(buf_str(&out), "class=\"arrow\""), 4);
    assert_int_equal(count(buf_str(&out), "box root"), 2);
    assert_int_equal(count(buf_str(&out), "box end"), 2);
    assert_int_equal(count(buf_str(&out), ">history: list[51,204]</text>"), 2);
    buf_release(&out);
}

static void long_names_are_cut_and_kept_as_titles(void **state)
{
    char name[400];
    struct buf out;

    (void)state;
    memset(name, 'x', sizeof name);
    memcpy(name, "<first", 6);
    memcpy(name + sizeof name - 6, "last>", 6);
    buf_init(&out, 1 << 20);
    html_boxes(&out, name, true, true, true);
    html_bars(&out, "bars",
              (struct bar[]){{.label = name, .value = 1, .low = 0.5, .high = 2},
                             {.label = "b", .value = NAN}},
              2, METRIC_COUNT);
    /* Whole in the four titles only. */
    assert_int_equal(count(buf_str(&out), "<title>&lt;firstxxx"), 4);
    assert_int_equal(count(buf_str(&out), "last&gt;</title>"), 4);
    assert_int_equal(count(buf_str(&out), "\xE2\x80\xA6"), 4);
    assert_null(strstr(buf_str(&out), "<first"));
    assert_int_equal(count(buf_str(&out), "class=\"whisk\""), 2);
    assert_null(strstr(buf_str(&out), ">b</text>"));
    buf_release(&out);
}

static void nothing_to_draw(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    html_bars(&out, "none", NULL, 0, METRIC_BYTES);
    html_bars(&out, "none", (struct bar[]){{.label = "a", .value = 0}}, 1,
              METRIC_BYTES);
    html_bars(&out, "none", (struct bar[]){{.label = "a", .value = INFINITY}},
              1, METRIC_BYTES);
    assert_int_equal(out.len, 0);
    html_boxes(&out, "", true, true, true);
    html_boxes(&out, " ->  -> ", true, true, true);
    assert_int_equal(count(buf_str(&out), "<svg"), 4);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_per_step),
        cmocka_unit_test(long_names_are_cut_and_kept_as_titles),
        cmocka_unit_test(nothing_to_draw),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
