/* What is said of a chain, and of a container with a limit on it. */
#include "reports/chain_words.h"
#include "reports/report_impl.h"

#include "tests/unit/assert_close.h"
#include "tests/unit/reports/fixture.h"

static void words(const struct view *v, double size, const char *entry,
                  const char *want)
{
    struct diagnosis_chain c = {.sampled = 16,
                                .found = 16,
                                .bound = {.container = (char *)"deque",
                                          .entry = (char *)entry,
                                          .size = size,
                                          .limit = 5000,
                                          .share = 0.5}};
    struct buf out;

    buf_init(&out, 4000);
    chain_bound_words(&out, v, &c);
    assert_string_equal(buf_str(&out), want);
    buf_reset(&out);
    c.bound.container = NULL;
    chain_bound_words(&out, v, &c);
    assert_int_equal(out.len, 0);
    buf_release(&out);
}

/* One order in ten requests keeps 1.00; two processes share them. */
static void what_fills(void **state)
{
    struct fixture f;
    struct view v;

    (void)state;
    fixture_open(&f, FIXTURE_LEAK);
    view_init(&v, &f.in);
    words(&v, 812, "shop.Order",
          "the deque holds 812 of at most 5,000: if that is what fills, the "
          "growth ends after about 8,400 more requests of order; run that "
          "long to tell");
    words(&v, 4999, "shop.Order",
          "the deque holds 4,999 of at most 5,000: if that is what fills, the "
          "growth ends after about 2 more requests of order; run that long to "
          "tell");
    words(&v, 812, "tuple",
          "the deque holds 812 of at most 5,000: if that is what fills, the "
          "growth ends when it is full; run until then to tell");
    words(&v, 5000, "shop.Order",
          "the deque holds 5,000 of at most 5,000, and is full now: if that "
          "is what filled, the growth has ended; a longer run tells");
    f.verdict.types_kind = -1;
    f.verdict.types_share = 1;
    words(&v, 812, "shop.Order",
          "the deque holds 812 of at most 5,000: if that is what fills, the "
          "growth ends after about 84,000 more requests; run that long to "
          "tell");
    f.verdict.types_per_hour = true;
    f.verdict.types[0].count_per_request.value = 4188;
    words(&v, 812, "shop.Order",
          "the deque holds 812 of at most 5,000: if that is what fills, the "
          "growth ends after about 2 h 0 min more; run that long to tell");
    view_release(&v);
    fixture_close(&f);
}

static void what_is_not_proven(void **state)
{
    static const struct {
        const char *type;
        double sampled, found;
        const char *want;
    } rows[] = {
        {"shop.Order", 16, 16, "module shop -> all: list[9] -> shop.Order"},
        {"shop.Order", 16, 4,
         "module shop -> all: list[9] -> shop.Order (25 % of shop.Order)"},
        /* It seems to grow, and need not. */
        {"dict", 16, 8,
         "module shop -> all: list[9] -> shop.Order (50 % of dict); it is not "
         "proven to grow"},
    };
    struct fixture f;
    struct view v;

    (void)state;
    fixture_open(&f, FIXTURE_LEAK);
    view_init(&v, &f.in);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct diagnosis_chain c = {
            .type = (char *)rows[i].type,
            .text = (char *)"module shop -> all: list[9] -> shop.Order",
            .sampled = rows[i].sampled,
            .found = rows[i].found};
        struct buf out;

        buf_init(&out, 4000);
        chain_words(&out, &v, &c);
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_release(&out);
    }
    view_release(&v);
    fixture_close(&f);
}

static void what_it_holds_in_all(void **state)
{
    static const struct {
        double bytes, share;
        bool whole, least;
        const char *want;
    } rows[] = {
        {12897485, 1, true, false, "history holds 12.3 MiB in all (pympler)"},
        {12897485, 0.5, true, false,
         "history holds 12.3 MiB in all, in one of the processes (pympler)"},
        {12897485, 1, false, false,
         "history holds about 12.3 MiB in all (pympler, from a part of its "
         "entries)"},
        {12897485, 0.5, true, true,
         "history holds at least 12.3 MiB, in one of the processes (pympler, "
         "which does not see into all of it)"},
        {12897485, 1, false, true,
         "history holds at least about 12.3 MiB (pympler, from a part of its "
         "entries, which does not see into all of it)"},
        {NAN, 1, true, false, ""},
        {-5, 1, true, false, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct diagnosis_chain c = {.deep = {.holder = (char *)"history",
                                             .bytes = rows[i].bytes,
                                             .share = rows[i].share,
                                             .whole = rows[i].whole,
                                             .least = rows[i].least}};
        struct buf out;

        buf_init(&out, 4000);
        chain_deep_words(&out, &c);
        assert_string_equal(buf_str(&out), rows[i].want);
        c.deep.holder = NULL;
        buf_reset(&out);
        chain_deep_words(&out, &c);
        assert_int_equal(out.len, 0);
        buf_release(&out);
    }
}

/* What may not grow at all, and hangs there in part, is no answer beside what
   surely grows: in no report, but in verdict.json, where all is. */
static void what_tells_nothing_is_left_out(void **state)
{
    static const struct {
        const char *types[2]; /* the fixture's verdict is sure of shop.Order */
        double found;         /* of 16 of the second */
        bool told;
    } rows[] = {
        {{"shop.Order", "dict"}, 8, false},
        {{"shop.Order", "dict"}, 16, true},
        {{"shop.Order", "shop.Order"}, 8, true},
        {{"list", "dict"}, 8, true}, /* the best there is */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct diagnosis *d;
        struct fixture f;
        struct buf out[3];
        struct err err;

        fixture_open(&f, FIXTURE_LEAK);
        d = &f.record.diagnosis;
        d->chains = mem_realloc(d->chains, 2, sizeof *d->chains);
        d->nchains = 2;
        free(d->chains[0].type);
        d->chains[0].type = mem_strdup(rows[i].types[0]);
        d->chains[1] = (struct diagnosis_chain){
            .type = mem_strdup(rows[i].types[1]),
            .text = mem_strdup("frame -> spare"),
            .sampled = 16,
            .found = rows[i].found};
        for (int k = 0; k < 3; k++)
            buf_init(&out[k], 1 << 22);
        report_text(&f.in, false, 100, &out[0]);
        assert_int_equal(report_ops_html.render(&f.in, &out[1], &err), 0);
        report_json(&f.in, &out[2]);
        assert_non_null(strstr(buf_str(&out[0]), "module shop"));
        assert_int_equal(strstr(buf_str(&out[0]), "spare") != NULL,
                         rows[i].told);
        assert_int_equal(strstr(buf_str(&out[1]), "spare") != NULL,
                         rows[i].told);
        assert_non_null(strstr(buf_str(&out[2]), "spare"));
        for (int k = 0; k < 3; k++)
            buf_release(&out[k]);
        fixture_close(&f);
    }
}

/* Beside the chain, wherever it is read, not on its own. */
static void it_stands_below_its_chain(void **state)
{
    struct fixture f;
    struct buf out;
    struct diagnosis_deep *deep;

    (void)state;
    fixture_open(&f, FIXTURE_LEAK);
    deep = &f.record.diagnosis.chains[0].deep;
    deep->holder = mem_strdup("history");
    deep->bytes = 12897485;
    deep->whole = true;
    deep->share = 1;
    buf_init(&out, 1 << 22);
    report_text(&f.in, false, 80, &out);
    assert_non_null(strstr(buf_str(&out), "-> Order\n           history holds "
                                          "12.3 MiB in all (pympler)\n"));
    buf_reset(&out);
    assert_int_equal(report_ops_html.render(&f.in, &out, NULL), 0);
    assert_non_null(strstr(buf_str(&out), "<dt> </dt><dd>history holds"));
    assert_non_null(strstr(buf_str(&out), "</details><p>history holds 12.3"));
    assert_null(strstr(buf_str(&out), "\"reason\">history"));
    buf_reset(&out);
    report_json(&f.in, &out);
    assert_non_null(strstr(buf_str(&out), "\"bytes\": 12897485"));
    buf_release(&out);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_tells_nothing_is_left_out),
        cmocka_unit_test(what_fills),
        cmocka_unit_test(what_is_not_proven),
        cmocka_unit_test(what_it_holds_in_all),
        cmocka_unit_test(it_stands_below_its_chain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
