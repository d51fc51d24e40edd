#include "harness/cli/cmd_check.h"

#include "harness/cli/check_view.h"
#include "harness/cli/options.h"
#include "harness/cli/result.h"
#include "harness/import/import.h"
#include "harness/model/keys.h"

#include <stdio.h>
#include <string.h>

enum { OUTPUT_MAX = 512 << 20 };

static bool effective, keys, show_reference;

static const struct flag flags[] = {
    {"--effective", NULL, "print every value and where it came from",
     &effective, NULL},
    {"--reference", NULL, "print all keys that a scenario may have",
     &show_reference, NULL},
    {"--keys", NULL, "the same as Markdown tables", &keys, NULL},
};

static const struct command_help help = {
    .usage = "plateau check SCENARIO [--effective] [flags]",
    .summary = "Reads a scenario, names every mistake with its line, and "
               "tells what a run of it\nwould do. Starts nothing.",
    .examples = "  plateau check scenarios/shop.ini\n"
                "  plateau check shop.ini --effective --set load.rate=500/s\n"
                "  plateau check --reference\n",
    .flags = flags,
    .nflags = sizeof flags / sizeof *flags,
};

static int check(const struct options *o, struct buf *out)
{
    struct scenario sc;
    struct mistakes m;
    int code = EXIT_USAGE;

    mistakes_init(&m);
    if (scenario_load(o->args[0], o->sets, o->nsets, &sc, &m) == 0) {
        if (import_replay(&sc, &m) == 0)
            code = EXIT_PASS;
        if (code == EXIT_PASS && o->json)
            check_json(&sc, effective, out);
        else if (code == EXIT_PASS && effective)
            check_effective(&sc, out);
        else if (code == EXIT_PASS)
            check_text(&sc, out);
        scenario_release(&sc);
    }
    if (code != EXIT_PASS) {
        struct buf lines;

        buf_init(&lines, OUTPUT_MAX);
        mistakes_write(&m, &lines);
        if (o->json)
            check_json_mistakes(&m, out);
        else
            buf_add(out, buf_str(&lines), lines.len);
        buf_release(&lines);
    }
    mistakes_release(&m);
    return code;
}

int cmd_check(int argc, char **argv)
{
    int code = EXIT_USAGE;
    struct options o;
    struct buf out;

    buf_init(&out, OUTPUT_MAX);
    if (!options_parse(argc, argv, &help, &o, &code))
        goto out;
    code = EXIT_PASS;
    if (keys) {
        keys_write_markdown(&out);
    } else if (show_reference) {
        keys_write_help(&out, NULL);
    } else if (o.nargs != 1) {
        complain("check wants one scenario file (see plateau check --help)");
        code = EXIT_USAGE;
    } else {
        code = check(&o, &out);
    }
    result_print(&out);
out:
    buf_release(&out);
    options_release(&o);
    return code;
}
