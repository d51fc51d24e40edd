#include "harness/cli/cmd_import.h"

#include "harness/base/file.h"
#include "harness/base/jsonw.h"
#include "harness/base/mem.h"
#include "harness/base/suggest.h"
#include "harness/cli/options.h"
#include "harness/cli/result.h"
#include "harness/import/import.h"

#include <stdlib.h>
#include <string.h>

enum { SCENARIO_MAX = 64 << 20 };

static const char *url, *name, *kinds_text;

static const struct flag flags[] = {
    {"--url", "URL", "where the imported requests will go", NULL, &url},
    {"--name", "NAME", "name of the scenario", NULL, &name},
    {"--kinds", "N", "most kinds of requests, the most frequent (30)", NULL,
     &kinds_text},
};

static const struct command_help help = {
    .usage = "plateau import common|combined|json|har FILE [flags]",
    .summary = "Makes a scenario of recorded traffic and prints it: requests "
               "brought together by kind\nand weighted as recorded; cookies, "
               "authorization and secret parameters left out.",
    .examples =
        "  plateau import combined /var/log/nginx/access.log > shop.ini\n"
        "  plateau import har shop.har --url http://127.0.0.1:8000 > shop.ini\n"
        "  plateau import combined access.log --out shop.ini\n",
    .flags = flags,
    .nflags = sizeof flags / sizeof *flags,
};

static bool find_format(const char *word, enum import_format *out)
{
    const char *best = NULL;
    size_t distance = 0;

    *out = import_format_find(word);
    if (*out != IMPORT_FORMATS)
        return true;
    for (int f = 0; f < IMPORT_FORMATS; f++)
        suggest_offer(word, import_format_name((enum import_format)f), &best,
                      &distance);
    if (best != NULL)
        complain("no format '%s' (did you mean '%s'?)", word, best);
    else
        complain("no format '%s': common, combined, json or har", word);
    return false;
}

static void tell(const struct import_summary *s, const struct options *o)
{
    if (o->quiet)
        return;
    fprintf(stderr,
            "plateau: %zu of %zu recorded requests in %zu kinds; %zu left "
            "out; %zu secret%s dropped\n",
            s->taken, s->lines, s->kinds, s->left_out, s->secrets,
            s->secrets == 1 ? "" : "s");
    if (s->unread > 0)
        fprintf(stderr,
                "plateau: %zu lines were not understood, the first is "
                "line %d\n",
                s->unread, s->first_unread);
}

static void print_json(const struct import_summary *s, const struct buf *text)
{
    struct buf out;
    struct jsonw w;

    buf_init(&out, 2u * SCENARIO_MAX);
    jsonw_init(&w, &out, false);
    jsonw_object(&w, NULL);
    jsonw_int(&w, "lines", (int64_t)s->lines);
    jsonw_int(&w, "taken", (int64_t)s->taken);
    jsonw_int(&w, "left_out", (int64_t)s->left_out);
    jsonw_int(&w, "unread", (int64_t)s->unread);
    jsonw_int(&w, "kinds", (int64_t)s->kinds);
    jsonw_int(&w, "secrets", (int64_t)s->secrets);
    jsonw_double(&w, "span_s", s->span_s);
    jsonw_string(&w, "scenario", buf_str(text));
    jsonw_object_end(&w);
    buf_addc(&out, '\n');
    result_print(&out);
    buf_release(&out);
}

/* What the reader of the scenario still has to put right: a host to allow, a
 * weight where everything lacks its body. */
static void tell_mistakes(const struct buf *text, const char *label)
{
    struct scenario sc;
    struct mistakes m;
    struct buf out;

    mistakes_init(&m);
    if (scenario_load_text(buf_str(text), text->len, label, NULL, 0, 0, &sc,
                           &m) == 0) {
        scenario_release(&sc);
    } else {
        buf_init(&out, SCENARIO_MAX);
        mistakes_write(&m, &out);
        fprintf(stderr, "plateau: to be put right by hand:\n%s", buf_str(&out));
        buf_release(&out);
    }
    mistakes_release(&m);
}

static int import(const struct options *o, const struct import_options *how,
                  enum import_format format)
{
    const char *path = o->args[1];
    struct import_summary summary;
    struct buf scenario;
    char *text = NULL;
    struct err err;
    size_t len;
    int code = EXIT_USAGE;

    buf_init(&scenario, SCENARIO_MAX);
    if (file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, IMPORT_FILE_MAX,
                  &text, &len, &err) != 0) {
        complain("%s", err.msg);
        goto out;
    }
    if (import_scenario(format, text, len, how, &scenario, &summary, &err) !=
        0) {
        complain("%s: %s", path, err.msg);
        goto out;
    }
    code = EXIT_PASS;
    if (o->out_dir != NULL && file_exists(o->out_dir)) {
        complain("%s exists: it is not overwritten", o->out_dir);
        code = EXIT_USAGE;
    } else if (o->out_dir != NULL && file_write(o->out_dir, buf_str(&scenario),
                                                scenario.len, &err) != 0) {
        complain("%s", err.msg);
        code = EXIT_HARNESS;
    } else if (o->json) {
        print_json(&summary, &scenario);
    } else if (o->out_dir == NULL) {
        result_print(&scenario);
    }
    tell(&summary, o);
    tell_mistakes(&scenario, o->out_dir != NULL ? o->out_dir : "scenario");
out:
    free(text);
    buf_release(&scenario);
    return code;
}

int cmd_import(int argc, char **argv)
{
    struct import_options how = {0};
    enum import_format format;
    struct options o;
    int code = EXIT_USAGE;
    char *end;

    if (!options_parse(argc, argv, &help, &o, &code))
        goto out;
    code = EXIT_USAGE;
    if (o.nargs != 2) {
        complain("import wants a format and a file (see plateau import "
                 "--help)");
        goto out;
    }
    if (kinds_text != NULL) {
        how.kinds = strtoul(kinds_text, &end, 10);
        if (*end != '\0' || how.kinds == 0 || how.kinds > IMPORT_KINDS_MAX) {
            complain("--kinds wants a number from 1 to %d", IMPORT_KINDS_MAX);
            goto out;
        }
    }
    how.url = url;
    how.name = name;
    if (find_format(o.args[0], &format))
        code = import(&o, &how, format);
out:
    options_release(&o);
    return code;
}
