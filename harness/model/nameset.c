#include "harness/model/nameset.h"

#include "harness/base/mem.h"
#include "harness/base/suggest.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a (Fowler, Noll, Vo 1991). */
static uint64_t hash(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return h;
}

/* The slot that holds `name`, or the free one where it belongs. */
static struct nameset_slot *slot_of(struct nameset_slot *slots, size_t cap,
                                    const char *name)
{
    size_t i = hash(name) & (cap - 1);

    while (slots[i].name != NULL && strcmp(slots[i].name, name) != 0)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static void widen(struct nameset *s)
{
    size_t cap = s->cap ? s->cap * 2 : 16;
    struct nameset_slot *slots = mem_zalloc(cap, sizeof *slots);

    for (size_t i = 0; i < s->cap; i++)
        if (s->slots[i].name != NULL)
            *slot_of(slots, cap, s->slots[i].name) = s->slots[i];
    free(s->slots);
    s->slots = slots;
    s->cap = cap;
}

size_t nameset_add(struct nameset *s, const char *name, size_t index)
{
    struct nameset_slot *slot;

    if ((s->n + 1) * 2 > s->cap)
        widen(s);
    slot = slot_of(s->slots, s->cap, name);
    if (slot->name == NULL) {
        *slot = (struct nameset_slot){name, index};
        s->n++;
    }
    return slot->index;
}

size_t nameset_find(const struct nameset *s, const char *name)
{
    const struct nameset_slot *slot;

    if (s->n == 0)
        return (size_t)-1;
    slot = slot_of(s->slots, s->cap, name);
    return slot->name != NULL ? slot->index : (size_t)-1;
}

const char *nameset_suggest(const struct nameset *s, const char *word)
{
    const char *best = NULL;
    size_t distance = 0, place = 0;

    for (size_t i = 0; i < s->cap; i++) {
        const char *before = best;
        size_t d = distance;

        if (s->slots[i].name == NULL)
            continue;
        /* Of equally near names the first in the scenario, so that the hint
         * does not depend on the hash. */
        suggest_offer(word, s->slots[i].name, &before, &d);
        if (before == best && best != NULL && s->slots[i].index < place &&
            suggest_distance(word, s->slots[i].name) == distance)
            before = s->slots[i].name;
        if (before != best) {
            best = before;
            distance = d;
            place = s->slots[i].index;
        }
    }
    return best;
}

void nameset_release(struct nameset *s)
{
    free(s->slots);
    *s = (struct nameset){0};
}
