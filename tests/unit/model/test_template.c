/* Templates: what compiles renders, what does not is named, and rendering
 * allocates nothing. */
#include "harness/base/mem.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/model/scenario_fixture.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

/* Counts this program's allocations; sanitizers bring their own malloc. */
static unsigned long allocations;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern void *__libc_malloc(size_t n);
extern void *__libc_realloc(void *p, size_t n);
void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}
void *realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}
#endif

static char *scenario_text(const char *path, const char *body,
                           const char *header)
{
    return mem_printf("[target]\nurl=http://127.0.0.1:1\n"
                      "[request first]\npath=/first\nweight=0\n"
                      "capture.token=header X-Token\n"
                      "[request r]\npath=%s\nweight=0\n%s%s%s%s\n"
                      "[flow f]\nsteps=first, r\n",
                      path, body ? "body=" : "", body ? body : "",
                      header ? "\nheader=" : "", header ? header : "");
}

/* One rendering of one piece of text. */
struct rendering {
    struct scenario sc;
    struct rng rng;
    size_t row[4];
    const char *captured[1];
    size_t captured_len[1];
};

static void open_rendering(struct rendering *r, const char *text)
{
    char *mistakes = load_text(text, NULL, 0, &r->sc);

    assert_string_equal(mistakes, "");
    free(mistakes);
    rng_init(&r->rng, 7);
    memset(r->row, 0, sizeof r->row);
    r->captured[0] = NULL;
    r->captured_len[0] = 0;
}

static char *render(struct rendering *r, const struct template *t, uint64_t seq)
{
    struct template_context ctx = {.sc = &r->sc,
                                   .rng = &r->rng,
                                   .seq = seq,
                                   .feeder_row = r->row,
                                   .captured = r->captured,
                                   .captured_len = r->captured_len};
    struct buf b;

    buf_init(&b, template_max_len(t, &r->sc));
    assert_int_equal(template_render(t, &ctx, &b), 0);
    return buf_take(&b);
}

static void test_constant(void **state)
{
    struct rendering r;
    char *text =
        scenario_text("/a b?q=\xc3\xbc&p=%20#x", "{\"a\":{\"b\":1}}", NULL);
    char *got;

    (void)state;
    open_rendering(&r, text);
    assert_true(template_is_constant(&r.sc.requests[1].path));
    got = render(&r, &r.sc.requests[1].path, 0);
    assert_string_equal(got, "/a%20b?q=%C3%BC&p=%20%23x");
    free(got);
    got = render(&r, &r.sc.requests[1].body, 0);
    assert_string_equal(got, "{\"a\":{\"b\":1}}");
    free(got);
    scenario_release(&r.sc);
    free(text);
}

static void test_functions(void **state)
{
    struct rendering r;
    char *text = scenario_text(
        "/p/{{int -3 3}}",
        "{{seq}}|{{uuid}}|{{rand 12}}|{{choice one 'two three' four}}|{{now}}|"
        "{{token}}|{{'{{'}}",
        NULL);
    bool low = false, high = false;

    (void)state;
    open_rendering(&r, text);
    r.captured[0] = "to\nken";
    r.captured_len[0] = 6;
    assert_true(template_uses_seq(&r.sc.requests[1].body));
    assert_false(template_uses_seq(&r.sc.requests[1].path));
    for (uint64_t i = 1; i < 300; i++) {
        char *body = render(&r, &r.sc.requests[1].body, i), *save, *word;
        char *path = render(&r, &r.sc.requests[1].path, i);
        long v = strtol(path + 3, NULL, 10);

        assert_in_range(v + 3, 0, 6);
        low = low || v == -3;
        high = high || v == 3;
        word = strtok_r(body, "|", &save);
        assert_int_equal(strtoull(word, NULL, 10), i);
        word = strtok_r(NULL, "|", &save);
        assert_int_equal(strlen(word), 36);
        assert_int_equal(word[14], '4');
        assert_non_null(strchr("89ab", word[19]));
        word = strtok_r(NULL, "|", &save);
        assert_int_equal(strlen(word), 12);
        for (const char *p = word; *p != '\0'; p++)
            assert_true(isalnum((unsigned char)*p));
        word = strtok_r(NULL, "|", &save);
        assert_true(strcmp(word, "one") == 0 || strcmp(word, "four") == 0 ||
                    strcmp(word, "two three") == 0);
        word = strtok_r(NULL, "|", &save);
        assert_true(strtoull(word, NULL, 10) > 1700000000);
        assert_string_equal(strtok_r(NULL, "|", &save), "to\nken");
        assert_string_equal(strtok_r(NULL, "|", &save), "{{");
        free(path);
        free(body);
    }
    assert_true(low && high);
    scenario_release(&r.sc);
    free(text);
}

/* The same seed gives the same requests; another gives others. */
static void test_seeds(void **state)
{
    struct rendering r;
    char *text = scenario_text("/{{uuid}}", NULL, NULL), *a, *b, *c;

    (void)state;
    open_rendering(&r, text);
    a = render(&r, &r.sc.requests[1].path, 0);
    c = render(&r, &r.sc.requests[1].path, 0);
    rng_init(&r.rng, 7);
    b = render(&r, &r.sc.requests[1].path, 0);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    free(a);
    free(b);
    free(c);
    scenario_release(&r.sc);
    free(text);
}

/* A captured value cannot leave the place it is put into: no new header, no
 * second request line, no other host. */
static void test_values_stay_in_their_place(void **state)
{
    struct rendering r;
    char *text = scenario_text("{{token}}", NULL, "X-T: {{token}}");
    char *got;

    (void)state;
    open_rendering(&r, text);
    r.captured[0] = "@evil/ \r\nX: y\xff";
    r.captured_len[0] = strlen(r.captured[0]);
    got = render(&r, &r.sc.requests[1].path, 0);
    assert_string_equal(got, "/@evil/%20%0D%0AX:%20y%FF");
    free(got);
    got = render(&r, &r.sc.requests[1].headers[0].value, 0);
    assert_string_equal(got, "@evil/   X: y\xff");
    free(got);
    r.captured[0] = NULL;
    got = render(&r, &r.sc.requests[1].path, 0);
    assert_string_equal(got, "/");
    free(got);
    scenario_release(&r.sc);
    free(text);
}

static void test_csv(void **state)
{
    char file[] = "/tmp/plateau-feeder-XXXXXX";
    static const char rows[] = "\xef\xbb\xbfsku,\"full name\"\r\n"
                               "A1,\"x, \"\"y\"\"\"\r\n\r\nB2,\"two\nlines\"";
    int fd = mkstemp(file);
    char *path, *text, *got;
    struct rendering r;

    (void)state;
    assert_int_equal(write(fd, rows, sizeof rows - 1), sizeof rows - 1);
    close(fd);
    path = mem_printf("/{{csv %s sku}}", file);
    text = mem_printf("[data]\nd=%s\n%s", file, "");
    got = scenario_text(path, "{{csv d 'full name'}}", NULL);
    free(path);
    path = mem_printf("%s%s", text, got);
    free(text);
    free(got);
    open_rendering(&r, path);
    unlink(file);
    assert_int_equal(r.sc.nfeeders, 1); /* one file, two names */
    assert_int_equal(r.sc.feeders[0].nrows, 2);
    assert_true(template_uses_feeder(&r.sc.requests[1].path, 0));
    assert_false(template_uses_feeder(&r.sc.requests[0].path, 0));
    got = render(&r, &r.sc.requests[1].body, 0);
    assert_string_equal(got, "x, \"y\"");
    free(got);
    r.row[0] = 1;
    got = render(&r, &r.sc.requests[1].body, 0);
    assert_string_equal(got, "two\nlines");
    free(got);
    r.row[0] = 2; /* round and round */
    got = render(&r, &r.sc.requests[1].path, 0);
    assert_string_equal(got, "/A1");
    free(got);
    scenario_release(&r.sc);
    free(path);
}

/* Nothing is allocated while requests are being made. */
static void test_rendering_allocates_nothing(void **state)
{
    struct rendering r;
    char *text = scenario_text("/{{int 1 1000000}}/{{token}}",
                               "{{seq}}{{uuid}}{{rand 100}}{{choice a b}}"
                               "{{now}}",
                               "X-A: {{int -9223372036854775808 "
                               "9223372036854775807}}");
    struct template_context ctx;
    unsigned long before;
    struct buf b;

    (void)state;
    open_rendering(&r, text);
    r.captured[0] = "abc";
    r.captured_len[0] = 3;
    ctx = (struct template_context){.sc = &r.sc,
                                    .rng = &r.rng,
                                    .feeder_row = r.row,
                                    .captured = r.captured,
                                    .captured_len = r.captured_len};
    buf_init(&b, 1 << 16);
    for (int i = 0; i < 1 << 16; i++)
        buf_addc(&b, 'x');
    before = allocations;
    for (int i = 0; i < 1000; i++) {
        const struct request *q = &r.sc.requests[1];

        buf_reset(&b);
        assert_int_equal(template_render(&q->path, &ctx, &b), 0);
        assert_int_equal(template_render(&q->body, &ctx, &b), 0);
        assert_int_equal(template_render(&q->headers[0].value, &ctx, &b), 0);
    }
    assert_int_equal(allocations, before);
    buf_release(&b);
    buf_init(&b, 10); /* the limit is met, not passed */
    assert_int_equal(template_render(&r.sc.requests[1].body, &ctx, &b), -1);
    buf_release(&b);
    scenario_release(&r.sc);
    free(text);
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *path, *want;
    } rows[] = {
        {"/{{intt 1 2}}", "neither a function nor a captured name (did you "
                          "mean 'int'?)"},
        {"/{{tokn}}", "did you mean 'token'?"},
        {"/{{int 1}}", "takes two arguments: write {{int A B}}"},
        {"/{{int a 2}}", "'a' is not a whole number"},
        {"/{{int 5 2}}", "ends before it begins"},
        {"/{{int 1 99999999999999999999}}", "is not a whole number"},
        {"/{{rand 0}}", "the length must be 1..65536"},
        {"/{{rand 1000000}}", "the length must be 1..65536"},
        {"/{{choice}}", "takes at least one argument"},
        {"/{{seq 1}}", "takes no argument"},
        {"/{{}}", "is empty"},
        {"/{{ }}", "is empty"},
        {"/{{uuid", "never closed"},
        {"/{{choice 'a}}", "never closed"},
        {"/{{csv missing.csv a}}", "cannot read missing.csv"},
        {"{{uuid}}", "does not begin with '/'"},
        {"a/b", "does not begin with '/'"},
        {"http://127.0.0.1/x", "scheme and host belong into target.url"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = scenario_text(rows[i].path, NULL, NULL);
        struct scenario sc;
        char *got = load_text(text, NULL, 0, &sc);

        if (strstr(got, rows[i].want) == NULL ||
            strncmp(got, "t.ini:8:", 8) * strncmp(got, "t.ini:7:", 8) != 0)
            fail_msg("%s: got %s", rows[i].path, got);
        free(got);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_values_stay_in_their_place),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_rendering_allocates_nothing),
        cmocka_unit_test(test_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
