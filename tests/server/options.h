/* The patient's command line. One struct, read by all, written once. */
#ifndef PLATEAU_TESTS_SERVER_OPTIONS_H
#define PLATEAU_TESTS_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
    uint64_t port;
    uint64_t workers;   /* 0: the one process serves */
    uint64_t recycle;   /* a worker ends after so many requests; 0: never */
    uint64_t time_leak; /* bytes per second, load or not */
    uint64_t conn_leak; /* bytes per connection accepted */
    uint64_t freeze_ms, freeze_every_s;
    uint64_t ready_after_ms; /* /health answers 503 until then */
    uint64_t orphan;         /* bytes held by a re-parented process; 0: none */
    uint64_t noise;          /* lines of chatter on stdout and stderr */
    bool ignore_term;
    bool silent;       /* binds, but never listens: not ready, ever */
    int exit_at_start; /* status; -1: do not */
    const char *log;   /* file that gets each request as received */
};

extern struct options options;

/* Reads argv, routes included (--on). Ends the process on a mistake. */
void options_parse(int argc, char **argv);

#endif
