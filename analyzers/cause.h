/* What kind of growth it is: live objects, blocks no collector tracks, native
 * heap, memory the allocator keeps, un-shared or file-backed pages,
 * descriptors, sockets, threads, tasks, a cache still filling, a collector's
 * sawtooth, another process. No single source tells; each class is what some
 * sources show and others do not. Pure. */
#ifndef PLATEAU_ANALYZERS_CAUSE_H
#define PLATEAU_ANALYZERS_CAUSE_H

#include "analyzers/verdict.h"

/* Fills `v->cause` from the findings; leaves it empty where nothing grows, or
 * nothing tells. */
void cause_find(const struct record *r, struct verdict *v);

#endif
