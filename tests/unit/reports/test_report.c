#include "reports/report.h"

#include "tests/unit/assert_close.h"
#include "tests/unit/reports/fixture.h"

#include <sys/stat.h>

static const char *const artifacts[] = {
    "verdict.json",     "summary.md",        "junit.xml",
    "report.html",      "plots/memory.gp",   "plots/memory.dat",
    "plots/objects.gp", "plots/objects.dat", "plots/handles.gp",
};

static int write_all(struct fixture *f, const char *out, bool gnuplot,
                     struct buf *notice, struct err *err)
{
    f->in.out_dir = out;
    f->in.gnuplot = gnuplot;
    buf_init(notice, 1 << 16);
    return report_all(&f->in, notice, err);
}

static void assert_there(const char *out, const char *file, bool want)
{
    char *text = temp_dir_get(out, file);

    if ((*text != '\0') != want)
        fail_msg("%s is %s", file, want ? "missing" : "there");
    free(text);
}

static void test_everything_is_written(void **state)
{
    (void)state;
    char *dir = temp_dir_new(), *out = file_join(dir, "new/out");
    struct err err = {""};
    struct fixture f;
    struct buf notice;

    fixture_open(&f, FIXTURE_LEAK);
    assert_int_equal(write_all(&f, out, false, &notice, &err), 0);
    for (size_t i = 0; i < sizeof artifacts / sizeof *artifacts; i++)
        assert_there(out, artifacts[i], true);
    /* Without gnuplot: a notice, no pictures, no failure. */
    assert_there(out, "plots/memory.svg", false);
    assert_non_null(strstr(buf_str(&notice), "gnuplot was not found"));
    buf_release(&notice);
    fixture_close(&f);
    free(out);
    temp_dir_free(dir);
}

static void test_one_failure_stops_no_other(void **state)
{
    (void)state;
    char *out = temp_dir_new(), *blocked = file_join(out, "verdict.json/in");
    struct err err = {""};
    struct fixture f;
    struct buf notice;

    assert_int_equal(file_mkdirs(blocked, NULL), 0);
    fixture_open(&f, FIXTURE_PASS);
    assert_int_equal(write_all(&f, out, false, &notice, &err), -1);
    assert_non_null(strstr(err.msg, "verdict.json"));
    assert_there(out, "report.html", true);
    assert_there(out, "junit.xml", true);
    buf_release(&notice);
    fixture_close(&f);
    free(blocked);
    temp_dir_free(out);
}

/* Puts a program named gnuplot first on the PATH; NULL: an empty PATH. */
static char *fake_gnuplot(const char *script)
{
    char *dir = temp_dir_new();
    char *file = file_join(dir, "gnuplot");

    if (script != NULL) {
        temp_dir_puts(dir, "gnuplot", script);
        assert_int_equal(chmod(file, 0755), 0);
    }
    setenv("PATH", dir, 1);
    free(file);
    return dir;
}

static void with_gnuplot(const char *script, const char *want_notice,
                         bool want_picture)
{
    char *old = mem_strdup(getenv("PATH")), *bin = fake_gnuplot(script);
    char *out = temp_dir_new();
    struct err err = {""};
    struct fixture f;
    struct buf notice;

    fixture_open(&f, FIXTURE_LEAK);
    assert_int_equal(write_all(&f, out, true, &notice, &err), 0);
    if (want_notice == NULL)
        assert_string_equal(buf_str(&notice), "");
    else if (strstr(buf_str(&notice), want_notice) == NULL)
        fail_msg("notice: %s", buf_str(&notice));
    assert_there(out, "plots/memory.svg", want_picture);
    setenv("PATH", old, 1);
    buf_release(&notice);
    fixture_close(&f);
    temp_dir_free(out);
    temp_dir_free(bin);
    free(old);
}

static void test_gnuplot_missing(void **state)
{
    (void)state;
    with_gnuplot(NULL, "gnuplot was not started", false);
}

static void test_gnuplot_fails(void **state)
{
    (void)state;
    with_gnuplot("#!/bin/sh\necho oh no >&2\nexit 3\n", "gnuplot failed",
                 false);
}

/* It runs in plots/, with the user's start-up file shut out. */
static void test_gnuplot_is_called_well(void **state)
{
    (void)state;
    with_gnuplot("#!/bin/sh\n[ \"$1\" = -d ] && [ -f memory.gp ] || exit 1\n"
                 "echo '<svg/>' > memory.svg\n",
                 NULL, true);
}

static void test_real_gnuplot_draws(void **state)
{
    (void)state;
    char *out = temp_dir_new();
    struct err err = {""};
    struct fixture f;
    struct buf notice;

    fixture_open(&f, FIXTURE_LEAK);
    free(f.record.name); /* what would break a title that is not escaped */
    f.record.name = mem_strdup("it's \"`id`\" {/Symbol a}_b \\n %");
    assert_int_equal(write_all(&f, out, true, &notice, &err), 0);
    if (strstr(buf_str(&notice), "not started") == NULL) {
        char *svg = temp_dir_get(out, "plots/memory.svg");

        assert_string_equal(buf_str(&notice), "");
        assert_non_null(strstr(svg, "</svg>"));
        assert_non_null(strstr(svg, "`id`")); /* shown, not run */
        free(svg);
    }
    buf_release(&notice);
    fixture_close(&f);
    temp_dir_free(out);
}

/* A long name costs no reader the numbers, nor is a character cut in two. */
static void test_long_names_leave_room(void **state)
{
    static const struct {
        const char *name, *row;
    } rows[] = {
        {"objects:prometheus_client.metrics.Counter",
         "\n  objects:...ent.metrics.Counter  leak "},
        {"objects:thirty.characters.name", "\n  objects:thirty.characters.name "
                                           " leak "},
        {"objects:\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
         "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
         "\u00e9\u00e9",
         "\n  objects:...\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
         "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9  leak "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct finding *lead;
        struct fixture f;
        struct buf out;

        fixture_open(&f, FIXTURE_LEAK);
        lead = &f.verdict.findings[f.verdict.lead];
        snprintf(lead->name, sizeof lead->name, "%s", rows[i].name);
        buf_init(&out, 1 << 16);
        report_text(&f.in, false, 80, &out);
        if (strstr(buf_str(&out), rows[i].row) == NULL)
            print_error("%s\n", buf_str(&out));
        assert_non_null(strstr(buf_str(&out), rows[i].row));
        assert_non_null(strstr(buf_str(&out), "growth per request"));
        buf_release(&out);
        fixture_close(&f);
    }
}

/* The verdict rests on a count; of the memory laid at the same request the
 * line "who" tells what the first sentence tells. */
static void test_one_number_for_what_is_kept(void **state)
{
    struct fixture f;
    struct verdict *v = &f.verdict;
    struct buf out;

    (void)state;
    fixture_open(&f, FIXTURE_LEAK);
    v->lead = 1; /* py_blocks */
    fixture_finding(&f, "uss_bytes", OUTCOME_LEAK, 230, 4, 9, 110e6);
    v->blames[2] = v->blames[0];
    v->blames[0].finding = 2; /* rss_bytes */
    v->blames[0].per_request = (struct interval){2484, 2420, 2550};
    v->blames[2].finding = (int)v->nfindings - 1;
    buf_init(&out, 1 << 16);
    report_text(&f.in, false, 80, &out);
    assert_non_null(strstr(buf_str(&out), "(uss_bytes)"));
    assert_null(strstr(buf_str(&out), "(rss_bytes)"));
    buf_release(&out);
    fixture_close(&f);
}

/* A reason that begins with its column's title is not given it twice. */
static void test_no_title_twice(void **state)
{
    struct fixture f;
    struct finding *rss;
    struct buf out;

    (void)state;
    fixture_open(&f, FIXTURE_LEAK);
    rss = &f.verdict.findings[2];
    f.verdict.findings[0].decisive = f.verdict.findings[1].decisive = false;
    rss->decisive = true;
    snprintf(rss->reason, sizeof rss->reason,
             "Resident memory (RSS) stays level.");
    buf_init(&out, 1 << 16);
    report_text(&f.in, false, 80, &out);
    assert_non_null(strstr(buf_str(&out), "\n  Resident memory (RSS) stays"));
    assert_null(strstr(buf_str(&out), "(RSS): Resident"));
    buf_release(&out);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_written),
        cmocka_unit_test(test_one_failure_stops_no_other),
        cmocka_unit_test(test_gnuplot_missing),
        cmocka_unit_test(test_gnuplot_fails),
        cmocka_unit_test(test_gnuplot_is_called_well),
        cmocka_unit_test(test_real_gnuplot_draws),
        cmocka_unit_test(test_long_names_leave_room),
        cmocka_unit_test(test_one_number_for_what_is_kept),
        cmocka_unit_test(test_no_title_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
