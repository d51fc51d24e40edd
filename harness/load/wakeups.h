/* Deadlines of many things, the earliest first: a binary heap on storage that
 * the caller embeds. Used for think times of thousands of users behind one
 * timer. One thread. */
#ifndef PLATEAU_LOAD_WAKEUPS_H
#define PLATEAU_LOAD_WAKEUPS_H

#include <stddef.h>
#include <stdint.h>

/* Embedded in what shall be woken. `place` is 0 while not in a heap. */
struct wakeup {
    int64_t at_ns;
    size_t place;
};

struct wakeups {
    struct wakeup **heap; /* from index 1 */
    size_t n, cap;
};

/* Adds `w`, which is in no heap; O(log n); grows when full. */
void wakeups_add(struct wakeups *h, struct wakeup *w, int64_t at_ns);

/* Takes `w` out; nothing happens when it is in no heap. */
void wakeups_remove(struct wakeups *h, struct wakeup *w);

/* The earliest, still inside; NULL when empty. */
struct wakeup *wakeups_first(const struct wakeups *h);

void wakeups_release(struct wakeups *h);

#endif
