/* A doubly linked list through links embedded in what it lists: no
 * allocation, constant time, first in first out. */
#ifndef PLATEAU_LOAD_CHAIN_H
#define PLATEAU_LOAD_CHAIN_H

#include <stddef.h>

struct chain;

struct chain_link {
    struct chain_link *next, *prev;
    struct chain *in; /* NULL: in none */
};

struct chain {
    struct chain_link *first, *last;
};

/* Takes `l` out of the chain it is in, if any. */
static inline void chain_remove(struct chain_link *l)
{
    struct chain *c = l->in;

    if (c == NULL)
        return;
    if (l->prev != NULL)
        l->prev->next = l->next;
    else
        c->first = l->next;
    if (l->next != NULL)
        l->next->prev = l->prev;
    else
        c->last = l->prev;
    *l = (struct chain_link){0};
}

/* Puts `l` at the end of `c`, out of the chain it was in. */
static inline void chain_append(struct chain *c, struct chain_link *l)
{
    chain_remove(l);
    l->in = c;
    l->prev = c->last;
    if (c->last != NULL)
        c->last->next = l;
    else
        c->first = l;
    c->last = l;
}

/* Takes the first link out of `c` and gives it; NULL from an empty one. */
static inline struct chain_link *chain_shift(struct chain *c)
{
    struct chain_link *l = c->first;

    if (l == NULL)
        return NULL;
    c->first = l->next;
    if (c->first != NULL)
        c->first->prev = NULL;
    else
        c->last = NULL;
    *l = (struct chain_link){0};
    return l;
}

/* The struct of that type whose `member` is the link at `p`, not NULL. */
#define chain_item(p, type, member)                                            \
    ((type *)(void *)((char *)(p)-offsetof(type, member)))

#endif
