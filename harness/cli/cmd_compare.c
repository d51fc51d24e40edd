#include "harness/cli/cmd_compare.h"

#include "harness/base/escape.h"
#include "harness/base/file.h"
#include "harness/base/jsonw.h"
#include "harness/cli/baseline.h"
#include "harness/cli/options.h"
#include "harness/cli/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *save;

static const struct flag flags[] = {
    {"--save", "FILE", "write the last run named as a baseline (.json)", NULL,
     &save},
};

static const struct command_help help = {
    .usage = "plateau compare OLD NEW [flags]   (or --save FILE RUN)",
    .summary =
        "Compares two runs of the same scenario, per metric and kind of "
        "request: fixed, not\nfixed, worse, same, or cannot tell. A side is a "
        "run directory, a CSV, or a baseline\nfile. Exit 0: fixed or same; 1: "
        "not fixed or worse; 3: cannot tell. --out DIR keeps "
        "comparison.json there.",
    .examples = "  plateau compare runs/before runs/after\n"
                "  plateau compare --save baseline.json runs/release-1.4\n"
                "  plateau compare baseline.json runs/candidate --json\n",
    .flags = flags,
    .nflags = sizeof flags / sizeof *flags,
};

static void put_interval(struct jsonw *w, const char *key,
                         const struct interval *i)
{
    jsonw_object(w, key);
    jsonw_double(w, "value", i->value);
    jsonw_double(w, "low", i->low);
    jsonw_double(w, "high", i->high);
    jsonw_object_end(w);
}

static void to_json(const struct comparison *c, const char *const names[2],
                    int code, struct buf *out)
{
    struct jsonw w;

    jsonw_init(&w, out, false);
    jsonw_object(&w, NULL);
    jsonw_string(&w, "schema", "plateau-comparison/1");
    jsonw_string(&w, "old", names[0]);
    jsonw_string(&w, "new", names[1]);
    jsonw_string(&w, "change", change_name(c->change));
    jsonw_string(&w, "reason", c->text);
    jsonw_int(&w, "exit_code", code);
    jsonw_array(&w, "rows");
    for (size_t i = 0; i < c->n; i++) {
        const struct compare_row *r = &c->rows[i];

        jsonw_object(&w, NULL);
        jsonw_string(&w, "metric", r->metric);
        if (r->kind[0] != '\0')
            jsonw_string(&w, "kind", r->kind);
        else
            jsonw_null(&w, "kind");
        jsonw_string(&w, "change", change_name(r->change));
        put_interval(&w, "before_per_request", &r->before);
        put_interval(&w, "after_per_request", &r->after);
        put_interval(&w, "difference_per_request", &r->difference);
        jsonw_string(&w, "reason", r->text);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    buf_addc(out, '\n');
}

static const char *change_color(enum change c)
{
    switch (c) {
    case CHANGE_FIXED:
    case CHANGE_SAME:
        return "\033[32m";
    case CHANGE_NOT_FIXED:
    case CHANGE_WORSE:
        return "\033[31m";
    default:
        return "\033[33m";
    }
}

static void add_escaped(struct buf *out, const char *s)
{
    escape_text(out, s, strlen(s));
}

/* What changed, or cannot be told; with `all` what stayed the same, too. */
static void to_text(const struct comparison *c, const char *const names[2],
                    bool color, bool all, struct buf *out)
{
    size_t same = 0;

    buf_addf(out, "%s%s%s  ", color ? change_color(c->change) : "",
             change_name(c->change), color ? "\033[0m" : "");
    add_escaped(out, names[0]);
    buf_adds(out, " -> ");
    add_escaped(out, names[1]);
    buf_adds(out, "\n  ");
    add_escaped(out, c->text);
    buf_adds(out, "\n\n");
    for (size_t i = 0; i < c->n; i++) {
        const struct compare_row *r = &c->rows[i];

        if (r->change == CHANGE_SAME && !all) {
            same++;
            continue;
        }
        buf_adds(out, "  ");
        add_escaped(out, r->text);
        buf_addc(out, '\n');
    }
    if (same > 0)
        buf_addf(out, "  %zu more %s the same (--verbose shows %s)\n", same,
                 same == 1 ? "is" : "are", same == 1 ? "it" : "them");
}

/* comparison.json in --out's folder. */
static int write_document(const char *folder, const struct buf *json,
                          struct err *err)
{
    char *path = file_join(folder, "comparison.json");
    int rc = file_mkdirs(folder, err);

    if (rc == 0)
        rc = file_write(path, buf_str(json), json->len, err);
    free(path);
    return rc;
}

static int compare(const struct options *o)
{
    struct compare_side side[2] = {{.n = 0}, {.n = 0}};
    struct comparison c = {.n = 0};
    struct err err = {""};
    struct buf out, json;
    int code = EXIT_USAGE;

    buf_init(&out, 64u << 20);
    buf_init(&json, 64u << 20);
    for (int i = 0; i < 2; i++)
        if (baseline_load(o->args[i], &side[i], &err) != 0) {
            complain("%s", err.msg);
            goto out;
        }
    compare_judge(&side[0], &side[1], &c);
    code = compare_exit(&c);
    const char *const names[2] = {o->args[0], o->args[1]};
    to_json(&c, names, code, &json);
    to_text(&c, names, options_color(o, stdout), o->verbose, &out);
    result_print(o->json ? &json : &out);
    if (o->out_dir != NULL && write_document(o->out_dir, &json, &err) != 0) {
        complain("%s", err.msg);
        code = EXIT_HARNESS;
    }
    if (save != NULL && baseline_write(&side[1], save, &err) != 0) {
        complain("%s", err.msg);
        code = EXIT_HARNESS;
    }
out:
    buf_release(&json);
    buf_release(&out);
    compare_release(&c);
    compare_side_release(&side[0]);
    compare_side_release(&side[1]);
    return code;
}

static int save_only(const struct options *o)
{
    struct compare_side side = {.n = 0};
    struct err err = {""};
    int code = EXIT_PASS;

    if (baseline_load(o->args[0], &side, &err) != 0)
        code = EXIT_USAGE;
    else if (baseline_write(&side, save, &err) != 0)
        code = EXIT_HARNESS;
    if (code != EXIT_PASS)
        complain("%s", err.msg);
    compare_side_release(&side);
    return code;
}

int cmd_compare(int argc, char **argv)
{
    struct options o;
    int code = EXIT_USAGE;

    if (options_parse(argc, argv, &help, &o, &code)) {
        if (o.nargs == 2)
            code = compare(&o);
        else if (o.nargs == 1 && save != NULL)
            code = save_only(&o);
        else {
            complain("compare wants two runs: OLD NEW (see plateau compare "
                     "--help)");
            code = EXIT_USAGE;
        }
    }
    options_release(&o);
    return code;
}
