#include "harness/sampler/notes.h"

#include "harness/base/mem.h"

#include <stdlib.h>
#include <string.h>

void notes_init(struct notes *n)
{
    n->n = 0;
    pthread_mutex_init(&n->lock, NULL);
}

void notes_release(struct notes *n)
{
    for (size_t i = 0; i < n->n; i++)
        free(n->at[i]);
    n->n = 0;
    pthread_mutex_destroy(&n->lock);
}

bool notes_add(struct notes *n, const char *text)
{
    bool is_new;

    pthread_mutex_lock(&n->lock);
    is_new = n->n < NOTES_MAX;
    for (size_t i = 0; i < n->n; i++)
        is_new &= strcmp(n->at[i], text) != 0;
    if (is_new)
        n->at[n->n++] = mem_strdup(text);
    pthread_mutex_unlock(&n->lock);
    return is_new;
}

const char *notes_at(struct notes *n, size_t i)
{
    const char *text;

    pthread_mutex_lock(&n->lock);
    text = i < n->n ? n->at[i] : NULL;
    pthread_mutex_unlock(&n->lock);
    return text;
}
