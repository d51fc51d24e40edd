/* plateau run: the main job. */
#include "harness/base/mem.h"
#include "harness/cli/commands.h"
#include "harness/cli/conductor.h"
#include "harness/cli/options.h"
#include "harness/cli/start.h"
#include "harness/import/import.h"

#include <stdlib.h>

static bool no_diagnose, self_check;
static const char *diagnose;

static const struct flag flags[] = {
    {"--no-diagnose", NULL, "do not look for the holder after a leak",
     &no_diagnose, NULL},
    {"--diagnose", "auto|off|native",
     "native: after a leak, also run it again under valgrind", NULL, &diagnose},
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

int cmd_run(int argc, char **argv)
{
    struct options o;
    struct scenario sc;
    struct mistakes m;
    char *diagnose_set = NULL;
    int code = EXIT_USAGE;

    mistakes_init(&m);
    if (!options_parse(argc, argv, &help, &o, &code))
        goto out;
    if (o.nargs != 1) {
        complain("run wants one scenario file (see plateau run --help)");
        code = EXIT_USAGE;
        goto out;
    }
    if (self_check)
        options_add_set(&o, "verdict.self_check=on");
    if (diagnose != NULL) {
        diagnose_set = mem_printf("verdict.diagnose=%s", diagnose);
        options_add_set(&o, diagnose_set);
    }
    if (no_diagnose)
        options_add_set(&o, "verdict.diagnose=off");
    if (scenario_load(o.args[0], o.sets, o.nsets, &sc, &m) != 0) {
        code = start_complain(&m);
        goto out;
    }
    if (import_replay(&sc, &m) != 0) {
        code = start_complain(&m);
        scenario_release(&sc);
        goto out;
    }
    struct conductor_config cfg = {.scenario = &sc,
                                   .out_dir = o.out_dir,
                                   .quiet = o.quiet,
                                   .verbose = o.verbose,
                                   .color = options_color(&o, stderr)};
    code = start_and_report(&sc, &cfg, &o);
    scenario_release(&sc);
out:
    mistakes_release(&m);
    options_release(&o);
    free(diagnose_set);
    return code;
}
