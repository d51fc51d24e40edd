#include "reports/html_impl.h"

#include "reports/report_impl.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/reports/fixture.h"
#include "tests/unit/reports/sha256.h"

static void render(struct fixture *f, struct buf *out)
{
    buf_init(out, 1 << 24);
    assert_int_equal(report_ops_html.render(&f->in, out, NULL), 0);
}

static void assert_holds(const struct buf *page, const char *text)
{
    if (strstr(buf_str(page), text) == NULL)
        fail_msg("the page does not hold: %s", text);
}

/* The page's own style and script are the only ones that may act. */
static void test_policy_names_its_own(void **state)
{
    (void)state;
    char *known = sha256_policy("abc");
    char *style = sha256_policy(html_style);
    char *script = sha256_policy(html_script);

    assert_string_equal(known,
                        "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    assert_string_equal(html_style_hash, style);
    assert_string_equal(html_script_hash, script);
    free(known);
    free(style);
    free(script);
}

static void test_self_contained(void **state)
{
    (void)state;
    static const char *const bad[] = {" src=",  " href=",  "@import", "url(",
                                      "<link",  "<iframe", " style=", "<img",
                                      "fetch(", "XMLHttp", " onclick"};
    struct fixture f;
    struct buf page;

    fixture_open(&f, FIXTURE_LEAK);
    render(&f, &page);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (strstr(buf_str(&page), bad[i]) != NULL)
            fail_msg("the page holds %s", bad[i]);
    assert_holds(&page, "default-src 'none'; style-src 'sha256-");
    assert_holds(&page, "name=\"viewport\"");
    assert_holds(&page, "prefers-color-scheme:dark");
    assert_holds(&page, "@media print");
    buf_release(&page);
    fixture_close(&f);
}

static void test_says_it_all(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "<h1>LEAK</h1>",
        "shop-soak",
        "4 min 12 s, 50,412 requests, 13 errors",
        "Memory grows with every order",
        "What to do:",
        "order keeps 2.31 KiB",
        "236 B (232 .. 240)",
        "14 min (12 .. 17)",
        "Growth against requests",
        "Over time",
        "class=\"win\"",
        "class=\"bar\"",
        "<h3>Memory</h3>",
        "requests per second",
        "Which request leaks",
        "shop.Order",
        "list[51204]",
        "shop.py:41",
        "39,303",
        "gunicorn: worker",
        "process_end",
        "worker recycled",
        "Authorization: ***",
        "harness: CPU",
        "8.5 %",
        "the allocator&#39;s counters were not readable",
        "512 MiB"};
    struct fixture f;
    struct buf page;

    fixture_open(&f, FIXTURE_LEAK);
    render(&f, &page);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_holds(&page, texts[i]);
    buf_release(&page);
    fixture_close(&f);
}

/* A type that leaks is drawn from the censuses, which hold its counts. */
static void test_type_is_drawn(void **state)
{
    (void)state;
    static const char title[] =
        "<h3>objects:shop.Order over the requests of order: leak";
    struct fixture f;
    struct buf page;
    struct record_object *o;
    struct series *b;

    fixture_open(&f, FIXTURE_LEAK);
    fixture_finding(&f, "objects:shop.Order", OUTCOME_LEAK, 0.1, 0, 0.001, 1);
    f.verdict.lead = (int)f.verdict.nfindings - 1;
    f.verdict.blames[1].finding = f.verdict.lead;
    b = &f.record.barriers;
    o = f.record.objects;
    f.record.objects = mem_zalloc(b->n, sizeof *o);
    f.record.nobjects = b->n;
    for (size_t i = 0; i < b->n; i++)
        f.record.objects[i] = (struct record_object){
            .t_s = b->t_s[i],
            .block = (int)i,
            .type = mem_strdup(i == 7 ? "shop.Other" : "shop.Order"),
            .count = 400 * (double)i};
    free(o);
    render(&f, &page);
    assert_holds(&page, title);
    buf_release(&page);
    f.verdict.findings[f.verdict.lead].in_lives = true;
    render(&f, &page);
    assert_null(strstr(buf_str(&page), title));
    buf_release(&page);
    fixture_close(&f);
}

static void test_other_verdicts(void **state)
{
    (void)state;
    struct fixture f;
    struct buf page;

    fixture_open(&f, FIXTURE_PASS);
    render(&f, &page);
    assert_holds(&page, "<div class=\"hero pass\">");
    buf_release(&page);
    f.in.exit_code = 4;
    render(&f, &page);
    assert_holds(&page, "<h1>FAILED</h1>");
    buf_release(&page);
    fixture_close(&f);
    fixture_open(&f, FIXTURE_INCONCLUSIVE);
    render(&f, &page);
    assert_holds(&page, "<h1>INCONCLUSIVE</h1>");
    assert_holds(&page, "96,000 more requests");
    buf_release(&page);
    fixture_close(&f);
}

/* Numbers that no drawing can show neither crash it nor reach the page. */
static void test_absurd_numbers(void **state)
{
    (void)state;
    static const double absurd[] = {1e308, -1e308, INFINITY, -INFINITY, NAN};

    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
        struct fixture f;
        struct buf page;

        fixture_open(&f, FIXTURE_LEAK);
        f.record.samples.t_s[7] = f.record.samples.columns[0].v[9] = absurd[i];
        f.record.barriers.requests[2] = absurd[i];
        f.record.barriers.columns[0].v[3] = absurd[i];
        f.record.seconds[5].t_s = absurd[i];
        f.record.seconds[6].ok = absurd[i];
        f.record.limit_bytes = absurd[i];
        f.verdict.findings[0].per_request.value = absurd[i];
        f.verdict.findings[0].from_s = absurd[i];
        f.verdict.findings[0].limit_s.high = absurd[i];
        render(&f, &page);
        assert_null(strstr(buf_str(&page), "\"nan"));
        assert_null(strstr(buf_str(&page), "\"-nan"));
        assert_null(strstr(buf_str(&page), "\"inf"));
        assert_null(strstr(buf_str(&page), ",nan"));
        buf_release(&page);
        fixture_close(&f);
    }
}

/* A long soak must not make a page that no browser opens. */
static void test_long_runs_stay_small(void **state)
{
    (void)state;
    size_t n = 200000;
    struct fixture f;
    struct buf page;

    fixture_open(&f, FIXTURE_PASS);
    struct series *s = &f.record.samples;
    s->t_s = mem_realloc(s->t_s, n, sizeof(double));
    s->requests = mem_realloc(s->requests, n, sizeof(double));
    for (size_t c = 0; c < s->ncolumns; c++)
        s->columns[c].v = mem_realloc(s->columns[c].v, n, sizeof(double));
    for (size_t i = s->n; i < n; i++) {
        s->t_s[i] = (double)i;
        s->requests[i] = (double)i * 210;
        for (size_t c = 0; c < s->ncolumns; c++)
            s->columns[c].v[i] = 1e8 + (double)(i % 1000);
    }
    s->n = n;
    render(&f, &page);
    assert_true(page.len < 600000);
    buf_release(&page);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_names_its_own),
        cmocka_unit_test(test_self_contained),
        cmocka_unit_test(test_says_it_all),
        cmocka_unit_test(test_type_is_drawn),
        cmocka_unit_test(test_other_verdicts),
        cmocka_unit_test(test_absurd_numbers),
        cmocka_unit_test(test_long_runs_stay_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
