/* A scenario: one complete experiment, parsed, checked and with every default
 * filled in. Data, open to all; strings owned by the scenario.
 *
 * The keys are listed once, in keys.def, which drives the INI reader, --set,
 * the help, `check --effective` and the README's reference. Not here: running
 * anything. */
#ifndef PLATEAU_MODEL_SCENARIO_H
#define PLATEAU_MODEL_SCENARIO_H

#include "harness/base/buf.h"
#include "harness/base/err.h"
#include "harness/model/policy.h"
#include "harness/model/template.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mistakes;

/* An absolute http or https URL in its parts. */
struct url {
    char *text; /* as written, credentials removed */
    bool tls;
    char *host; /* without the brackets of an IPv6 address */
    int port;
    char *base; /* path prefix without the trailing '/', "" for none */
};

/* "GET /health within 30s", or "port within 30s": accepts a connection. */
struct ready {
    char *method, *path; /* NULL: a TCP connection is enough */
    int64_t within_ns;
};

struct name_value {
    char *name, *value;
    bool secret; /* came from the environment or carries a credential */
};

struct scenario_target {
    struct url url;
    char *userinfo; /* "name:password" of the url, NULL: none; already turned
                       into a header of each request */
    /* Exactly one of these five is set (or none: url only, no memory can be
       read unless the port's owner is found: then `port` is taken from url) */
    char *command; /* started without a shell; words split with quotes */
    char **argv;   /* `command` split, NULL-terminated; with `shell`:
                      {"/bin/sh", "-c", command} */
    int64_t pid;   /* 0: not set */
    char *pidfile;
    int port;     /* whoever listens there; 0: not set */
    char *cgroup; /* path below the memory controller, or absolute */
    bool shell;
    char *cwd;
    struct name_value *env; /* env.NAME = value */
    size_t nenv;
    struct ready ready;
    int64_t stop_grace_ns; /* SIGTERM to SIGKILL */
    char **allow_hosts;    /* besides loopback */
    size_t nallow_hosts;
    bool tls_verify;
    char *tls_ca;
    double memory_limit_bytes; /* 0: the cgroup's */
};

enum load_model { LOAD_OPEN, LOAD_CLOSED };
enum engine_choice {
    ENGINE_AUTO,
    ENGINE_CURL,
    ENGINE_H1,
    ENGINE_H2,
    ENGINE_NULL
};
enum http_version { HTTP_AUTO, HTTP_1_1, HTTP_2 };

struct scenario_load {
    enum load_model model; /* open when `rate` is set, closed with `users` */
    double rate_rps;       /* open model: arrivals per second */
    int users;             /* closed model */
    int64_t think_min_ns, think_max_ns;
    int connections; /* most connections at a time, all workers together */
    int threads;
    int64_t warmup_ns; /* one of the two, the other 0 */
    uint64_t warmup_requests;
    int64_t ramp_ns;         /* linear from 0 to the rate, within warm-up */
    int blocks;              /* 0: one uninterrupted soak */
    uint64_t block_requests; /* a block's length: one of the two is 0 */
    int64_t block_ns;
    int64_t settle_ns;
    int64_t max_time_ns; /* whole run, from the first request */
    int64_t timeout_ns;  /* one request */
    uint64_t seed;
    enum engine_choice engine;
    enum http_version http;
    int redirects;           /* most followed per request; 0: none */
    bool cookies;            /* one jar per user or flow run */
    double max_errors;       /* share (0..1) over which the run exits 4 */
    uint64_t max_body_bytes; /* a response body over this fails */
    bool vary_mix;           /* vary the mix from block to block by design */
    int64_t spin_ns;         /* busy-wait before a due send; 0: none */
};

enum capture_from { CAPTURE_JSON, CAPTURE_HEADER, CAPTURE_REGEX };

struct capture {
    char *name; /* visible to later steps as {{name}} */
    enum capture_from from;
    char *what; /* JSON pointer, header name, POSIX extended regex (its first
                   group, or all of the match) */
};

/* `expect = 201`, `200..299 404`, `body contains TEXT`, ... */
struct status_range {
    int low, high;
};

struct expect {
    struct status_range *status; /* none: any 2xx or 3xx is right */
    size_t nstatus;
    char **body_contains;
    size_t nbody_contains;
};

struct request_header {
    char *name;
    struct template value;
    bool secret;
};

struct request {
    char *name;
    char *method;
    struct template path; /* with query; target.url.base goes in front */
    struct request_header *headers;
    size_t nheaders;
    struct template body; /* zero pieces: none */
    bool has_body;
    struct expect expect;
    struct capture *captures;
    size_t ncaptures;
    double weight;      /* 0: only as a step of flows */
    int64_t timeout_ns; /* 0: load.timeout */
    bool replayed;      /* stands in a replay's entries */
    int line;
};

struct flow {
    char *name;
    int *steps; /* indices into requests */
    size_t nsteps;
    int64_t think_min_ns, think_max_ns; /* between steps */
    double weight;
    int line;
};

/* A CSV feeder: rows handed out in order, round and round. */
struct feeder {
    char *file; /* as written: {{csv FILE COLUMN}} */
    char **columns;
    size_t ncolumns;
    char **cells; /* nrows * ncolumns, row by row; point into `text` */
    size_t nrows;
    char *text; /* the file's bytes, unquoted in place */
};

struct replay {
    char *file; /* NULL: no replay */
    int line;   /* where it is named; 0: not in the scenario file */
    char *format;
    double speed;
    struct replay_entry {
        int64_t at_ns; /* from the first entry, speed already applied */
        int request;   /* index into requests */
        char *path;    /* as recorded, to be sent instead of the request's
                          path; NULL: the request's own */
    } * entries;
    size_t nentries;
};

enum python_mode { PYTHON_AUTO, PYTHON_OFF, PYTHON_OUTSIDE, PYTHON_AGENT };

/* A metric source of the user's: `command.NAME = prog args` prints
 * "name value" lines; `http.NAME = URL` is Prometheus text or JSON. */
struct custom_source {
    char *name;
    char *what;
    bool http;
    char **only; /* take these metrics; none: all, up to a limit */
    size_t nonly;
    int line;
};

struct scenario_sample {
    int64_t every_ns;
    bool process, cgroup, python_listed, jvm; /* `sources =` words */
    enum python_mode python;
    struct custom_source *custom;
    size_t ncustom;
};

struct scenario {
    char *file; /* path, or "-"; relative files are found beside it */
    char *name;
    struct scenario_target target;
    struct scenario_load load;
    struct request *requests;
    size_t nrequests;
    struct flow *flows;
    size_t nflows;
    struct feeder *feeders;
    size_t nfeeders;
    struct replay replay;
    struct scenario_sample sample;
    struct policy policy;
    char **captured; /* names of captures; template pieces refer by index */
    size_t ncaptured;
    /* Effective keys in order, for `check --effective`, scenario.ini and
       --set; filled by the reader. */
    struct effective {
        char *section, *key, *value; /* value: masked when secret */
        char *origin; /* "default", "shop.ini:12", "--set", "environment" */
        bool secret;
    } * effective;
    size_t neffective;
    char **secrets; /* texts that must never reach an artifact */
    size_t nsecrets;
    /* Kinds of traffic, see scenario_kinds(); filled when loaded, so that a
       kind is found at once. NULL: found by looking through the requests. */
    struct scenario_kind {
        size_t index;
        bool flow;
    } * kinds;
    size_t nkinds;
    /* Where requests vary, see sites.h; filled with the kinds. */
    struct scenario_site {
        size_t request; /* index into requests */
        char *name;     /* "q" */
        size_t group;   /* sites that share their values share this number */
        bool fresh;     /* never sends the same value twice */
        double most;    /* values it can send; INFINITY: no end known */
    } * sites;
    size_t nsites;
};

/* Kinds of traffic: requests with weight > 0 (or in a replay) first, then
 * flows, in the scenario's order. The order of record.kinds, of the counters
 * by kind and of mix plans. */
size_t scenario_kinds(const struct scenario *sc);
const char *scenario_kind_name(const struct scenario *sc, size_t kind);
double scenario_kind_weight(const struct scenario *sc, size_t kind);
/* True when the kind is a flow; `*index` is its place in requests or flows. */
bool scenario_kind_at(const struct scenario *sc, size_t kind, size_t *index);

enum scenario_flag {
    SCENARIO_NO_LOAD = 1, /* observe: url and requests are not needed */
};

/* Finds the kinds and the sites anew, after requests or the replay have
 * changed. */
void scenario_index_kinds(struct scenario *sc);

/* Adds a request that the file does not hold (from a recording), with
 * `path_template` as in a [request]'s path. Mistakes in it go to `m`. Gives
 * its index. */
size_t scenario_add_request(struct scenario *sc, const char *name,
                            const char *method, const char *path_template,
                            struct mistakes *m);

/* Reads and checks `path` ("-": standard input). `sets` are `section.key=value`
 * texts that win over the file. Gives a scenario to release; on mistakes
 * returns -1, with all of them in `m` (never NULL). */
int scenario_load(const char *path, char *const *sets, size_t nsets,
                  struct scenario *out, struct mistakes *m);

/* The same from memory. `label` is the file's name for messages and for what
 * stands beside it; `flags` of enum scenario_flag. Text "" and sets alone make
 * a scenario too. */
int scenario_load_text(const char *text, size_t len, const char *label,
                       char *const *sets, size_t nsets, unsigned flags,
                       struct scenario *out, struct mistakes *m);

/* Reads only the [verdict] section of a recorded scenario.ini into `p`; used
 * by record_load: lenient, takes what it understands. */
int scenario_load_policy(const char *path, struct policy *p, struct err *err);

/* Judging again: replaces `p` by the [verdict] section of the recorded
 * scenario `text` (NULL: none, all defaults) with `sets` ("verdict.key=value")
 * on top. Returns -1 with the sets' mistakes in `m` (empty before); `p` is
 * then as it was. */
int scenario_adjust_policy(const char *text, char *const *sets, size_t nsets,
                           struct policy *p, struct mistakes *m);

/* Appends the effective scenario as INI text, secrets masked. */
void scenario_write_effective(const struct scenario *sc, struct buf *out,
                              bool with_origin);

/* Replaces every known secret inside `text` by "***". Gives a string. */
char *scenario_mask(const struct scenario *sc, const char *text);

void scenario_release(struct scenario *sc);

/* ---- mistakes: every error of a scenario, with its place ---- */

struct mistake {
    char *file;
    int line; /* 0: no line (from --set, or a missing section) */
    char *text;
    char *hint; /* "did you mean 'weight'?"; NULL: none */
};

struct mistakes {
    struct mistake *at;
    size_t n;
    size_t more; /* found after the list was full (1,000) */
};

void mistakes_init(struct mistakes *m);
void mistakes_add(struct mistakes *m, const char *file, int line,
                  const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Sorts by file and line, then appends "file:line: text (hint)" lines. */
void mistakes_write(struct mistakes *m, struct buf *out);
void mistakes_release(struct mistakes *m);

#endif
