/* plateau observe: sample and judge a service under somebody else's load. */
#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/cli/commands.h"
#include "harness/cli/conductor.h"
#include "harness/cli/judge.h"
#include "harness/cli/options.h"
#include "harness/cli/start.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *pid, *pidfile, *port, *cgroup, *every, *duration, *name,
    *scenario_file;

static const struct flag flags[] = {
    {"--pid", "PID", "watch this process and its descendants", NULL, &pid},
    {"--pidfile", "FILE", "watch the process whose number FILE holds", NULL,
     &pidfile},
    {"--port", "PORT", "watch whoever listens on PORT", NULL, &port},
    {"--cgroup", "PATH", "watch all processes of a control group", NULL,
     &cgroup},
    {"--every", "TIME", "time between samples (1s)", NULL, &every},
    {"--duration", "TIME", "stop after so long; else at Ctrl-C or its end",
     NULL, &duration},
    {"--for", "TIME", "the same as --duration", NULL, &duration},
    {"--name", "NAME", "name of the run", NULL, &name},
    {"--scenario", "FILE", "take [target], [sample] and [verdict] from FILE",
     NULL, &scenario_file},
};

static const struct command_help help = {
    .usage = "plateau observe [--pid PID | --port PORT | ... | -- CMD ARGS]",
    .summary = "Samples a service and judges its memory without sending a "
               "request: beside another\nload tool, in production, or around "
               "a command.",
    .examples =
        "  plateau observe --pid 4711 --duration 10m\n"
        "  plateau observe --port 8000 --set sample.http.app=http://127.0.0.1"
        ":8000/metrics\n"
        "  plateau observe --duration 5m -- ./server --port 8000\n",
    .flags = flags,
    .nflags = sizeof flags / sizeof *flags,
};

/* `words` as one command line that splits into the same words again. */
static char *quoted(char **words)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    for (size_t i = 0; words[i] != NULL; i++) {
        buf_adds(&out, i > 0 ? " '" : "'");
        for (const char *p = words[i]; *p != '\0'; p++)
            if (*p == '\'')
                buf_adds(&out, "'\"'\"'");
            else
                buf_addc(&out, *p);
        buf_addc(&out, '\'');
    }
    return buf_take(&out);
}

/* The flags as scenario keys, in front of the user's own --set. */
struct overrides {
    char *at[16];
    size_t n;
};

static void override(struct overrides *o, const char *key, const char *value)
{
    if (value != NULL)
        o->at[o->n++] = mem_printf("%s=%s", key, value);
}

static void gather(struct overrides *ov, const struct options *o)
{
    char *command =
        o->rest != NULL && o->rest[0] != NULL ? quoted(o->rest) : NULL;

    override(ov, "target.pid", pid);
    override(ov, "target.pidfile", pidfile);
    override(ov, "target.port", port);
    override(ov, "target.cgroup", cgroup);
    override(ov, "target.command", command);
    override(ov, "sample.every", every);
    override(ov, "load.max_time", duration);
    /* There is no load of ours to warm up: any time will do. */
    override(ov, "load.warmup", scenario_file == NULL ? "0s" : NULL);
    /* Nor are there barriers: whoever makes the load does not stop for them. */
    override(ov, "load.blocks", "0");
    override(ov, "scenario.name",
             name == NULL && scenario_file == NULL ? "observe" : name);
    free(command);
}

static int observe(struct scenario *sc, const struct options *o)
{
    struct conductor_config cfg = {
        .scenario = sc,
        .out_dir = o->out_dir,
        .quiet = o->quiet,
        .verbose = o->verbose,
        .color = options_color(o, stderr),
        .observe = true,
        .observe_ns = duration != NULL ? sc->load.max_time_ns : 0,
    };

    return start_and_report(sc, &cfg, o);
}

int cmd_observe(int argc, char **argv)
{
    struct options o;
    struct overrides ov = {.n = 0};
    struct scenario sc;
    struct mistakes m;
    int code = EXIT_USAGE;
    char **sets = NULL;

    mistakes_init(&m);
    if (!options_parse(argc, argv, &help, &o, &code))
        goto out;
    if (o.nargs > 0 ||
        (pid == NULL && pidfile == NULL && port == NULL && cgroup == NULL &&
         scenario_file == NULL && (o.rest == NULL || o.rest[0] == NULL))) {
        complain("observe wants --pid, --port, --pidfile, --cgroup, "
                 "--scenario or -- COMMAND (see plateau observe --help)");
        code = EXIT_USAGE;
        goto out;
    }
    gather(&ov, &o);
    sets = mem_zalloc(ov.n + o.nsets, sizeof *sets);
    memcpy(sets, ov.at, ov.n * sizeof *sets);
    if (o.nsets > 0)
        memcpy(sets + ov.n, o.sets, o.nsets * sizeof *sets);
    if (start_load_observed(scenario_file, sets, ov.n + o.nsets, &sc, &m) !=
        0) {
        code = start_complain(&m);
        goto out;
    }
    code = observe(&sc, &o);
    scenario_release(&sc);
out:
    for (size_t i = 0; i < ov.n; i++)
        free(ov.at[i]);
    free(sets);
    mistakes_release(&m);
    options_release(&o);
    return code;
}
