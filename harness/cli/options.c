#include "harness/cli/options.h"

#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/base/suggest.h"
#include "harness/cli/result.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void complain(const char *fmt, ...)
{
    struct buf out;
    va_list ap;
    char *s = NULL;

    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0)
        s = NULL;
    va_end(ap);
    buf_init(&out, 1 << 20);
    if (s != NULL)
        escape_text(&out, s, strlen(s));
    fprintf(stderr, "plateau: %s\n", buf_str(&out));
    result_remember(buf_str(&out));
    buf_release(&out);
    free(s);
}

void options_add_set(struct options *o, const char *text)
{
    o->sets = mem_realloc(o->sets, o->nsets + 1, sizeof *o->sets);
    o->sets[o->nsets++] = (char *)text;
}

/* The flags every command knows; `what` says which field of struct options. */
static const struct common {
    const char *name, *value, *help;
    char what;
} common_flags[] = {
    {"--out", "DIR", "write the run or the reports into DIR", 'o'},
    {"--json", NULL, "print exactly one JSON document on stdout", 'j'},
    {"--set", "section.key=value", "override a scenario key; may be repeated",
     's'},
    {"--quiet", NULL, "no progress, only the result", 'q'},
    {"--verbose", NULL, "tell more: events as they come, metrics alike", 'v'},
    {"--color", "auto|always|never", "colours (NO_COLOR is honoured)", 'c'},
    {"--help", NULL, "this text", 'h'},
};

enum { NCOMMON = sizeof common_flags / sizeof *common_flags };

static void print_flag(const char *name, const char *value, const char *help)
{
    char left[64];

    snprintf(left, sizeof left, "%s%s%s", name, value ? " " : "",
             value ? value : "");
    printf("  %-27s %s\n", left, help);
}

static void print_help(const struct command_help *h)
{
    printf("%s\n\nExamples:\n%s\nUsage: %s\n\n", h->summary, h->examples,
           h->usage);
    for (size_t i = 0; i < h->nflags; i++)
        print_flag(h->flags[i].name, h->flags[i].value, h->flags[i].help);
    for (size_t i = 0; i < NCOMMON; i++)
        print_flag(common_flags[i].name, common_flags[i].value,
                   common_flags[i].help);
}

static bool unknown(const char *arg, const struct command_help *h)
{
    const char *best = NULL;
    size_t d = 0;

    for (size_t i = 0; i < h->nflags; i++)
        suggest_offer(arg, h->flags[i].name, &best, &d);
    for (size_t i = 0; i < NCOMMON; i++)
        suggest_offer(arg, common_flags[i].name, &best, &d);
    if (best != NULL)
        complain("unknown flag %s (did you mean %s?)", arg, best);
    else
        complain("unknown flag %s (see --help)", arg);
    return false;
}

/* One flag on its way: name without "=value", the value if there is one. */
struct given {
    char name[64];
    char *value; /* inside argv, or NULL */
};

/* Splits "--name=value"; takes the next argument as the value when the flag
 * wants one. */
static bool split(struct given *g, char **argv, int argc, int *i, bool wants)
{
    char *eq = strchr(argv[*i], '=');

    if (eq != NULL && !wants) {
        complain("%s takes no value", g->name);
        return false;
    }
    g->value = eq != NULL ? eq + 1 : NULL;
    if (!wants || g->value != NULL)
        return true;
    if (*i + 1 >= argc) {
        complain("%s wants a value", g->name);
        return false;
    }
    g->value = argv[++*i];
    return true;
}

static bool set_color(struct options *o, const char *v)
{
    assert(v != NULL); /* its row says that it wants a value */
    if (strcmp(v, "auto") == 0)
        o->color = COLOR_AUTO;
    else if (strcmp(v, "always") == 0)
        o->color = COLOR_ALWAYS;
    else if (strcmp(v, "never") == 0)
        o->color = COLOR_NEVER;
    else {
        complain("--color is auto, always or never, not '%s'", v);
        return false;
    }
    return true;
}

static bool apply_common(struct options *o, char what, char *value)
{
    switch (what) {
    case 'o':
        o->out_dir = value;
        return true;
    case 'j':
        o->json = true;
        return true;
    case 'q':
        o->quiet = true;
        return true;
    case 'v':
        o->verbose = true;
        return true;
    case 'c':
        return set_color(o, value);
    default: /* 's' */
        options_add_set(o, value);
        return true;
    }
}

static bool take_flag(int argc, char **argv, int *i,
                      const struct command_help *h, struct options *o,
                      bool *helped)
{
    struct given g = {.value = NULL};

    snprintf(g.name, sizeof g.name, "%.*s", (int)strcspn(argv[*i], "="),
             argv[*i]);
    for (size_t k = 0; k < h->nflags; k++) {
        const struct flag *f = &h->flags[k];

        if (strcmp(f->name, g.name) != 0)
            continue;
        if (!split(&g, argv, argc, i, f->value != NULL))
            return false;
        if (f->on != NULL)
            *f->on = true;
        if (f->text != NULL)
            *f->text = g.value;
        return true;
    }
    for (size_t k = 0; k < NCOMMON; k++) {
        const struct common *f = &common_flags[k];

        if (strcmp(f->name, g.name) != 0)
            continue;
        if (!split(&g, argv, argc, i, f->value != NULL))
            return false;
        if (f->what == 'h') {
            print_help(h);
            *helped = true;
            return false;
        }
        return apply_common(o, f->what, g.value);
    }
    return unknown(g.name, h);
}

bool options_parse(int argc, char **argv, const struct command_help *help,
                   struct options *out, int *exit_code)
{
    bool helped = false;

    *out =
        (struct options){.args = mem_zalloc((size_t)argc + 1, sizeof(char *))};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            out->rest = argv + i + 1;
            break;
        }
        if (strcmp(argv[i], "-h") == 0) {
            print_help(help);
            *exit_code = EXIT_PASS;
            return false;
        }
        if (argv[i][0] != '-' || argv[i][1] == '\0') {
            out->args[out->nargs++] = argv[i];
            continue;
        }
        if (!take_flag(argc, argv, &i, help, out, &helped)) {
            *exit_code = helped ? EXIT_PASS : EXIT_USAGE;
            return false;
        }
    }
    return true;
}

void options_release(struct options *o)
{
    free(o->sets);
    free(o->args);
    *o = (struct options){.color = COLOR_AUTO};
}

bool options_color(const struct options *o, FILE *stream)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

    if (o->color != COLOR_AUTO)
        return o->color == COLOR_ALWAYS;
    if (none != NULL && none[0] != '\0')
        return false;
    if (term == NULL || strcmp(term, "dumb") == 0)
        return false;
    return isatty(fileno(stream)) == 1;
}

int options_width(FILE *stream)
{
    struct winsize w;

    if (isatty(fileno(stream)) != 1)
        return 0;
    if (ioctl(fileno(stream), TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
        return 80;
    return w.ws_col;
}
