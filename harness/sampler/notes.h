/* Named degradations: each text once, never forgotten. Any thread. */
#ifndef PLATEAU_SAMPLER_NOTES_H
#define PLATEAU_SAMPLER_NOTES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define NOTES_MAX 64 /* more are dropped: a source that babbles */

struct notes {
    pthread_mutex_t lock;
    char *at[NOTES_MAX];
    size_t n;
};

void notes_init(struct notes *n);
void notes_release(struct notes *n);

/* Keeps a copy of `text`. False when it was there already, or the list is
 * full. */
bool notes_add(struct notes *n, const char *text);

/* The i-th, NULL behind the last. Borrowed until notes_release. */
const char *notes_at(struct notes *n, size_t i);

#endif
