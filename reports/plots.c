#include "reports/plots.h"

#include "harness/base/escape.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "reports/decimate.h"
#include "reports/gnuplot.h"
#include "reports/groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_MAX 2000
#define BARRIERS_MAX 500
#define SCRIPT_MAX (1u << 20)
#define DATA_MAX (64u << 20)

/* A text as a gnuplot string: single quotes, in which gnuplot replaces
 * nothing. */
static void quoted(struct buf *out, const char *s)
{
    buf_addc(out, '\'');
    escape_gnuplot(out, s, strlen(s));
    buf_addc(out, '\'');
}

static void number(struct buf *out, double v)
{
    if (isfinite(v))
        buf_addf(out, " %.10g", v);
    else
        buf_adds(out, " NaN");
}

static void write_data(struct buf *out, const struct series *s,
                       const struct column *const *c, size_t n)
{
    unsigned char *keep = mem_zalloc(s->n, 1);

    for (size_t k = 0; k < n; k++)
        decimate_mark(c[k]->v, s->n, POINTS_MAX, keep);
    buf_adds(out, "# t_s");
    for (size_t k = 0; k < n; k++) {
        buf_addc(out, ' ');
        escape_text(out, c[k]->name, strlen(c[k]->name));
    }
    buf_addc(out, '\n');
    if (s->n > POINTS_MAX)
        buf_adds(out, "# long run: the extremes of each stretch; all readings "
                      "are in samples.csv\n");
    for (size_t i = 0; i < s->n; i++) {
        if (!keep[i])
            continue;
        buf_addf(out, "%.10g", s->t_s[i]);
        for (size_t k = 0; k < n; k++)
            number(out, c[k]->v[i]);
        buf_addc(out, '\n');
    }
    free(keep);
}

/* The window that the lead finding of this group was judged on. */
static const struct finding *window_of(const struct verdict *v, enum group g)
{
    const struct finding *hit = NULL;

    for (size_t i = 0; i < v->nfindings; i++) {
        const struct finding *f = &v->findings[i];

        if (f->judged && group_of(&f->metric) == g && isfinite(f->from_s) &&
            isfinite(f->to_s) && (hit == NULL || f->decisive > hit->decisive))
            hit = f;
    }
    return hit;
}

static void write_marks(struct buf *out, const struct report_input *in,
                        enum group g)
{
    const struct series *b = &in->record->barriers;
    const struct finding *f = window_of(in->verdict, g);
    size_t step = b->n / BARRIERS_MAX + 1;

    if (f != NULL)
        buf_addf(out,
                 "set object 1 rectangle from %.10g, graph 0 to %.10g, graph "
                 "1 behind fillcolor rgb '#e8f0fe' fillstyle solid noborder\n",
                 f->from_s, f->to_s);
    for (size_t i = 0; i < b->n; i += step)
        buf_addf(out,
                 "set arrow from %.10g, graph 0 to %.10g, graph 1 nohead "
                 "linecolor rgb '#bbbbbb' dashtype 2\n",
                 b->t_s[i], b->t_s[i]);
}

static void write_script(struct buf *out, const struct report_input *in,
                         enum group g, const struct column *const *c, size_t n)
{
    bool bytes = group_unit(g) == METRIC_BYTES;
    char *title = mem_printf("%s: %s", in->record->name, group_title(g));

    buf_addf(out,
             "# gnuplot %s.gp\n"
             "set terminal svg size 960,420 dynamic noenhanced "
             "background rgb 'white'\n"
             "set output '%s.svg'\n"
             "set datafile missing 'NaN'\n"
             "set title ",
             group_name(g), group_name(g));
    quoted(out, title);
    buf_addf(out,
             "\nset xlabel 'seconds since load began'\nset ylabel '%s'\n"
             "set grid ytics\nset key left top\n",
             bytes ? "MiB" : "count");
    write_marks(out, in, g);
    for (size_t k = 0; k < n; k++) {
        buf_addf(out,
                 "%s '%s.dat' using 1:($%zu%s) with lines linewidth 2 "
                 "title ",
                 k == 0 ? "plot" : ", \\\n    ", group_name(g), k + 2,
                 bytes ? "/1048576" : "");
        quoted(out, c[k]->name);
    }
    buf_addc(out, '\n');
    free(title);
}

static int put(const char *dir, enum group g, const char *tail,
               const struct buf *text, struct err *err)
{
    char *path = mem_printf("%s/%s.%s", dir, group_name(g), tail);
    int rc = text->overflow ? err_set(err, "%s: too much to write", path)
                            : file_write(path, buf_str(text), text->len, err);

    free(path);
    return rc;
}

/* Returns 1 when there is something to draw, 0 when not, -1 on an error. */
static int write_group(const struct report_input *in, const char *dir,
                       enum group g, struct err *err)
{
    const struct record *r = in->record;
    const struct series *s = r->samples.n > 0 ? &r->samples : &r->barriers;
    const struct column *c[GROUP_LINES_MAX];
    size_t n = group_columns(s, g, c, GROUP_LINES_MAX);
    struct buf data, script;
    int rc;

    if (n == 0)
        return 0;
    buf_init(&data, DATA_MAX);
    buf_init(&script, SCRIPT_MAX);
    write_data(&data, s, c, n);
    write_script(&script, in, g, c, n);
    rc = put(dir, g, "dat", &data, err);
    if (rc == 0)
        rc = put(dir, g, "gp", &script, err);
    buf_release(&data);
    buf_release(&script);
    return rc == 0 ? 1 : -1;
}

int plots_write(const struct report_input *in, struct buf *notice,
                struct err *err)
{
    char *dir = file_join(in->out_dir, "plots");
    const char *scripts[GROUP_COUNT];
    char *names[GROUP_COUNT] = {NULL};
    size_t n = 0;
    int rc = file_mkdirs(dir, err);

    for (int g = 0; rc == 0 && g < GROUP_COUNT; g++) {
        int made = write_group(in, dir, (enum group)g, err);

        if (made < 0)
            rc = -1;
        if (made > 0) {
            names[n] = mem_printf("%s.gp", group_name((enum group)g));
            scripts[n] = names[n];
            n++;
        }
    }
    if (rc == 0 && n > 0 && !in->gnuplot)
        buf_addf(notice,
                 "gnuplot was not found: %s holds data and scripts, but no "
                 "pictures; report.html has its own\n",
                 dir);
    else if (rc == 0 && n > 0)
        gnuplot_run(dir, scripts, n, notice);
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(dir);
    return rc;
}
