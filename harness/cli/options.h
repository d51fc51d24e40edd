/* The command line: common flags, a command's own flags, help. */
#ifndef PLATEAU_CLI_OPTIONS_H
#define PLATEAU_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum exit_code {
    EXIT_PASS = 0,
    EXIT_LEAK = 1,
    EXIT_USAGE = 2,
    EXIT_INCONCLUSIVE = 3,
    EXIT_TARGET = 4,
    EXIT_HARNESS = 5,
};

/* A flag of one command. `on` for a switch, `text` for one with a value. */
struct flag {
    const char *name;  /* with its dashes: "--top" */
    const char *value; /* placeholder in the help ("N"); NULL: a switch */
    const char *help;
    bool *on;
    const char **text; /* borrows from argv */
};

struct command_help {
    const char *usage;    /* "plateau run SCENARIO [flags]" */
    const char *summary;  /* one or two sentences */
    const char *examples; /* lines, shown first */
    const struct flag *flags;
    size_t nflags;
};

enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
    const char *out_dir; /* --out; NULL: not given */
    bool json, quiet, verbose;
    enum color_mode color;
    char **sets; /* --set section.key=value; array owned, texts borrowed */
    size_t nsets;
    char **args; /* what is no flag, in order; array owned */
    size_t nargs;
    char **rest; /* what follows "--"; NULL: no "--". Borrows argv, ends NULL */
};

/* Reads argv[1..]: argv[0] is the command's name. Returns true to go on;
 * false to end with `*exit_code`: help was shown (0, on stdout) or a mistake
 * was named with a hint (2, on stderr). Release `out` in any case. */
bool options_parse(int argc, char **argv, const struct command_help *help,
                   struct options *out, int *exit_code);

/* Adds one more --set; `text` is borrowed. */
void options_add_set(struct options *o, const char *text);

void options_release(struct options *o);

/* Should output on `stream` carry colours? --color, NO_COLOR, TERM, isatty. */
bool options_color(const struct options *o, FILE *stream);

/* Columns of the terminal behind `stream`; 0: not a terminal. */
int options_width(FILE *stream);

/* "plateau: ..." on stderr, control characters escaped; ends with a newline.
 * Remembered as a reason for no result (result.h). */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
