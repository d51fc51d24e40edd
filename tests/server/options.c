/* The patient's command line; see options.h and README.md. */
#include "tests/server/options.h"
#include "tests/server/effect.h"
#include "tests/server/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options options = {.exit_at_start = -1};

static void usage(FILE *to)
{
    fputs("usage: leaky [--port N] [OPTION...]\n"
          "  --on PATH=EFFECT     give a path an effect; may be repeated\n"
          "  --leak BYTES         the same as --on /orders=leak:BYTES\n"
          "  --leak-kind K:BYTES  the same as --on /k/K=leak:BYTES\n"
          "  --time-leak BYTES    leak so much per second, load or not\n"
          "  --conn-leak BYTES    leak so much per connection\n"
          "  --workers N          prefork N workers\n"
          "  --recycle N          a worker ends after N requests\n"
          "  --freeze MS/SECONDS  stand still for MS every so many seconds\n"
          "  --ready-after MS     /health answers 503 until then\n"
          "  --orphan BYTES       a re-parented process that holds them\n"
          "  --noise LINES        chatter on stdout and stderr\n"
          "  --ignore-term        SIGTERM does nothing\n"
          "  --silent             never listens\n"
          "  --exit STATUS        ends at once\n"
          "  --log FILE           append each request as received\n"
          "effects: README.md in the folder of this program's source\n",
          to);
}

static _Noreturn void wrong(const char *what, const char *value)
{
    fprintf(stderr, "leaky: %s: %s\n", what, value);
    usage(stderr);
    exit(2);
}

/* "PATH=EFFECT" */
static bool add_on(const char *text)
{
    const char *eq = strchr(text, '=');
    char path[256];

    if (eq == NULL || (size_t)(eq - text) >= sizeof path)
        return false;
    memcpy(path, text, (size_t)(eq - text));
    path[eq - text] = '\0';
    return route_add(path, eq + 1);
}

static bool add_leak(const char *text)
{
    char effect[64];

    snprintf(effect, sizeof effect, "leak:%s", text);
    return route_add("/orders", effect);
}

/* "K:BYTES" */
static bool add_leak_kind(const char *text)
{
    const char *colon = strchr(text, ':');
    char path[64], effect[64];

    if (colon == NULL)
        return false;
    snprintf(path, sizeof path, "/k/%.*s", (int)(colon - text), text);
    snprintf(effect, sizeof effect, "leak%s", colon);
    return route_add(path, effect);
}

/* "MS/SECONDS" */
static bool read_freeze(const char *text)
{
    char ms[32];
    const char *slash = strchr(text, '/');

    if (slash == NULL)
        return false;
    snprintf(ms, sizeof ms, "%.*s", (int)(slash - text), text);
    return effect_number(ms, &options.freeze_ms) &&
           effect_number(slash + 1, &options.freeze_every_s);
}

static bool read_exit(const char *text)
{
    uint64_t n;

    if (!effect_number(text, &n) || n > 255)
        return false;
    options.exit_at_start = (int)n;
    return true;
}

static bool read_log(const char *text)
{
    options.log = text;
    return true;
}

static bool read_flag(const char *name)
{
    if (strcmp(name, "--ignore-term") == 0)
        options.ignore_term = true;
    else if (strcmp(name, "--silent") == 0)
        options.silent = true;
    else
        return false;
    return true;
}

static bool read_value(const char *name, const char *value)
{
    static const struct {
        const char *name;
        uint64_t *number;           /* either this */
        bool (*read)(const char *); /* or this */
    } table[] = {
        {"--port", &options.port, NULL},
        {"--workers", &options.workers, NULL},
        {"--recycle", &options.recycle, NULL},
        {"--time-leak", &options.time_leak, NULL},
        {"--conn-leak", &options.conn_leak, NULL},
        {"--ready-after", &options.ready_after_ms, NULL},
        {"--orphan", &options.orphan, NULL},
        {"--noise", &options.noise, NULL},
        {"--on", NULL, add_on},
        {"--leak", NULL, add_leak},
        {"--leak-kind", NULL, add_leak_kind},
        {"--freeze", NULL, read_freeze},
        {"--exit", NULL, read_exit},
        {"--log", NULL, read_log},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].name, name) != 0)
            continue;
        if (table[i].read != NULL)
            return table[i].read(value);
        return effect_number(value, table[i].number);
    }
    wrong("no such option", name);
}

void options_parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            exit(0);
        }
        if (read_flag(argv[i]))
            continue;
        if (i + 1 == argc)
            wrong("no such option, or no value", argv[i]);
        if (!read_value(argv[i], argv[i + 1]))
            wrong(argv[i], argv[i + 1]);
        i++;
    }
    if (options.port > 65535)
        wrong("--port", "more than 65535");
}
