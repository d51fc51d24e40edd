/* Keys whose values are one number, one word or one text. */
#include "harness/base/mem.h"
#include "harness/base/suggest.h"
#include "harness/model/scenario_reader.h"
#include "harness/model/value.h"
#include "harness/model/words.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void *field(struct taking *t)
{
    return (char *)t->base + t->key->offset;
}

struct shown shorten(const char *s)
{
    struct shown out;
    size_t n = strnlen(s, sizeof out.text), most = sizeof out.text - 4;

    if (n < sizeof out.text) {
        memcpy(out.text, s, n);
        out.text[n] = '\0';
        return out;
    }
    while (most > 0 && ((unsigned char)s[most] & 0xc0) == 0x80)
        most--; /* never inside a UTF-8 character */
    memcpy(out.text, s, most);
    memcpy(out.text + most, "...", 4);
    return out;
}

void *reader_push(void *at, size_t n, size_t size)
{
    return (n & (n - 1)) == 0 ? mem_realloc(at, n > 0 ? n * 2 : 1, size) : at;
}

/* "load.rate" for a value that has no line to point at, else "rate". */
static void name_key(const struct taking *t, char *out, size_t size)
{
    const char *name = t->key->name;
    size_t fixed = t->arg != NULL ? strlen(name) : 0;

    while (fixed > 0 && isupper((unsigned char)name[fixed - 1]))
        fixed--;
    snprintf(out, size, "%s%s%.*s%.60s",
             t->line == 0 ? section_name(t->key->section) : "",
             t->line == 0 ? "." : "",
             (int)(t->arg != NULL ? fixed : strlen(name)), name,
             t->arg != NULL ? t->arg : "");
}

void taking_bad(struct taking *t, const char *hint, const char *fmt, ...)
{
    char text[512], name[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    name_key(t, name, sizeof name);
    if (strcmp(t->key->name, "weight") == 0)
        t->r->weight_mistaken = true;
    mistakes_add(t->r->m, t->file, t->line, hint, "%s: '%s' %s", name,
                 shorten(t->shown).text, text);
}

/* "did you mean 'x'?", or NULL when nothing is near. */
static char *suggest_near(const char *word, const char *words)
{
    struct words w;
    const char *best = NULL;
    size_t distance = 0;
    char *hint;

    words_list(words, &w);
    for (size_t i = 0; i < w.n; i++)
        suggest_offer(word, w.at[i], &best, &distance);
    hint = best != NULL ? mem_printf("did you mean '%s'?", best) : NULL;
    words_release(&w);
    return hint;
}

char *suggest_word(const char *word, const char *words)
{
    char *hint = suggest_near(word, words);

    return hint != NULL ? hint : mem_printf("one of: %s", words);
}

/* The place of `value` in a list of words, or -1. */
static int word_index(const char *value, const char *words)
{
    struct words w;
    int found = -1;

    words_list(words, &w);
    for (size_t i = 0; i < w.n && found < 0; i++)
        if (strcmp(w.at[i], value) == 0)
            found = (int)i;
    words_release(&w);
    return found;
}

/* Checks a number against its key's limits, which are shown divided by
 * `scale`. */
static bool within(struct taking *t, double v, const char *unit, double scale)
{
    const struct key *k = t->key;

    if (k->min == 0 && k->max == 0)
        return true;
    if (v < k->min) {
        taking_bad(t, NULL, "is less than %.10g%s", k->min / scale, unit);
        return false;
    }
    if (v > k->max) {
        taking_bad(t, NULL, "is more than %.10g%s", k->max / scale, unit);
        return false;
    }
    return true;
}

void take_text(struct taking *t)
{
    char **to = field(t);

    if (*t->value == '\0') {
        taking_bad(t, NULL, "is empty");
        return;
    }
    free(*to);
    *to = mem_strdup(t->value);
}

/* Puts the path into the field, as seen from here. False when it is empty. */
static bool take_path_text(struct taking *t)
{
    char **to = field(t);

    if (*t->value == '\0') {
        taking_bad(t, NULL, "is empty");
        return false;
    }
    free(*to);
    *to = template_beside(t->r->sc, t->value, t->line);
    return true;
}

void take_file(struct taking *t)
{
    take_path_text(t);
}

void take_folder(struct taking *t)
{
    struct stat st;

    if (!take_path_text(t))
        return;
    if (stat(*(char **)field(t), &st) != 0)
        taking_bad(t, "folders are looked for beside the scenario",
                   "cannot be found: %s", strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        taking_bad(t, NULL, "is not a folder");
}

/* A pipe or a device would hold the reader up or never end. */
void take_readable(struct taking *t)
{
    const char *path;
    struct stat st;

    if (!take_path_text(t))
        return;
    path = *(char **)field(t);
    if (stat(path, &st) != 0 || access(path, R_OK) != 0)
        taking_bad(t, "files are looked for beside the scenario",
                   "cannot be read: %s", strerror(errno));
    else if (!S_ISREG(st.st_mode))
        taking_bad(t, NULL, "is not a regular file");
}

/* Names become parts of file names and columns. */
void take_name(struct taking *t)
{
    for (const char *p = t->value; *p != '\0'; p++) {
        if (isalnum((unsigned char)*p) || strchr("._-", *p) != NULL)
            continue;
        taking_bad(t, NULL, "may hold letters, digits, '.', '_' and '-' only");
        return;
    }
    if (strlen(t->value) > 64)
        taking_bad(t, NULL, "is longer than 64 characters");
    else if (t->value[0] == '.')
        taking_bad(t, NULL, "begins with a dot");
    else
        take_text(t);
}

void take_whole64(struct taking *t)
{
    struct err err;
    int64_t v;

    if (value_whole(t->value, &v, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    else if (within(t, (double)v, "", 1))
        *(int64_t *)field(t) = v;
}

void take_whole(struct taking *t)
{
    struct err err;
    int64_t v;

    if (value_whole(t->value, &v, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    else if (within(t, (double)v, "", 1))
        *(int *)field(t) = (int)v;
}

void take_seed(struct taking *t)
{
    struct err err;
    int64_t v;

    if (value_whole(t->value, &v, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    else if (v < 0)
        taking_bad(t, NULL, "is negative");
    else
        *(uint64_t *)field(t) = (uint64_t)v;
}

void take_number(struct taking *t)
{
    struct err err;
    double v;

    if (value_number(t->value, &v, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    else if (within(t, v, "", 1))
        *(double *)field(t) = v;
}

void take_factor(struct taking *t)
{
    struct err err;
    double v;

    if (value_factor(t->value, &v, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    else if (within(t, v, "x", 1))
        *(double *)field(t) = v;
}

void take_flag(struct taking *t)
{
    struct err err;

    if (value_flag(t->value, field(t), &err) != 0)
        taking_bad(t, "write on or off", "%s", err.msg);
}

void take_duration(struct taking *t)
{
    struct err err;
    int64_t v;

    if (value_duration(t->value, &v, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    else if (within(t, (double)v, "s", 1e9))
        *(int64_t *)field(t) = v;
}

void take_seconds(struct taking *t)
{
    struct err err;
    int64_t v;

    if (value_duration(t->value, &v, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    else
        *(double *)field(t) = (double)v / 1e9;
}

void take_range(struct taking *t)
{
    int64_t *to = field(t); /* the maximum's field follows the minimum's */
    int64_t low, high;
    struct err err;

    if (value_duration_range(t->value, &low, &high, &err) != 0) {
        taking_bad(t, NULL, "%s", err.msg);
    } else if (within(t, (double)high, "s", 1e9)) {
        to[0] = low;
        to[1] = high;
    }
}

void take_rate(struct taking *t)
{
    struct err err;
    double v;

    if (value_rate(t->value, &v, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    else if (within(t, v, "/s", 1))
        *(double *)field(t) = v;
}

void take_size(struct taking *t)
{
    struct err err;
    double v;

    if (value_size(t->value, &v, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    else if (within(t, v, " B", 1))
        *(double *)field(t) = v;
}

void take_size64(struct taking *t)
{
    struct err err;
    double v;

    if (value_size(t->value, &v, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    else if (within(t, v, " B", 1))
        *(uint64_t *)field(t) = (uint64_t)v;
}

void take_share(struct taking *t)
{
    struct err err;
    double v;

    if (value_share(t->value, &v, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    else if (within(t, v, "%", 0.01))
        *(double *)field(t) = v;
}

static int take_index(struct taking *t)
{
    int i = word_index(t->value, t->key->words);
    char *hint;

    if (i >= 0)
        return i;
    hint = suggest_near(t->value, t->key->words);
    taking_bad(t, hint, "is not one of: %s", t->key->words);
    free(hint);
    return -1;
}

/* Enumerations are ints in all structs; their words stand in its order. */
void take_word(struct taking *t)
{
    int i = take_index(t);

    if (i >= 0)
        *(int *)field(t) = i;
}

void take_format(struct taking *t)
{
    if (take_index(t) >= 0)
        take_text(t);
}

void take_inconclusive(struct taking *t)
{
    int i = take_index(t);

    if (i >= 0)
        *(bool *)field(t) = i == 1;
}
