/* Counters of a Java virtual machine, from outside: the performance data file
 * that every HotSpot process keeps and maps (hsperfdata). No agent, no attach,
 * nothing the machine notices. Has no object counts. */
#ifndef PLATEAU_SAMPLER_INSPECT_JVM_H
#define PLATEAU_SAMPLER_INSPECT_JVM_H

#include "harness/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "No value" is NaN. */
struct jvm_counts {
    double heap_used_bytes;     /* as the machine last wrote it down */
    double heap_after_gc_bytes; /* old and survivor spaces: what collections
                                   left; NaN before the first collection */
    double classes;             /* loaded and not unloaded */
    double threads;
    double collections; /* of all collectors */
    double unloading;   /* of those that look at all of the heap, and unload
                           classes: all but the first; NaN: there are none */
};

/* Reads the file's `n` bytes, which are the target's word. Returns 0, or -1
 * when it is no performance data. */
int jvm_parse(const unsigned char *bytes, size_t n, struct jvm_counts *out);

/* Is process `pid` a Java virtual machine (it maps libjvm)? */
bool jvm_is(int64_t pid);

/* Reads the counters of process `pid`. Returns 0 or -1. */
int jvm_read(int64_t pid, struct jvm_counts *out, struct err *err);

#endif
