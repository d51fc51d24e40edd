/* --set section.key=value: put into the document in front of everything else,
 * so that it is read, checked and reported like a line of the file. */
#include "harness/base/mem.h"
#include "harness/base/suggest.h"
#include "harness/model/scenario_reader.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void bad(struct reader *r, const char *set, const char *hint,
                const char *text)
{
    mistakes_add(r->m, "--set", 0, hint, "'%s' %s", shorten(set).text, text);
}

static struct ini_section *find_section(struct reader *r, const char *title)
{
    for (size_t i = 0; i < r->doc.n; i++)
        if (strcmp(r->doc.sections[i].name, title) == 0)
            return &r->doc.sections[i];
    return NULL;
}

static bool same_header(const char *a, const char *b)
{
    size_t n = strcspn(a, ":");

    return n == strcspn(b, ":") && strncasecmp(a, b, n) == 0;
}

/* A value of --set takes the place of the file's; of headers, of the one with
 * the same name. */
static void replace(struct ini_section *s, const struct key *key,
                    const char *name, const char *value)
{
    for (size_t i = s->n; i-- > 0;) {
        const struct ini_entry *e = &s->at[i];
        bool header = strcmp(key->type->name, "header") == 0;

        if (strcmp(e->key, name) != 0)
            continue;
        if (header ? same_header(e->value, value)
                   : e->line != 0 || !key->type->repeats)
            ini_drop_entry(s, i);
    }
}

/* Keys that exclude each other: the one set drops the file's others. */
static void drop_rivals(struct ini_section *s, const struct key *key)
{
    static const struct {
        enum key_section section;
        const char *key, *rivals;
    } groups[] = {
        {SECTION_LOAD, "rate", " users think "},
        {SECTION_LOAD, "users", " rate ramp "},
        {SECTION_TARGET, "command", " pid pidfile port cgroup "},
        {SECTION_TARGET, "pid", " command pidfile port cgroup "},
        {SECTION_TARGET, "pidfile", " command pid port cgroup "},
        {SECTION_TARGET, "port", " command pid pidfile cgroup "},
        {SECTION_TARGET, "cgroup", " command pid pidfile port "},
    };

    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        if (groups[g].section != key->section ||
            strcmp(groups[g].key, key->name) != 0)
            continue;
        for (size_t i = s->n; i-- > 0;) {
            char padded[32];
            size_t n = strlen(s->at[i].key);

            if (n + 3 > sizeof padded || s->at[i].line == 0)
                continue;
            padded[0] = ' ';
            memcpy(padded + 1, s->at[i].key, n);
            memcpy(padded + 1 + n, " ", 2);
            if (strstr(groups[g].rivals, padded) != NULL)
                ini_drop_entry(s, i);
        }
    }
}

static void unknown_section(struct reader *r, const char *set, const char *word)
{
    const char *best = NULL;
    size_t distance = 0;
    char *hint = NULL;

    for (int s = 0; s < SECTION_COUNT; s++)
        suggest_offer(word, section_name((enum key_section)s), &best,
                      &distance);
    if (best != NULL)
        hint = mem_printf("did you mean '%s'?", best);
    bad(r, set, hint != NULL ? hint : "write --set load.rate=200/s",
        "names no section");
    free(hint);
}

/* The section for "request order.weight": `*key` is left at "weight". A name
 * may hold dots, so the longest one that exists wins. NULL after a mistake. */
static struct ini_section *named_section(struct reader *r, const char *set,
                                         enum key_section kind, char *name,
                                         char **key)
{
    struct nameset names = {0};
    const char *near;
    char *hint = NULL, *title;
    struct ini_section *s = NULL;

    for (char *dot = name + strlen(name); s == NULL && dot-- > name;) {
        if (*dot != '.')
            continue;
        *dot = '\0';
        title = mem_printf("%s %s", section_name(kind), name);
        s = find_section(r, title);
        free(title);
        if (s == NULL)
            *dot = '.';
        else
            *key = dot + 1;
    }
    if (s != NULL)
        return s;
    name[strcspn(name, ".")] = '\0';
    for (size_t i = 0; i < r->doc.n; i++) {
        const char *space = strchr(r->doc.sections[i].name, ' ');

        if (space != NULL &&
            section_find(r->doc.sections[i].name,
                         (size_t)(space - r->doc.sections[i].name)) == kind)
            nameset_add(&names, space + 1, i);
    }
    near = nameset_suggest(&names, name);
    if (near != NULL)
        hint = mem_printf("did you mean '%s'?", near);
    bad(r, set, hint, "names no section of the scenario");
    nameset_release(&names);
    free(hint);
    return NULL;
}

static void apply_one(struct reader *r, const char *set)
{
    size_t n = strcspn(set, "=");
    char *left = mem_strndup(set, n), *key = NULL;
    const char *value = set + n + 1, *arg;
    size_t word = strcspn(left, " .");
    enum key_section kind = section_find(left, word);
    struct ini_section *s = NULL;
    const struct key *k;

    if (set[n] != '=' || strpbrk(left, ".") == NULL) {
        bad(r, set, "write --set load.rate=200/s", "is not section.key=value");
        goto out;
    }
    if (strpbrk(value, "\n\r") != NULL) {
        bad(r, set, NULL, "holds a line break");
        goto out;
    }
    if (kind == SECTION_COUNT) {
        left[word] = '\0';
        unknown_section(r, set, left);
        goto out;
    }
    if (section_is_named(kind)) {
        s = named_section(r, set, kind, left + word + (left[word] != '\0'),
                          &key);
        if (s == NULL)
            goto out;
    } else {
        key = left + word + 1;
        s = find_section(r, section_name(kind));
        if (s == NULL)
            s = ini_add_section(&r->doc, section_name(kind),
                                strlen(section_name(kind)), 0);
    }
    k = key_find(kind, key, &arg);
    if (k != NULL) {
        replace(s, k, key, value);
        drop_rivals(s, k);
    }
    value += strspn(value, " \t");
    ini_add_entry(s, mem_strdup(key), mem_strdup(value), 0);
out:
    free(left);
}

void reader_apply_sets(struct reader *r, char *const *sets, size_t nsets)
{
    for (size_t i = 0; i < nsets; i++)
        apply_one(r, sets[i]);
}
