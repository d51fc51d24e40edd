#include "harness/model/diagnosis.h"

#include "harness/base/file.h"
#include "harness/base/jsonw.h"
#include "harness/base/mem.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 100, MAX_FILE = 16 << 20 };

static char *copy(const char *s)
{
    return mem_strdup(s != NULL ? s : "");
}

void diagnosis_add_chain(struct diagnosis *d,
                         const struct diagnosis_chain *chain)
{
    if (d->nchains == MAX_ROWS)
        return;
    d->chains = mem_realloc(d->chains, d->nchains + 1, sizeof *d->chains);
    d->chains[d->nchains] = *chain;
    d->chains[d->nchains].type = copy(chain->type);
    d->chains[d->nchains].text = copy(chain->text);
    if (chain->bound.container != NULL) {
        d->chains[d->nchains].bound.container = copy(chain->bound.container);
        d->chains[d->nchains].bound.entry = copy(chain->bound.entry);
    }
    if (chain->deep.holder != NULL)
        d->chains[d->nchains].deep.holder = copy(chain->deep.holder);
    d->nchains++;
}

void diagnosis_prefer(struct diagnosis *d, const char *type)
{
    size_t front = 0;

    for (size_t i = 0; i < d->nchains; i++) {
        struct diagnosis_chain c = d->chains[i];

        if (strcmp(c.type, type) != 0)
            continue;
        memmove(&d->chains[front + 1], &d->chains[front],
                (i - front) * sizeof c);
        d->chains[front++] = c;
    }
}

void diagnosis_rank(struct diagnosis *d)
{
    size_t front = 0;

    for (int unheld = 0; unheld < 2; unheld++)
        for (size_t i = front; i < d->nchains; i++) {
            struct diagnosis_chain c = d->chains[i];

            if (c.found * 2 < c.sampled || c.unheld != (unheld == 1))
                continue;
            memmove(&d->chains[front + 1], &d->chains[front],
                    (i - front) * sizeof c);
            d->chains[front++] = c;
        }
}

static void add_site(struct diagnosis_site **sites, size_t *n,
                     const struct diagnosis_site *site)
{
    if (*n == MAX_ROWS)
        return;
    *sites = mem_realloc(*sites, *n + 1, sizeof **sites);
    (*sites)[*n] = *site;
    (*sites)[*n].where = copy(site->where);
    (*sites)[(*n)++].trace = copy(site->trace);
}

void diagnosis_add_site(struct diagnosis *d, const struct diagnosis_site *site)
{
    add_site(&d->sites, &d->nsites, site);
}

void diagnosis_add_native(struct diagnosis *d,
                          const struct diagnosis_site *site)
{
    add_site(&d->natives, &d->nnatives, site);
}

void diagnosis_add_mapping(struct diagnosis *d,
                           const struct diagnosis_mapping *mapping)
{
    if (d->nmappings == MAX_ROWS)
        return;
    d->mappings =
        mem_realloc(d->mappings, d->nmappings + 1, sizeof *d->mappings);
    d->mappings[d->nmappings] = *mapping;
    d->mappings[d->nmappings++].name = copy(mapping->name);
}

void diagnosis_note(struct diagnosis *d, const char *fmt, ...)
{
    va_list ap;
    char *s = NULL;

    if (d->nnotes == MAX_ROWS)
        return;
    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0)
        s = NULL;
    va_end(ap);
    if (s == NULL)
        return;
    d->notes = mem_realloc(d->notes, d->nnotes + 1, sizeof *d->notes);
    d->notes[d->nnotes++] = s;
}

static void write_sites(struct jsonw *w, const char *name,
                        const struct diagnosis_site *s, size_t n)
{
    jsonw_array(w, name);
    for (size_t i = 0; i < n; i++) {
        jsonw_object(w, NULL);
        jsonw_string(w, "where", s[i].where);
        jsonw_string(w, "trace", s[i].trace);
        jsonw_double(w, "bytes_per_request", s[i].bytes_per_request);
        jsonw_double(w, "count_per_request", s[i].count_per_request);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_native(const struct diagnosis *d, struct jsonw *w)
{
    if (d->native_tool == NULL)
        return;
    jsonw_object(w, "native");
    jsonw_string(w, "tool", d->native_tool);
    jsonw_double(w, "seconds", d->native_seconds);
    jsonw_double(w, "requests", d->native_requests);
    write_sites(w, "sites", d->natives, d->nnatives);
    jsonw_object_end(w);
}

static void write_chain(struct jsonw *w, const struct diagnosis_chain *c)
{
    jsonw_object(w, NULL);
    jsonw_string(w, "type", c->type);
    jsonw_string(w, "chain", c->text);
    jsonw_double(w, "instances", c->instances);
    jsonw_double(w, "sampled", c->sampled);
    jsonw_double(w, "found", c->found);
    if (c->bound.container != NULL) {
        jsonw_object(w, "bound");
        jsonw_string(w, "container", c->bound.container);
        jsonw_double(w, "size", c->bound.size);
        jsonw_double(w, "limit", c->bound.limit);
        jsonw_string(w, "entry", c->bound.entry);
        jsonw_double(w, "share", c->bound.share);
        jsonw_object_end(w);
    }
    if (c->deep.holder != NULL) {
        jsonw_object(w, "deep");
        jsonw_string(w, "tool", "pympler");
        jsonw_string(w, "holder", c->deep.holder);
        jsonw_double(w, "bytes", c->deep.bytes);
        jsonw_bool(w, "whole", c->deep.whole);
        jsonw_bool(w, "least", c->deep.least);
        jsonw_double(w, "share", c->deep.share);
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
}

static void write_rows(const struct diagnosis *d, struct jsonw *w)
{
    jsonw_array(w, "chains");
    for (size_t i = 0; i < d->nchains; i++)
        write_chain(w, &d->chains[i]);
    jsonw_array_end(w);
    write_sites(w, "sites", d->sites, d->nsites);
    jsonw_array(w, "mappings");
    for (size_t i = 0; i < d->nmappings; i++) {
        jsonw_object(w, NULL);
        jsonw_string(w, "name", d->mappings[i].name);
        jsonw_double(w, "grown_bytes", d->mappings[i].grown_bytes);
        jsonw_double(w, "resident_bytes", d->mappings[i].resident_bytes);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

void diagnosis_write(const struct diagnosis *d, struct buf *out)
{
    struct jsonw w;

    jsonw_init(&w, out, false);
    jsonw_object(&w, NULL);
    jsonw_string(&w, "schema", "plateau-diagnosis/1");
    jsonw_string(&w, "method", d->method != NULL ? d->method : "");
    jsonw_double(&w, "seconds", d->seconds);
    jsonw_double(&w, "requests", d->requests);
    write_rows(d, &w);
    if (d->flamegraph != NULL)
        jsonw_string(&w, "flamegraph", d->flamegraph);
    write_native(d, &w);
    jsonw_array(&w, "notes");
    for (size_t i = 0; i < d->nnotes; i++)
        jsonw_string(&w, NULL, d->notes[i]);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    buf_addc(out, '\n');
}

static char *text_at(const json_t *row, const char *key)
{
    return (char *)json_string_value(json_object_get(row, key));
}

static double number_at(const json_t *row, const char *key)
{
    const json_t *v = json_object_get(row, key);

    return json_is_number(v) ? json_number_value(v) : NAN;
}

static void read_sites(const json_t *rows, struct diagnosis *out,
                       void (*add)(struct diagnosis *,
                                   const struct diagnosis_site *))
{
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        add(out, &(struct diagnosis_site){
                     .where = text_at(row, "where"),
                     .trace = text_at(row, "trace"),
                     .bytes_per_request = number_at(row, "bytes_per_request"),
                     .count_per_request = number_at(row, "count_per_request")});
    }
}

static void read_native(const json_t *native, struct diagnosis *out)
{
    if (!json_is_object(native))
        return;
    out->native_tool = copy(text_at(native, "tool"));
    out->native_seconds = number_at(native, "seconds");
    out->native_requests = number_at(native, "requests");
    read_sites(json_object_get(native, "sites"), out, diagnosis_add_native);
}

static struct diagnosis_bound bound_at(const json_t *row)
{
    const json_t *b = json_object_get(row, "bound");

    return (struct diagnosis_bound){.container = text_at(b, "container"),
                                    .size = number_at(b, "size"),
                                    .limit = number_at(b, "limit"),
                                    .entry = text_at(b, "entry"),
                                    .share = number_at(b, "share")};
}

static struct diagnosis_deep deep_at(const json_t *row)
{
    const json_t *b = json_object_get(row, "deep");

    return (struct diagnosis_deep){
        .holder = text_at(b, "holder"),
        .bytes = number_at(b, "bytes"),
        .whole = json_is_true(json_object_get(b, "whole")),
        .least = json_is_true(json_object_get(b, "least")),
        .share = number_at(b, "share")};
}

static void read_rows(const json_t *doc, struct diagnosis *out)
{
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(doc, "chains"), i, row)
    {
        diagnosis_add_chain(out, &(struct diagnosis_chain){
                                     .type = text_at(row, "type"),
                                     .text = text_at(row, "chain"),
                                     .instances = number_at(row, "instances"),
                                     .sampled = number_at(row, "sampled"),
                                     .found = number_at(row, "found"),
                                     .bound = bound_at(row),
                                     .deep = deep_at(row)});
    }
    read_sites(json_object_get(doc, "sites"), out, diagnosis_add_site);
    json_array_foreach(json_object_get(doc, "mappings"), i, row)
    {
        diagnosis_add_mapping(
            out, &(struct diagnosis_mapping){
                     .name = text_at(row, "name"),
                     .grown_bytes = number_at(row, "grown_bytes"),
                     .resident_bytes = number_at(row, "resident_bytes")});
    }
    json_array_foreach(json_object_get(doc, "notes"), i, row)
    {
        if (json_is_string(row))
            diagnosis_note(out, "%s", json_string_value(row));
    }
}

int diagnosis_load(const char *path, struct diagnosis *out, struct err *err)
{
    char *text = NULL;
    size_t len;
    json_error_t why;
    json_t *doc;

    *out = (struct diagnosis){.ran = false};
    if (!file_exists(path))
        return 0;
    if (file_read(path, MAX_FILE, &text, &len, err) != 0)
        return -1;
    doc = json_loadb(text, len, 0, &why);
    free(text);
    if (!json_is_object(doc)) {
        json_decref(doc);
        return err_set(err, "%s:%d: not a diagnosis: %s", path, why.line,
                       why.text);
    }
    out->ran = true;
    out->seconds = number_at(doc, "seconds");
    out->requests = number_at(doc, "requests");
    out->method = copy(text_at(doc, "method"));
    read_rows(doc, out);
    /* The one name that we give: a directory that somebody mailed may say
     * anything. */
    if (text_at(doc, "flamegraph") != NULL &&
        strcmp(text_at(doc, "flamegraph"), DIAGNOSIS_FLAMEGRAPH) == 0)
        out->flamegraph = copy(DIAGNOSIS_FLAMEGRAPH);
    read_native(json_object_get(doc, "native"), out);
    json_decref(doc);
    return 0;
}

void diagnosis_release(struct diagnosis *d)
{
    for (size_t i = 0; i < d->nchains; i++) {
        free(d->chains[i].type);
        free(d->chains[i].text);
        free(d->chains[i].bound.container);
        free(d->chains[i].bound.entry);
        free(d->chains[i].deep.holder);
    }
    for (size_t i = 0; i < d->nsites; i++) {
        free(d->sites[i].where);
        free(d->sites[i].trace);
    }
    for (size_t i = 0; i < d->nnatives; i++) {
        free(d->natives[i].where);
        free(d->natives[i].trace);
    }
    for (size_t i = 0; i < d->nmappings; i++)
        free(d->mappings[i].name);
    for (size_t i = 0; i < d->nnotes; i++)
        free(d->notes[i]);
    free(d->chains);
    free(d->sites);
    free(d->natives);
    free(d->native_tool);
    free(d->flamegraph);
    free(d->mappings);
    free(d->notes);
    free(d->method);
    *d = (struct diagnosis){.ran = false};
}
