#include "harness/base/escape.h"

#include "tests/unit/assert_close.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef void (*escape_fn)(struct buf *, const char *, size_t);

struct row {
    const char *in;
    const char *want;
};

static void check_n(escape_fn fn, const char *in, size_t n, const char *want)
{
    struct buf out;

    buf_init(&out, 1 << 16);
    /* The input stands at the very end of its allocation, without a NUL, so
       that a sanitizer sees every read behind it. */
    char *copy = malloc(n > 0 ? n : 1);
    memcpy(copy, in, n);
    fn(&out, copy, n);
    free(copy);
    assert_string_equal(buf_str(&out), want);
    buf_release(&out);
}

static void check_rows(escape_fn fn, const struct row *rows)
{
    for (; rows->in != NULL; rows++)
        check_n(fn, rows->in, strlen(rows->in), rows->want);
}

static void test_utf8_len(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        size_t n, want;
    } rows[] = {
        {"a", 1, 1},
        {"", 1, 1}, /* NUL is a character */
        {"\xC3\xA9", 2, 2},
        {"\xC3\xA9", 1, 0}, /* cut */
        {"\xE2\x82\xAC", 3, 3},
        {"\xE2\x82\xAC", 2, 0},
        {"\xF0\x9F\x92\xA7", 4, 4},
        {"\x80", 1, 0},
        {"\xC0\xAF", 2, 0},         /* overlong '/' */
        {"\xC1\xBF", 2, 0},         /* overlong */
        {"\xE0\x80\xAF", 3, 0},     /* overlong */
        {"\xF0\x80\x80\xAF", 4, 0}, /* overlong */
        {"\xED\xA0\x80", 3, 0},     /* surrogate */
        {"\xED\x9F\xBF", 3, 3},     /* the last before them */
        {"\xF4\x8F\xBF\xBF", 4, 4}, /* U+10FFFF */
        {"\xF4\x90\x80\x80", 4, 0},
        {"\xF5\x80\x80\x80", 4, 0},
        {"\xFF", 1, 0},
        {"\xE2\x28\xA1", 3, 0},
        {"\xE2\x82\x28", 3, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(escape_utf8_len(rows[i].s, rows[i].n), rows[i].want);
}

static void test_text(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"plain caf\xC3\xA9 \xE2\x82\xAC", "plain caf\xC3\xA9 \xE2\x82\xAC"},
        {"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"},
        {"two\nlines\r\ttab\x7f", "two\\x0alines\\x0d\\x09tab\\x7f"},
        {"\xC2\x9B"
         "31m",
         "\\u{009b}31m"},
        {"a\xE2\x80\xAE"
         "b",
         "a\\u{202e}b"},
        {"a\xE2\x81\xA6"
         "b",
         "a\\u{2066}b"},
        {"a\xE2\x80\xA8"
         "b\xEF\xBB\xBF",
         "a\\u{2028}b\\u{feff}"},
        {"bad \xFF\xC3(", "bad \xEF\xBF\xBD\xEF\xBF\xBD("},
        {"", ""},
        {NULL, NULL},
    };

    check_rows(escape_text, rows);
    check_n(escape_text, "a\0b", 3, "a\\x00b");
}

static void test_html(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"</script><b a='1' c=\"2\">&amp;",
         "&lt;/script&gt;&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;"},
        {"a\x1b\x01z", "a\xEF\xBF\xBD\xEF\xBF\xBDz"},
        {"a\nb\tc\rd", "a\nb\tc d"},
        {"\xEF\xBF\xBE\xC2\x85", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"x\xE2\x80\xAEy", "x\xEF\xBF\xBDy"},
        {"\xC0\xBCscript", "\xEF\xBF\xBD\xEF\xBF\xBDscript"},
        {"\xF0\x9F\x92\xA7", "\xF0\x9F\x92\xA7"},
        {NULL, NULL},
    };

    check_rows(escape_html, rows);
    check_n(escape_html, "a\0b", 3,
            "a\xEF\xBF\xBD"
            "b");
}

static void test_csv(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"plain", "plain"},
        {"a,b", "\"a,b\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
        {"=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""},
        {"@cmd", "\"'@cmd\""},
        {"+1+cmd|' /C calc'!A0", "\"'+1+cmd|' /C calc'!A0\""},
        {"-12.5", "-12.5"},
        {"+1e3", "+1e3"},
        {"-1-1", "\"'-1-1\""},
        {"-", "\"'-\""},
        {"\t=1", "\"'\t=1\""},
        {"two\r\nlines", "\"two  lines\""},
        {" pad", "\" pad\""},
        {"\x1b[2J", "\xEF\xBF\xBD[2J"},
        {"\xFF", "\xEF\xBF\xBD"},
        {"", ""},
        {NULL, NULL},
    };

    check_rows(escape_csv, rows);
}

static void test_gnuplot(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"it's `id` \"x\" \\n $HOME", "it''s `id` \"x\" \\n $HOME"},
        {"a\nb';!id", "a b'';!id"},
        {"\x1b\xFF", " \xEF\xBF\xBD"},
        {NULL, NULL},
    };

    check_rows(escape_gnuplot, rows);
}

static void test_markdown(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"rss 1.25 MiB (95 %: 1 .. 2)", "rss 1.25 MiB (95 %: 1 .. 2)"},
        {"a|b", "a\\|b"},
        {"`code` *b* _i_ ~~s~~ \\",
         "\\`code\\` \\*b\\* \\_i\\_ \\~\\~s\\~\\~ \\\\"},
        {"[x](javascript:1)", "\\[x\\](javascript:1)"},
        {"![x](http://e)", "\\!\\[x\\](http\\://e)"},
        {"www.evil.example", "www\\.evil.example"},
        {"<img src=x>", "&lt;img src=x&gt;"},
        {"&lt;", "&amp;lt;"},
        {"@team", "&#64;team"},
        {"- item", "\\- item"},
        {"# head", "\\# head"},
        {"1. item", "1\\. item"},
        {"1.5", "1.5"},
        {"a\n\n# b", "a  \\# b"},
        {"\x1b[0m\xE2\x80\xAE", "\xEF\xBF\xBD\\[0m\xEF\xBF\xBD"},
        {NULL, NULL},
    };

    check_rows(escape_markdown, rows);
}

/* Whatever the bytes: the result is valid UTF-8 without a control character
 * (HTML keeps line feeds and tabs, CSV tabs), at every limit of the buffer. */
static void test_all_byte_pairs(void **state)
{
    (void)state;
    static const escape_fn fns[] = {escape_text, escape_html, escape_csv,
                                    escape_gnuplot, escape_markdown};
    struct buf out;

    buf_init(&out, 1 << 12);
    for (unsigned v = 0; v < 65536; v++) {
        char in[4] = {(char)(v >> 8), (char)v, 'x', (char)0xE2};

        for (size_t f = 0; f < sizeof fns / sizeof *fns; f++) {
            buf_reset(&out);
            fns[f](&out, in, sizeof in);
            for (size_t i = 0; i < out.len;) {
                size_t n = escape_utf8_len(out.p + i, out.len - i);
                unsigned char c = (unsigned char)out.p[i];
                bool kept = (f == 1 && (c == '\n' || c == '\t')) ||
                            (f == 2 && c == '\t');

                assert_true(n > 0);
                assert_true(c >= 0x20 || kept);
                assert_true(c != 0x7F);
                i += n;
            }
        }
    }
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_len),       cmocka_unit_test(test_text),
        cmocka_unit_test(test_html),           cmocka_unit_test(test_csv),
        cmocka_unit_test(test_gnuplot),        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_all_byte_pairs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
