/* What a metric's name means: its unit, how it is weighed, which tolerance of
 * the scenario's [verdict] section speaks of it. One table (metric.c) serves
 * the sampler, the analyzers and the reports.
 *
 * A name that the table does not hold is understood by its suffix: _bytes is
 * memory, _s seconds, _total a cumulative counter, anything else a count. */
#ifndef PLATEAU_MODEL_METRIC_H
#define PLATEAU_MODEL_METRIC_H

#include <stdbool.h>

/* The unit of a reading, and so of a slope ("B/request", "1/request"). */
enum metric_unit {
    METRIC_BYTES,
    METRIC_COUNT, /* objects, descriptors, threads: whole numbers */
    METRIC_SECONDS,
};

/* What growth in this metric proves. The analyzers' vote goes by role. */
enum metric_role {
    METRIC_MEMORY,  /* resident memory of the processes: rss, pss, uss */
    METRIC_CGROUP,  /* control group: holds page cache, never proof alone */
    METRIC_HEAP,    /* what an allocator has handed out: live native bytes */
    METRIC_OBJECTS, /* live objects or blocks of a language runtime */
    METRIC_HANDLES, /* descriptors, threads, tasks, connections, zombies */
    METRIC_CUSTOM,  /* from a command or an endpoint; judged when asked */
    METRIC_WITNESS, /* recorded to explain (shared pages, cpu), never judged */
};

struct metric {
    const char *name;      /* as in samples.csv */
    const char *alias;     /* another name understood in a CSV, or NULL */
    const char *tolerance; /* key in [verdict], e.g. "pss"; NULL: none */
    const char *title;     /* for people: "proportional memory (PSS)" */
    enum metric_unit unit;
    enum metric_role role;
    bool cumulative; /* a counter that only rises (faults, cpu) */
};

/* The table's row for `name` (or its alias), or NULL. Static storage. */
const struct metric *metric_find(const char *name);

/* A column that counts the objects of one type: "objects:module.Name". */
#define METRIC_TYPE_PREFIX "objects:"

/* As metric_find, but a name that is not in the table gets a row made from
 * its suffix, with role METRIC_CUSTOM, or METRIC_OBJECTS where it counts a
 * type. `*out` borrows `name`. */
void metric_describe(const char *name, struct metric *out);

/* The column that counts the collections of the garbage which readings of this
 * metric hold meanwhile; NULL: they hold none, or nobody counts. */
const char *metric_collector(const struct metric *m);

/* As metric_collector, also where garbage is the exception: a JVM's classes
 * stay level, and rise only where some are made for a request and dropped. Such
 * readings count as they are, but what rises must be there behind collections
 * to be a leak. */
const char *metric_swept_by(const struct metric *m);

/* The column that counts what makes a new reading of this metric, which repeats
 * the last one until then: what a JVM's collection left stands until the next.
 * NULL: every reading is new. */
const char *metric_renewed_by(const struct metric *m);

/* The i-th row of the table, NULL behind the last. */
const struct metric *metric_at(int i);

#endif
