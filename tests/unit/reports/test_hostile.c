/* Foreign bytes in every field: no artifact holds them raw, and each stays a
 * well-formed document of its kind. */
#include "tests/unit/reports/hostile.h"

#include "harness/base/escape.h"
#include "reports/graph.h"
#include "reports/plots.h"
#include "reports/report_impl.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/reports/markup.h"

#include <jansson.h>

/* Valid UTF-8, no control characters but line feeds, none that hide. */
static void assert_clean(const char *what, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = escape_utf8_len(s + i, n - i);
        unsigned char c = (unsigned char)s[i];

        if (len == 0 || (c < 0x20 && c != '\n') || c == 0x7F ||
            (c == 0xC2 && (unsigned char)s[i + 1] < 0xA0) ||
            (len == 3 && memcmp(s + i, "\xE2\x80\xAE", 3) == 0))
            fail_msg("%s: raw byte %02x at %zu: %.40s", what, c, i, s + i);
        i += len;
    }
}

static void assert_without(const char *what, const char *s, const char *bad)
{
    const char *hit = strstr(s, bad);

    char excerpt[60] = "";

    if (hit == NULL)
        return;
    strncpy(excerpt, hit, sizeof excerpt - 1);
    fail_msg("%s holds %s: %s", what, bad, excerpt);
}

static void test_text(void **state)
{
    (void)state;
    struct fixture f;
    struct buf out;

    hostile_open(&f);
    buf_init(&out, 1 << 22);
    report_text(&f.in, false, 80, &out);
    assert_clean("text", buf_str(&out), out.len);
    buf_release(&out);
    fixture_close(&f);
}

static void test_json(void **state)
{
    (void)state;
    struct fixture f;
    struct buf out;
    json_error_t why;

    hostile_open(&f);
    buf_init(&out, 1 << 22);
    report_json(&f.in, &out);
    assert_clean("verdict.json", buf_str(&out), out.len);
    assert_without("verdict.json", buf_str(&out), "</script>");
    json_t *o = json_loadb(out.p, out.len, 0, &why);
    if (o == NULL)
        fail_msg("verdict.json:%d: %s", why.line, why.text);
    json_decref(o);
    buf_release(&out);
    fixture_close(&f);
}

static void test_junit(void **state)
{
    (void)state;
    struct fixture f;
    struct buf out;

    for (int exit_code = 1; exit_code <= 4; exit_code += 3) {
        hostile_open(&f);
        f.in.exit_code = exit_code;
        buf_init(&out, 1 << 22);
        assert_int_equal(report_ops_junit.render(&f.in, &out, NULL), 0);
        assert_clean("junit.xml", buf_str(&out), out.len);
        assert_true(markup_well_formed(out.p, out.len));
        buf_release(&out);
        fixture_close(&f);
    }
}

static void test_markdown(void **state)
{
    (void)state;
    struct fixture f;
    struct buf out;

    hostile_open(&f);
    buf_init(&out, 1 << 22);
    assert_int_equal(report_ops_markdown.render(&f.in, &out, NULL), 0);
    assert_clean("summary.md", buf_str(&out), out.len);
    assert_without("summary.md", buf_str(&out), "<img");
    assert_without("summary.md", buf_str(&out), "<script");
    for (const char *s = buf_str(&out); (s = strstr(s, "](j")) != NULL; s++)
        assert_true(s[-1] == '\\');
    /* No cell can end a table row early: bars are escaped or ours. */
    for (const char *s = buf_str(&out); (s = strstr(s, "`id")) != NULL; s++)
        assert_true(s[-1] == '\\');
    buf_release(&out);
    fixture_close(&f);
}

/* A graph whose boxes stand below each other. */
static struct graph *stacked(const struct fixture *f)
{
    struct graph *g = graph_new(&f->record.diagnosis, &f->verdict);

    assert_non_null(g);
    assert_true(g->nnodes > 0);
    g->wide.placed = true;
    g->wide.height = (double)g->nnodes * 40;
    for (size_t i = 0; i < g->nnodes; i++)
        g->wide.at[i] = (struct graph_place){
            .x = 2, .y = (double)i * 40, .width = 200, .most = 30};
    return g;
}

static void test_html(void **state)
{
    (void)state;
    struct fixture f;
    struct buf out;
    struct graph *g;
    size_t charts = 0;

    hostile_open(&f);
    f.in.graph = g = stacked(&f);
    buf_init(&out, 1 << 24);
    assert_int_equal(report_ops_html.render(&f.in, &out, NULL), 0);
    assert_clean("report.html", buf_str(&out), out.len);
    assert_without("report.html", buf_str(&out), "<script>alert");
    assert_without("report.html", buf_str(&out), "<img");
    assert_without("report.html", buf_str(&out), "onerror=alert(1)>\"");
    for (const char *s = buf_str(&out); (s = strstr(s, "<svg")) != NULL;) {
        const char *end = strstr(s, "</svg>") + strlen("</svg>");

        if (!markup_well_formed(s, (size_t)(end - s)))
            fail_msg("chart %zu is not well-formed: %.200s", charts, s);
        charts++;
        s = end;
    }
    assert_true(charts >= 4);
    const char *body = strstr(buf_str(&out), "<main>");
    const char *end = strstr(body, "</main>") + strlen("</main>");
    assert_true(markup_well_formed(body, (size_t)(end - body)));
    assert_non_null(strstr(body, "aria-label=\"chains of references\""));
    buf_release(&out);
    graph_free(g);
    fixture_close(&f);
}

static void test_plots(void **state)
{
    (void)state;
    struct fixture f;
    struct buf notice;
    static const char *const files[] = {"memory.gp", "objects.gp", "handles.gp",
                                        "memory.dat", "custom.gp"};
    char *out = temp_dir_new();
    char *dir = file_join(out, "plots");

    hostile_open(&f);
    f.in.out_dir = out;
    buf_init(&notice, 1 << 16);
    assert_int_equal(plots_write(&f.in, &notice, NULL), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *text = temp_dir_get(dir, files[i]);

        assert_clean(files[i], text, strlen(text));
        /* On every line quotes pair up, so nothing of a title is outside. */
        for (const char *s = text; *s != '\0' && i != 3;) {
            size_t n = strcspn(s, "\n"), quotes = 0;

            for (size_t k = 0; k < n; k++)
                quotes += s[k] == '\'';
            assert_true(quotes % 2 == 0);
            s += n + (s[n] == '\n');
        }
        free(text);
    }
    buf_release(&notice);
    free(dir);
    temp_dir_free(out);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),  cmocka_unit_test(test_json),
        cmocka_unit_test(test_junit), cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_html),  cmocka_unit_test(test_plots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
