/* The inside of a diagnosis, shared by the files that make it up: diagnose.c
 * (what to look for, mappings, the document), diagnose_agent.c (asking the
 * agents) and diagnose_outside.c (reading memory). For nobody else. */
#ifndef PLATEAU_CLI_DIAGNOSE_IMPL_H
#define PLATEAU_CLI_DIAGNOSE_IMPL_H

#include "harness/base/proctree.h"
#include "harness/cli/diagnose.h"
#include "harness/model/diagnosis.h"
#include "harness/sampler/inspect/holders.h"
#include "harness/sampler/mappings.h"

#include <stdatomic.h>

enum {
    DIAGNOSE_TYPES = 5,  /* growing types whose holders are looked for */
    DIAGNOSE_LOOKED = 4, /* processes searched from outside; workers are
                            alike */
};

/* Whose agent tells who holds a type; 0: no agent knows of an instance. */
struct diagnose_teller {
    int64_t pid;
    double fresh, total;   /* instances that came since the mark; all */
    double all_fresh, all; /* the same in all processes */
};

struct diagnose {
    struct rundir *rd;
    const char *agent; /* folder, or NULL: no agent */
    struct proctree *tree;
    struct mappings before;
    struct diagnosis found;
    char *types[DIAGNOSE_TYPES];
    size_t ntypes;
    struct diagnose_teller teller[DIAGNOSE_TYPES];
    char **grown; /* all types that surely grow */
    size_t ngrown;
    bool tracing;
    bool profiling;    /* memray records in some process */
    char *recording;   /* its largest file, and the target's own */
    char *interpreter; /* interpreter, which reads it; NULL: none */
    bool blind;        /* python = off: the target's memory is not read */
    int64_t started_ns, limit_ns;
    atomic_bool hurry;
    struct {
        int64_t pid;
        struct census_reader *reader;
        struct holders_mark *mark;
    } looked[DIAGNOSE_LOOKED];
    size_t nlooked;
};

/* What is left of the time, ns; 0: nothing, or it shall end at once. */
int64_t diagnose_left_ns(const struct diagnose *d);

/* Scans the process tree; returns how many are asked or looked at. */
size_t diagnose_processes(struct diagnose *d);
int64_t diagnose_pid(const struct diagnose *d, size_t i);

/* Adds a line unless it is there already. */
void diagnose_note_once(struct diagnose *d, const char *text);

/* Adds what keeps instances of `type` that nothing in Python refers to. */
void diagnose_add_unheld(struct diagnose *d, const char *type,
                         const struct holders *h, const char *collector);

/* Through the agents: start to trace and mark what is there; what was
 * allocated since; in which process each type grew; who holds
 * `type`. The last returns false when no agent knows of an instance. */
void diagnose_agent_start(struct diagnose *d);
void diagnose_agent_profile(struct diagnose *d); /* ends it; before the sites */
void diagnose_agent_draw(struct diagnose *d);    /* the flame graph */
void diagnose_agent_sites(struct diagnose *d, double requests);
void diagnose_agent_tellers(struct diagnose *d);
bool diagnose_agent_holders(struct diagnose *d, const char *type);

/* From outside: mark what is there; who holds `type`, in at most
 * `limit_ns`. */
void diagnose_outside_start(struct diagnose *d);
void diagnose_outside_holders(struct diagnose *d, const char *type,
                              int64_t limit_ns);
void diagnose_outside_release(struct diagnose *d);

#endif
