/* From the document to the fields: sections, keys, defaults, --set, and the
 * list of effective values. */
#include "harness/base/mem.h"
#include "harness/base/suggest.h"
#include "harness/model/expand.h"
#include "harness/model/scenario_reader.h"
#include "harness/model/secret.h"
#include "harness/model/words.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One value as it will stand in the effective scenario. */
struct shown_value {
    const struct key *key;
    char *name, *value, *origin;
    bool secret;
};

static void add_effective(struct reader *r, const char *section,
                          struct shown_value *v)
{
    struct scenario *sc = r->sc;

    sc->effective = mem_grow(sc->effective, sc->neffective, &r->effective_cap,
                             sizeof *sc->effective);
    sc->effective[sc->neffective++] = (struct effective){
        mem_strdup(section), v->name, v->value, v->origin, v->secret};
}

/* Plain text as an INI value that reads back the same. */
static char *escape_dollars(const char *s)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    for (; *s != '\0'; s++) {
        if (s[0] == '$' && s[1] == '{')
            buf_addc(&b, '$');
        buf_addc(&b, *s);
    }
    return buf_take(&b);
}

/* "Authorization: ***". */
static char *mask_header(struct reader *r, const char *value)
{
    const char *colon = strchr(value, ':');
    const char *v = colon != NULL ? colon + 1 + strspn(colon + 1, " ") : "";

    if (colon == NULL || strncmp(v, "{{", 2) == 0 ||
        !secret_name(value, (size_t)(colon - value)))
        return NULL;
    secret_add_header(r->sc, v);
    return mem_printf("%.*s: ***", (int)(colon - value), value);
}

/* What stands in front of a URL's '@' becomes three stars. */
static char *mask_userinfo(const char *raw)
{
    const char *start = strstr(raw, "://"), *at;

    if (start == NULL)
        return NULL;
    start += 3;
    at = memrchr(start, '@', strcspn(start, "/?#"));
    if (at == NULL)
        return NULL;
    return mem_printf("%.*s***%s", (int)(start - raw), raw, at);
}

static bool is_type(const struct key *key, const char *name)
{
    return strcmp(key->type->name, name) == 0;
}

/* Gives `value` as it may be shown: see secret.h. `raw` is the text as
 * written. Remembers secrets. */
static char *reader_display(struct reader *r, const struct key *key,
                            const char *arg, const char *raw, const char *value,
                            bool from_env)
{
    char *text, *masked = NULL, *out;

    if (key->type->plain)
        return escape_dollars(value);
    text = from_env ? mem_strdup(raw) : escape_dollars(value);
    if (is_type(key, "header"))
        masked = mask_header(r, value);
    else if (is_type(key, "env") && secret_name(arg, strlen(arg)))
        masked = mem_strdup("***");
    else if (is_type(key, "url") || is_type(key, "http_source"))
        masked = mask_userinfo(text);
    if (masked != NULL && is_type(key, "env"))
        secret_add(r->sc, value, strlen(value));
    if (masked == NULL) {
        enum secret_place place = SECRET_IN_TEXT;

        if (is_type(key, "command_source") || strcmp(key->name, "command") == 0)
            place = SECRET_IN_COMMAND;
        else if (is_type(key, "path"))
            place = SECRET_IN_PATH;
        masked = secret_mask_literals(text, place, r->sc);
    }
    out = masked;
    free(text);
    return out;
}

/* Where a value came from. */
static char *origin_of(const struct reader *r, int line, bool from_env)
{
    if (line == 0)
        return mem_strdup(from_env ? "--set, environment" : "--set");
    return mem_printf("%s:%d%s", r->file, line,
                      from_env ? ", environment" : "");
}

static void unknown_key(struct reader *r, enum key_section kind,
                        const struct ini_entry *e)
{
    char near[96], *hint = NULL;
    const char *arg, *other = key_elsewhere(kind, e->key);

    if (other != NULL)
        hint = mem_strdup(other);
    else if (r->m->n < 1000 &&
             key_suggest(kind, e->key, near, sizeof near) != NULL)
        hint = mem_printf("did you mean '%s%s'?", near,
                          near[strlen(near) - 1] == '.' ? "NAME" : "");
    /* A key that stands in the wrong section is told its place. */
    for (int s = 0; hint == NULL && s < SECTION_DATA; s++)
        if (key_find((enum key_section)s, e->key, &arg) != NULL)
            hint = mem_printf(
                "it belongs into [%s%s]", section_name((enum key_section)s),
                section_is_named((enum key_section)s) ? " NAME" : "");
    mistakes_add(r->m, e->line != 0 ? r->file : "--set", e->line, hint,
                 "[%s] has no key '%s'", section_name(kind),
                 shorten(e->key).text);
    free(hint);
}

/* Reads one entry into its field. Gives what is to be shown of it. */
static struct shown_value take_entry(struct reader *r, const struct key *key,
                                     const char *arg, const struct ini_entry *e,
                                     void *base, size_t index)
{
    struct taking t = {.r = r,
                       .key = key,
                       .arg = arg,
                       .file = e->line != 0 ? r->file : "--set",
                       .line = e->line,
                       .base = base,
                       .index = index};
    struct expanded x;
    struct err err;
    bool env;
    char *shown;

    if (expand_env(e->value, &x, &err) != 0) {
        t.shown = e->value;
        taking_bad(&t, NULL, "%s", err.msg);
        expand_release(&x);
        return (struct shown_value){0};
    }
    env = x.nsecrets > 0;
    for (size_t i = 0; i < x.nsecrets && !key->type->plain; i++)
        secret_add(r->sc, x.secrets[i], strlen(x.secrets[i]));
    shown = reader_display(r, key, arg, e->value, x.text, env);
    t.value = x.text;
    t.shown = shown;
    t.secret = env;
    key->type->take(&t);
    expand_release(&x);
    return (struct shown_value){.key = key,
                                .name = mem_strdup(e->key),
                                .origin = origin_of(r, e->line, env),
                                .secret = !key->type->plain &&
                                          (env || strstr(shown, "***") != NULL),
                                .value = shown};
}

/* Fills in what the section does not say. */
static bool take_fallback(struct reader *r, const struct key *key,
                          const struct ini_section *s, const char *name,
                          void *base, size_t index, struct shown_value *out)
{
    char *text = reader_fallback(r, key, s, name);
    struct taking t = {.r = r,
                       .key = key,
                       .value = text,
                       .shown = text,
                       .file = r->file,
                       .base = base,
                       .index = index};

    if (text == NULL)
        return false;
    key->type->take(&t);
    *out = (struct shown_value){.key = key,
                                .name = mem_strdup(key->name),
                                .value = text,
                                .origin = mem_strdup("default")};
    return true;
}

/* Adds the values in the table's order, defaults where nothing was said. */
static void finish_section(struct reader *r, const struct ini_section *s,
                           enum key_section kind, const char *name,
                           struct shown_value *got, size_t n, void *base,
                           size_t index, const int *seen)
{
    char *title = name != NULL ? mem_printf("%s %s", section_name(kind), name)
                               : mem_strdup(section_name(kind));
    const struct key *key;

    for (size_t i = 0; (key = key_at(i)) != NULL; i++) {
        struct shown_value v;

        if (key->section != kind)
            continue;
        for (size_t k = 0; seen[i] >= 0 && k < n; k++)
            if (got[k].key == key)
                add_effective(r, title, &got[k]);
        if (seen[i] < 0 && take_fallback(r, key, s, name, base, index, &v))
            add_effective(r, title, &v);
    }
    free(title);
}

void reader_section(struct reader *r, const struct ini_section *s,
                    enum key_section kind, const char *name, void *base,
                    size_t index)
{
    struct shown_value *got = mem_zalloc(s->n, sizeof *got);
    struct nameset names = {0};
    int seen[KEY_COUNT_MAX];
    size_t n = 0;

    for (size_t i = 0; i < KEY_COUNT_MAX; i++)
        seen[i] = -1;
    for (size_t i = 0; i < s->n; i++) {
        const struct ini_entry *e = &s->at[i];
        const char *arg;
        const struct key *key = key_find(kind, e->key, &arg);
        size_t first;

        if (key == NULL) {
            unknown_key(r, kind, e);
            continue;
        }
        first = key->type->repeats ? i : nameset_add(&names, e->key, i);
        if (first != i) {
            mistakes_add(r->m, r->file, e->line, NULL,
                         "'%s' is set twice, first on line %d",
                         shorten(e->key).text, s->at[first].line);
            continue;
        }
        seen[key - key_at(0)] = e->line;
        got[n] = take_entry(r, key, arg, e, base, index);
        if (got[n].key != NULL)
            n++;
    }
    finish_section(r, s, kind, name, got, n, base, index, seen);
    if (!section_is_named(kind))
        for (size_t i = 0; i < KEY_COUNT_MAX; i++)
            if (seen[i] >= 0)
                r->seen[i] = seen[i];
    nameset_release(&names);
    free(got);
}
