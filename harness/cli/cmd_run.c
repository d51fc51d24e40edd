/* plateau run: the main job. */
#include "harness/cli/commands.h"
#include "harness/cli/conductor.h"
#include "harness/cli/judge.h"
#include "harness/cli/options.h"

#include "harness/base/buf.h"

#include <stdlib.h>

static bool no_diagnose, self_check;

static const struct flag flags[] = {
    {"--no-diagnose", NULL, "do not look for the holder after a leak",
     &no_diagnose, NULL},
    {"--self-check", NULL,
     "also prove that a leak of the stated minimum would be seen", &self_check,
     NULL},
};

static const struct command_help help = {
    .usage = "plateau run SCENARIO [flags]",
    .summary = "Starts or attaches to a service, replays a scenario against "
               "it, samples its memory,\njudges whether it reaches a plateau "
               "and writes the reports.",
    .examples =
        "  plateau run scenarios/shop.ini\n"
        "  plateau run shop.ini --set load.rate=500/s --set load.blocks=20\n"
        "  plateau run shop.ini --json --quiet > verdict.json\n",
    .flags = flags,
    .nflags = sizeof flags / sizeof *flags,
};

/* Prints all mistakes of a scenario; returns the exit code. */
static int scenario_wrong(struct mistakes *m)
{
    struct buf text;

    buf_init(&text, 4u << 20);
    mistakes_write(m, &text);
    fputs(buf_str(&text), stderr);
    buf_release(&text);
    return EXIT_USAGE;
}

static int run_scenario(struct scenario *sc, const struct options *o)
{
    struct conductor_config cfg = {.scenario = sc,
                                   .out_dir = o->out_dir,
                                   .quiet = o->quiet,
                                   .verbose = o->verbose,
                                   .color = options_color(o, stderr),
                                   .diagnose = !no_diagnose};
    struct conductor_result result;
    struct options report = *o;
    struct err err = {""};
    int code;

    if (self_check)
        sc->policy.self_check = true;
    if (conductor_run(&cfg, &result, &err) != 0) {
        complain("%s", err.msg);
        free(result.dir);
        return EXIT_HARNESS;
    }
    report.out_dir = NULL;
    code = judge_and_report(result.dir, &report);
    free(result.dir);
    return code;
}

int cmd_run(int argc, char **argv)
{
    struct options o;
    struct scenario sc;
    struct mistakes m;
    int code = EXIT_USAGE;

    mistakes_init(&m);
    if (!options_parse(argc, argv, &help, &o, &code))
        goto out;
    if (o.nargs != 1) {
        complain("run wants one scenario file (see plateau run --help)");
        code = EXIT_USAGE;
    } else if (scenario_load(o.args[0], o.sets, o.nsets, &sc, &m) != 0) {
        code = scenario_wrong(&m);
    } else {
        code = run_scenario(&sc, &o);
        scenario_release(&sc);
    }
out:
    mistakes_release(&m);
    options_release(&o);
    return code;
}
