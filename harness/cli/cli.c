#include "harness/cli/cli.h"

#include "harness/base/suggest.h"
#include "harness/cli/cmd_analyze.h"
#include "harness/cli/cmd_check.h"
#include "harness/cli/cmd_compare.h"
#include "harness/cli/cmd_import.h"
#include "harness/cli/cmd_objects.h"
#include "harness/cli/cmd_report.h"
#include "harness/cli/commands.h"
#include "harness/cli/options.h"
#include "harness/cli/result.h"
#include "harness/target/target.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

static const struct command {
    const char *name, *args, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", "SCENARIO", "start or attach, load, sample, judge, report",
     cmd_run},
    {"observe", "[-- CMD]", "sample and judge without generating load",
     cmd_observe},
    {"analyze", "DIR|CSV", "judge a recorded run, or any CSV time series",
     cmd_analyze},
    {"report", "DIR", "render a recorded run's reports again", cmd_report},
    {"compare", "OLD NEW", "fixed, not fixed or worse, between two runs",
     cmd_compare},
    {"check", "SCENARIO", "validate and explain a scenario", cmd_check},
    {"import", "FORMAT FILE", "access log or HAR to a scenario", cmd_import},
    {"objects", "PID", "census of the objects of a live CPython process",
     cmd_objects},
    {"demo", "", "a leaky server, a soak, a verdict: see it work", cmd_demo},
};

enum { NCOMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fputs("Plateau soaks an HTTP service and tells whether its memory reaches "
          "a plateau.\n\n"
          "  plateau demo                    see a leak being found\n"
          "  plateau check shop.ini          is this scenario right?\n"
          "  plateau run shop.ini            soak, judge, report\n"
          "  plateau observe --pid 4711      judge a service under its own "
          "load\n"
          "  plateau analyze samples.csv     judge any memory series\n\n"
          "Commands (plateau COMMAND --help tells more):\n",
          out);
    for (size_t i = 0; i < NCOMMANDS; i++)
        fprintf(out, "  %-8s %-12s %s\n", commands[i].name, commands[i].args,
                commands[i].summary);
    fputs("\nExit codes: 0 pass, 1 leak, 2 usage or scenario error, "
          "3 inconclusive,\n4 the target failed, 5 the harness failed, "
          "128+n ended by signal n.\n",
          out);
}

/* "gnuplot 5.4 patchlevel 4", asked from the program itself. */
static void print_gnuplot(void)
{
    char line[128] = "";
    FILE *f = NULL;
    int pipe_fd[2];
    uv_process_t child;
    uv_loop_t loop;
    char name[] = "gnuplot", flag[] = "--version";
    char *args[] = {name, flag, NULL};
    uv_stdio_container_t io[2] = {{.flags = UV_IGNORE},
                                  {.flags = UV_INHERIT_FD}};
    uv_process_options_t o = {
        .file = name, .args = args, .stdio_count = 2, .stdio = io};

    if (uv_pipe(pipe_fd, 0, 0) != 0)
        return;
    uv_loop_init(&loop);
    io[1].data.fd = pipe_fd[1];
    if (uv_spawn(&loop, &child, &o) == 0)
        uv_run(&loop, UV_RUN_DEFAULT);
    uv_fs_t req;
    uv_fs_close(&loop, &req, pipe_fd[1], NULL);
    f = fdopen(pipe_fd[0], "r");
    if (f != NULL && fgets(line, sizeof line, f) != NULL)
        printf("%s", line);
    else
        printf("gnuplot: not found (plots are left out)\n");
    if (f != NULL)
        fclose(f);
    uv_close((uv_handle_t *)&child, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

static void print_version(void)
{
    printf("plateau %s\nlibuv %s\n%s\ninih %s\n", PLATEAU_VERSION,
           uv_version_string(), curl_version(), PLATEAU_INIH_VERSION);
    print_gnuplot();
}

static int unknown_command(const char *name)
{
    const char *best = NULL;
    size_t d = 0;

    for (size_t i = 0; i < NCOMMANDS; i++)
        suggest_offer(name, commands[i].name, &best, &d);
    if (best != NULL)
        complain("no command '%s' (did you mean '%s'?)", name, best);
    else
        complain("no command '%s' (see plateau --help)", name);
    return EXIT_USAGE;
}

/* Also where the flags cannot be read to their end. */
static bool wants_json(int argc, char **argv)
{
    bool json = false;

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return false;
        json = json || strcmp(argv[i], "--json") == 0;
    }
    return json;
}

int cli_main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "__guard") == 0)
        return target_guard_main(argc - 1, argv + 1);
    result_open_standard();
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
        strcmp(name, "help") == 0) {
        print_help(stdout);
        return EXIT_PASS;
    }
    if (strcmp(name, "--version") == 0) {
        print_version();
        return EXIT_PASS;
    }
    for (size_t i = 0; i < NCOMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return result_end(commands[i].run(argc - 1, argv + 1),
                              wants_json(argc, argv));
    return result_end(unknown_command(name), wants_json(argc, argv));
}
