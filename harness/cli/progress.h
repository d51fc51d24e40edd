/* Progress for people, on stderr: one live line on a terminal; elsewhere one
 * line per phase change and one per minute. Conductor's thread. */
#ifndef PLATEAU_CLI_PROGRESS_H
#define PLATEAU_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress;

/* What a line shows; NaN or 0 leaves a part out. */
struct progress_state {
    int block, blocks;
    uint64_t requests;
    double rate_rps;     /* completed per second, lately */
    double memory_bytes; /* PSS or RSS now */
    double memory_first; /* at the first barrier */
    const char *memory_name;
    double errors;
    double elapsed_s;
};

/* `quiet` gives a progress that says nothing. */
struct progress *progress_open(bool quiet, bool color);

/* No live line from now on: others write lines too. */
void progress_lines(struct progress *p);

/* A phase begins: "warm-up 20 s". Always a line where there is no terminal. */
void progress_phase(struct progress *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Redraws the live line, or prints the minute's line. Call it often. */
void progress_tick(struct progress *p, const struct progress_state *s);

/* A lasting line (a warning) that does not garble the live one. */
void progress_say(struct progress *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Erases the live line, frees, nulls. */
void progress_close(struct progress **p);

#endif
