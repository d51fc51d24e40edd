#include "harness/model/diagnosis.h"

#include "harness/base/file.h"
#include "harness/base/jsonw.h"
#include "harness/base/mem.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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
    d->chains[d->nchains++].text = copy(chain->text);
}

void diagnosis_add_site(struct diagnosis *d, const struct diagnosis_site *site)
{
    if (d->nsites == MAX_ROWS)
        return;
    d->sites = mem_realloc(d->sites, d->nsites + 1, sizeof *d->sites);
    d->sites[d->nsites] = *site;
    d->sites[d->nsites].where = copy(site->where);
    d->sites[d->nsites++].trace = copy(site->trace);
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

static void write_rows(const struct diagnosis *d, struct jsonw *w)
{
    jsonw_array(w, "chains");
    for (size_t i = 0; i < d->nchains; i++) {
        jsonw_object(w, NULL);
        jsonw_string(w, "type", d->chains[i].type);
        jsonw_string(w, "chain", d->chains[i].text);
        jsonw_double(w, "instances", d->chains[i].instances);
        jsonw_double(w, "sampled", d->chains[i].sampled);
        jsonw_double(w, "found", d->chains[i].found);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_array(w, "sites");
    for (size_t i = 0; i < d->nsites; i++) {
        jsonw_object(w, NULL);
        jsonw_string(w, "where", d->sites[i].where);
        jsonw_string(w, "trace", d->sites[i].trace);
        jsonw_double(w, "bytes_per_request", d->sites[i].bytes_per_request);
        jsonw_double(w, "count_per_request", d->sites[i].count_per_request);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
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
                                     .found = number_at(row, "found")});
    }
    json_array_foreach(json_object_get(doc, "sites"), i, row)
    {
        diagnosis_add_site(
            out, &(struct diagnosis_site){
                     .where = text_at(row, "where"),
                     .trace = text_at(row, "trace"),
                     .bytes_per_request = number_at(row, "bytes_per_request"),
                     .count_per_request = number_at(row, "count_per_request")});
    }
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
    json_decref(doc);
    return 0;
}

void diagnosis_release(struct diagnosis *d)
{
    for (size_t i = 0; i < d->nchains; i++) {
        free(d->chains[i].type);
        free(d->chains[i].text);
    }
    for (size_t i = 0; i < d->nsites; i++) {
        free(d->sites[i].where);
        free(d->sites[i].trace);
    }
    for (size_t i = 0; i < d->nmappings; i++)
        free(d->mappings[i].name);
    for (size_t i = 0; i < d->nnotes; i++)
        free(d->notes[i]);
    free(d->chains);
    free(d->sites);
    free(d->mappings);
    free(d->notes);
    free(d->method);
    *d = (struct diagnosis){.ran = false};
}
