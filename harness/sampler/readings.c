#include "harness/sampler/readings.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 6 /* of nested JSON objects */

static bool is_lower(char c)
{
    return islower((unsigned char)c) || isdigit((unsigned char)c);
}

static bool is_upper(char c)
{
    return isupper((unsigned char)c);
}

/* "HeapInuse" and "GCSys": a word begins at an upper-case letter behind a
 * lower-case one, or before one. */
static bool word_begins(const char *start, const char *s)
{
    return s > start && is_upper(*s) &&
           (is_lower(s[-1]) ||
            (is_upper(s[-1]) && islower((unsigned char)s[1])));
}

int readings_name(const char *name, char out[READINGS_NAME])
{
    size_t n = 0;

    for (const char *s = name; *s != '\0'; s++) {
        bool word = isascii((unsigned char)*s) && isalnum((unsigned char)*s);

        if (n > 0 && out[n - 1] != '_' && (!word || word_begins(name, s)))
            out[n++] = '_';
        if (n + 2 >= READINGS_NAME)
            return -1;
        if (word)
            out[n++] = (char)tolower((unsigned char)*s);
    }
    while (n > 0 && out[n - 1] == '_')
        n--;
    out[n] = '\0';
    return n > 0 ? 0 : -1;
}

/* Names that the metric table knows, and what runtimes call them. */
static const struct {
    const char *theirs, *ours;
} known[] = {
    {"go_memstats_heap_objects", "go_heap_objects"},
    {"memstats_heap_objects", "go_heap_objects"},
    {"go_memstats_heap_inuse_bytes", "go_heap_inuse_bytes"},
    {"memstats_heap_inuse", "go_heap_inuse_bytes"},
    {"go_gc_duration_seconds_count", "go_gc_collections"},
    {"memstats_num_gc", "go_gc_collections"},
    {"go_goroutines", "go_goroutines"},
};

int readings_full_name(const char *source, const char *metric,
                       char out[READINGS_NAME])
{
    char prefix[READINGS_NAME];
    size_t n;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(metric, known[i].theirs) == 0) {
            snprintf(out, READINGS_NAME, "%s", known[i].ours);
            return 0;
        }
    if (readings_name(source, prefix) != 0)
        return -1;
    n = strlen(prefix);
    if (strncmp(metric, prefix, n) == 0 &&
        (metric[n] == '_' || metric[n] == '\0'))
        n = (size_t)snprintf(out, READINGS_NAME, "%s", metric);
    else
        n = (size_t)snprintf(out, READINGS_NAME, "%s_%s", prefix, metric);
    return n < READINGS_NAME ? 0 : -1;
}

/* ---- lines ---- */

/* Behind the labels' closing brace; NULL: there is none. `*part` is set when
 * a label says that the value is a bucket's or a quantile's. */
static char *skip_labels(char *s, bool *part)
{
    bool quoted = false;
    char *label = s + 1;

    for (s++; *s != '\0'; s++) {
        if (quoted && *s == '\\' && s[1] != '\0') {
            s++;
        } else if (*s == '"') {
            quoted = !quoted;
        } else if (!quoted && *s == '=') {
            *part |= strncmp(label, "le=", 3) == 0 ||
                     strncmp(label, "quantile=", 9) == 0;
        } else if (!quoted && (*s == ',' || *s == ' ')) {
            label = s + 1;
        } else if (!quoted && *s == '}') {
            return s + 1;
        }
    }
    return NULL;
}

/* True when the line gave a number. */
static bool parse_line(char *line, reading_fn *each, void *user)
{
    char name[READINGS_NAME], *s, *end, stop;
    bool part = false;
    double v;

    while (isspace((unsigned char)*line))
        line++;
    if (*line == '#' || *line == '\0')
        return false;
    s = line + strcspn(line, "{= \t");
    stop = *s;
    if (s == line || stop == '\0')
        return false;
    if (stop == '{') {
        char *behind = skip_labels(s, &part);

        *s = '\0';
        s = behind;
    } else {
        *s++ = '\0';
    }
    if (s == NULL || part || readings_name(line, name) != 0)
        return false;
    s += strspn(s, " \t=");
    v = strtod(s, &end);
    if (end == s || (*end != '\0' && !isspace((unsigned char)*end)) ||
        !isfinite(v))
        return false;
    each(user, name, v);
    return true;
}

static int parse_lines(char *text, reading_fn *each, void *user)
{
    char *save, *line;
    int n = 0;

    for (line = strtok_r(text, "\r\n", &save); line != NULL;
         line = strtok_r(NULL, "\r\n", &save))
        n += parse_line(line, each, user);
    return n;
}

/* ---- JSON ---- */

static bool give_number(const json_t *value, const char *path, reading_fn *each,
                        void *user)
{
    char name[READINGS_NAME];
    double v = json_number_value(value);

    if (!json_is_number(value) || !isfinite(v) ||
        readings_name(path, name) != 0)
        return false;
    each(user, name, v);
    return true;
}

/* Depth first over the nested objects, with a stack of our own: the text is
 * foreign. */
static int walk_object(json_t *root, reading_fn *each, void *user)
{
    struct {
        json_t *object;
        void *at;
        size_t path_len;
    } stack[DEPTH] = {{root, json_object_iter(root), 0}};
    char path[512] = "";
    int depth = 0, n = 0;

    while (depth >= 0) {
        json_t *value;
        int len;

        if (stack[depth].at == NULL) {
            depth--;
            continue;
        }
        path[stack[depth].path_len] = '\0';
        len = snprintf(path + stack[depth].path_len,
                       sizeof path - stack[depth].path_len, "%s%s",
                       stack[depth].path_len > 0 ? "." : "",
                       json_object_iter_key(stack[depth].at));
        value = json_object_iter_value(stack[depth].at);
        stack[depth].at =
            json_object_iter_next(stack[depth].object, stack[depth].at);
        if (len < 0 || stack[depth].path_len + (size_t)len >= sizeof path)
            continue;
        if (json_is_object(value) && depth + 1 < DEPTH) {
            size_t now = stack[depth].path_len + (size_t)len;

            depth++;
            stack[depth].object = value;
            stack[depth].at = json_object_iter(value);
            stack[depth].path_len = now;
        } else {
            n += give_number(value, path, each, user);
        }
    }
    return n;
}

static int parse_json(const char *text, size_t len, reading_fn *each,
                      void *user)
{
    json_t *root = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
    int n = -1;

    if (json_is_object(root))
        n = walk_object(root, each, user);
    json_decref(root);
    return n;
}

int readings_parse(char *text, size_t len, reading_fn *each, void *user)
{
    size_t lead = strspn(text, " \t\r\n");

    if (text[lead] == '{')
        return parse_json(text, len, each, user);
    return parse_lines(text, each, user);
}
