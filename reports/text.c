/* The verdict for a terminal. */
#include "reports/report.h"

#include "harness/base/escape.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "reports/say.h"
#include "reports/view.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH 9
#define COLUMNS 5
#define CELL_MAX 200

struct page {
    struct buf *out;
    bool color;
    size_t width;
};

/* Columns that UTF-8 text takes, one per character. */
static size_t columns_of(const char *s, size_t n)
{
    size_t c = 0;

    for (size_t i = 0; i < n; i++)
        c += ((unsigned char)s[i] & 0xC0) != 0x80;
    return c;
}

static void spaces(struct buf *out, size_t n)
{
    while (n-- > 0)
        buf_addc(out, ' ');
}

static void paint(struct page *p, const char *code, const char *text)
{
    if (p->color)
        buf_addf(p->out, "\x1b[%sm%s\x1b[0m", code, text);
    else
        buf_adds(p->out, text);
}

static const char *style_code(const char *style)
{
    return strcmp(style, "pass") == 0           ? "1;32"
           : strcmp(style, "inconclusive") == 0 ? "1;33"
                                                : "1;31";
}

/* Bytes up to where a line may end; a range ("12 .. 17") stays together. */
static size_t word_len(const char *s)
{
    size_t n = strcspn(s, " ");

    while (strncmp(s + n, " .. ", 4) == 0)
        n += 4 + strcspn(s + n + 4, " ");
    return n;
}

/* Writes `label` and beside it the text, wrapped at spaces. */
static void paragraph(struct page *p, const char *label, const char *text)
{
    size_t indent = 2 + (*label != '\0' ? LABEL_WIDTH : 0), at = indent;
    struct buf safe;
    const char *s;
    bool first = true;

    buf_init(&safe, 1 << 16);
    escape_text(&safe, text, strlen(text));
    spaces(p->out, 2);
    if (*label != '\0') {
        paint(p, "2", label);
        spaces(p->out, LABEL_WIDTH - strlen(label));
    }
    for (s = buf_str(&safe); *s != '\0';) {
        size_t n = word_len(s), wide = columns_of(s, n);

        if (!first && at + 1 + wide > p->width) {
            buf_addc(p->out, '\n');
            spaces(p->out, at = indent);
        } else if (!first) {
            buf_addc(p->out, ' ');
            at++;
        }
        buf_add(p->out, s, n);
        at += wide;
        first = false;
        s += n + strspn(s + n, " ");
    }
    buf_addc(p->out, '\n');
    buf_release(&safe);
}

static void headline(struct page *p, const struct view *v)
{
    const struct record *r = v->in->record;
    size_t used, facts = strlen(v->facts);
    struct buf name;

    buf_init(&name, 1 << 12);
    escape_text(&name, r->name, strlen(r->name));
    paint(p, style_code(v->style), v->word);
    buf_addf(p->out, "  %s", buf_str(&name));
    used = strlen(v->word) + 2 + columns_of(buf_str(&name), name.len);
    if (facts > 0)
        spaces(p->out,
               used + facts + 2 < p->width ? p->width - used - facts : 2);
    buf_addf(p->out, "%s\n", v->facts);
    buf_release(&name);
}

/* ---- the table ---- */

/* A longer name would leave no room for what it grows by. Its head says what is
 * counted and its tail which: both are kept. */
enum { NAME_MOST = 30, NAME_HEAD = 8 };

static bool inside_character(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static void add_name(struct buf *out, const char *name)
{
    size_t n = strlen(name), head = 0, tail, at = 0;
    struct buf safe;

    buf_init(&safe, 1 << 12);
    escape_text(&safe, name, n);
    name = buf_str(&safe);
    n = strlen(name);
    if (columns_of(name, n) <= NAME_MOST) {
        buf_add(out, name, n);
        buf_release(&safe);
        return;
    }
    while (head < n && (at < NAME_HEAD || inside_character(name[head])))
        at += !inside_character(name[head++]);
    for (tail = n, at = 0; at < NAME_MOST - NAME_HEAD - 3;)
        at += !inside_character(name[--tail]);
    buf_add(out, name, head);
    buf_adds(out, "...");
    buf_add(out, name + tail, n - tail);
    buf_release(&safe);
}

static void fill_row(struct buf *c, const struct finding *f, bool by_request)
{
    const struct interval *main = by_request ? &f->per_request : &f->per_hour;
    double minimum = by_request ? f->minimum_per_request : f->minimum_per_hour;

    add_name(&c[0], f->name);
    buf_adds(&c[1], outcome_name(f->outcome));
    say_interval(&c[2], main, f->metric.unit);
    say_amount(&c[3], minimum, f->metric.unit);
    if (by_request)
        say_amount(&c[4], f->per_hour.value, f->metric.unit);
}

static void fill_head(struct buf *c, bool by_request)
{
    buf_adds(&c[0], "metric");
    buf_adds(&c[1], "verdict");
    buf_adds(&c[2], by_request ? "growth per request" : "growth per hour");
    buf_adds(&c[3], "could miss");
    buf_adds(&c[4], by_request ? "per hour" : "");
}

static const char *outcome_code(const struct finding *f)
{
    return f == NULL                            ? "2"
           : f->outcome == OUTCOME_LEAK         ? "31"
           : f->outcome == OUTCOME_INCONCLUSIVE ? "33"
                                                : "32";
}

/* Writes one row; columns from the right are left out when they do not fit. */
static void write_row(struct page *p, const struct buf *c, const size_t *wide,
                      int shown, const struct finding *f)
{
    spaces(p->out, 2);
    for (int i = 0; i < shown; i++) {
        size_t n = columns_of(buf_str(&c[i]), c[i].len);
        bool right = i > 2;

        if (right)
            spaces(p->out, wide[i] - n);
        if (i == 1 || f == NULL)
            paint(p, outcome_code(f), buf_str(&c[i]));
        else
            buf_add(p->out, buf_str(&c[i]), c[i].len);
        if (i + 1 < shown)
            spaces(p->out, 2 + (right ? 0 : wide[i] - n));
    }
    buf_addc(p->out, '\n');
}

static void table(struct page *p, const struct view *v)
{
    size_t rows = v->njudged + 1, wide[COLUMNS] = {0}, all = 2;
    struct buf *c = mem_zalloc(rows * COLUMNS, sizeof *c);
    int shown = 0;

    if (v->njudged == 0)
        goto out;
    for (size_t i = 0; i < rows * COLUMNS; i++)
        buf_init(&c[i], CELL_MAX);
    fill_head(c, v->by_request);
    for (size_t i = 1; i < rows; i++)
        fill_row(c + i * COLUMNS, v->metrics[i - 1], v->by_request);
    for (size_t i = 0; i < rows * COLUMNS; i++) {
        size_t n = columns_of(buf_str(&c[i]), c[i].len);

        if (n > wide[i % COLUMNS])
            wide[i % COLUMNS] = n;
    }
    while (shown < COLUMNS && wide[shown] > 0 &&
           (shown < 2 || all + wide[shown] <= p->width))
        all += wide[shown++] + 2;
    buf_addc(p->out, '\n');
    for (size_t i = 0; i < rows; i++)
        write_row(p, c + i * COLUMNS, wide, shown,
                  i > 0 ? v->metrics[i - 1] : NULL);
    buf_addc(p->out, '\n');
    for (size_t i = 0; i < rows * COLUMNS; i++)
        buf_release(&c[i]);
out:
    free(c);
}

void report_text(const struct report_input *in, bool color, int width,
                 struct buf *out)
{
    struct page p = {out, color, width > 0 ? (size_t)width : 80};
    struct view v;

    if (p.width < 40)
        p.width = 40;
    if (p.width > 120)
        p.width = 120;
    view_init(&v, in);
    headline(&p, &v);
    for (size_t i = 0; i < v.nlines; i++)
        paragraph(&p, v.lines[i].label, v.lines[i].text);
    table(&p, &v);
    for (size_t i = 0; i < in->record->nnotes; i++)
        paragraph(&p, "note", in->record->notes[i]);
    if (in->verdict->advice[0] != '\0')
        paragraph(&p, "next", in->verdict->advice);
    if (in->out_dir != NULL) {
        char *path = file_join(in->out_dir, "report.html");

        paragraph(&p, "report", path);
        free(path);
    }
    view_release(&v);
}
