/* plateau demo: the bundled leaky server, a scenario, a verdict. */
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/cli/commands.h"
#include "harness/cli/options.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool healthy;

static const struct flag flags[] = {
    {"--healthy", NULL, "start the server without its leak: passes", &healthy,
     NULL},
};

static const struct command_help help = {
    .usage = "plateau demo [--healthy] [flags]",
    .summary = "Starts a small bundled HTTP server that keeps 2 KiB for every "
               "order, soaks it for\nhalf a minute and shows the verdict. "
               "Exits like run: 1 for the leak, 0 with --healthy.",
    .examples = "  plateau demo\n"
                "  plateau demo --healthy\n",
    .flags = flags,
    .nflags = sizeof flags / sizeof *flags,
};

/* The folder of this very program. Gives a string, or NULL. */
static char *own_folder(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (n <= 0)
        return NULL;
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    return mem_strdup(path);
}

/* The first of the places where a bundled file may be, that exists; from the
 * build tree, then from an installation. Gives a path, or NULL. */
static char *find_bundled(const char *built, const char *installed)
{
    char *dir = own_folder();
    const char *places[] = {built, installed};
    char *found = NULL;

    for (size_t i = 0; dir != NULL && found == NULL && i < 2; i++) {
        found = file_join(dir, places[i]);
        if (!file_exists(found)) {
            free(found);
            found = NULL;
        }
    }
    free(dir);
    return found;
}

/* A loopback port that is free now, or 0. */
static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port = 0;

    if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
        getsockname(fd, (struct sockaddr *)&a, &len) == 0)
        port = ntohs(a.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

/* Hands over to `plateau run` with the scenario and the place of the server;
 * what the user set comes last and wins. */
static int run_demo(const char *scenario, const char *server, int port,
                    const struct options *o)
{
    char *url = mem_printf("target.url=http://127.0.0.1:%d", port);
    char *command = mem_printf("target.command='%s' --port %d%s", server, port,
                               healthy ? "" : " --leak 2048");
    char *name = mem_printf("scenario.name=demo%s", healthy ? "-healthy" : "");
    const char **argv = mem_zalloc(o->nsets * 2 + 20, sizeof *argv);
    int n = 0, code;

    argv[n++] = "run";
    argv[n++] = scenario;
    const char *ours[] = {url, command, name};
    for (size_t i = 0; i < 3; i++) {
        argv[n++] = "--set";
        argv[n++] = ours[i];
    }
    for (size_t i = 0; i < o->nsets; i++) {
        argv[n++] = "--set";
        argv[n++] = o->sets[i];
    }
    if (o->out_dir != NULL) {
        argv[n++] = "--out";
        argv[n++] = o->out_dir;
    }
    if (o->json)
        argv[n++] = "--json";
    if (o->quiet)
        argv[n++] = "--quiet";
    if (o->verbose)
        argv[n++] = "--verbose";
    if (o->color != COLOR_AUTO) {
        argv[n++] = "--color";
        argv[n++] = o->color == COLOR_ALWAYS ? "always" : "never";
    }
    code = cmd_run(n, (char **)argv);
    free(argv);
    free(name);
    free(command);
    free(url);
    return code;
}

int cmd_demo(int argc, char **argv)
{
    struct options o;
    char *server = NULL, *scenario = NULL;
    int code = EXIT_USAGE, port;

    if (!options_parse(argc, argv, &help, &o, &code))
        goto out;
    server = find_bundled("leaky", "../libexec/plateau/leaky");
    scenario = find_bundled("../scenarios/demo.ini",
                            "../share/plateau/scenarios/demo.ini");
    port = free_port();
    if (server == NULL || scenario == NULL || port == 0) {
        complain("%s", port == 0 ? "no free loopback port"
                                 : "the demo's server or scenario is missing; "
                                   "run make, or make install");
        code = EXIT_HARNESS;
        goto out;
    }
    if (!o.quiet)
        fprintf(stderr,
                "plateau: the same by hand: plateau run %s --set "
                "target.command='...'\n",
                scenario);
    code = run_demo(scenario, server, port, &o);
    if (!o.quiet)
        fprintf(stderr, "plateau: exit status %d (%s)\n", code,
                code == EXIT_LEAK   ? "a leak: CI would stop here"
                : code == EXIT_PASS ? "pass: CI would go on"
                                    : "see plateau --help");
out:
    free(server);
    free(scenario);
    options_release(&o);
    return code;
}
