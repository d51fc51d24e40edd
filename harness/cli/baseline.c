#include "harness/cli/baseline.h"

#include "harness/base/file.h"
#include "harness/base/jsonw.h"
#include "harness/base/mem.h"
#include "harness/model/record.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SCHEMA "plateau-baseline/1"

enum { MAX_FILE = 16 << 20, MAX_NUMBERS = 100000 };

static void write_number(struct jsonw *w, const struct compare_number *n)
{
    jsonw_object(w, NULL);
    jsonw_string(w, "metric", n->metric);
    jsonw_string(w, "kind", n->kind);
    jsonw_string(w, "unit",
                 n->unit == METRIC_BYTES     ? "bytes"
                 : n->unit == METRIC_SECONDS ? "seconds"
                                             : "count");
    jsonw_double(w, "slope_per_request", n->per_request.value);
    jsonw_double(w, "slope_per_request_low", n->per_request.low);
    jsonw_double(w, "slope_per_request_high", n->per_request.high);
    jsonw_double(w, "tolerance_per_request", n->tolerance);
    jsonw_string(w, "verdict", outcome_name(n->outcome));
    jsonw_object_end(w);
}

int baseline_write(const struct compare_side *side, const char *path,
                   struct err *err)
{
    struct buf text;
    struct jsonw w;
    int rc;

    buf_init(&text, MAX_FILE);
    jsonw_init(&w, &text, false);
    jsonw_object(&w, NULL);
    jsonw_string(&w, "schema", SCHEMA);
    jsonw_string(&w, "name", side->name);
    jsonw_double(&w, "confidence", side->confidence);
    jsonw_string(&w, "verdict", outcome_name(side->outcome));
    jsonw_array(&w, "numbers");
    for (size_t i = 0; i < side->n; i++)
        write_number(&w, &side->numbers[i]);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    buf_addc(&text, '\n');
    rc = text.overflow ? err_set(err, "%s: the baseline is too large", path)
                       : file_write(path, text.p, text.len, err);
    buf_release(&text);
    return rc;
}

static const char *text_at(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "";
}

static double number_at(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return json_is_number(v) ? json_number_value(v) : NAN;
}

static enum outcome outcome_at(const json_t *o)
{
    const char *s = text_at(o, "verdict");

    return strcmp(s, "pass") == 0   ? OUTCOME_PASS
           : strcmp(s, "leak") == 0 ? OUTCOME_LEAK
                                    : OUTCOME_INCONCLUSIVE;
}

static void read_number(const json_t *o, struct compare_number *n)
{
    const char *unit = text_at(o, "unit");

    *n = (struct compare_number){
        .unit = strcmp(unit, "bytes") == 0     ? METRIC_BYTES
                : strcmp(unit, "seconds") == 0 ? METRIC_SECONDS
                                               : METRIC_COUNT,
        .per_request = {number_at(o, "slope_per_request"),
                        number_at(o, "slope_per_request_low"),
                        number_at(o, "slope_per_request_high")},
        .tolerance = number_at(o, "tolerance_per_request"),
        .outcome = outcome_at(o),
    };
    snprintf(n->metric, sizeof n->metric, "%s", text_at(o, "metric"));
    snprintf(n->kind, sizeof n->kind, "%s", text_at(o, "kind"));
}

static int read_baseline(const json_t *doc, const char *path,
                         struct compare_side *out, struct err *err)
{
    const json_t *numbers = json_object_get(doc, "numbers");
    size_t n = json_array_size(numbers);

    if (strcmp(text_at(doc, "schema"), SCHEMA) != 0)
        return err_set(err,
                       "%s: no baseline of a form known here (schema \"%s\"); "
                       "write one with plateau compare --save FILE RUN",
                       path, SCHEMA);
    if (n > MAX_NUMBERS)
        return err_set(err, "%s: more than %d numbers", path, MAX_NUMBERS);
    *out = (struct compare_side){.outcome = outcome_at(doc),
                                 .confidence = number_at(doc, "confidence")};
    if (!(out->confidence > 0 && out->confidence < 1))
        out->confidence = 0.95;
    snprintf(out->name, sizeof out->name, "%s", text_at(doc, "name"));
    out->numbers = mem_zalloc(n, sizeof *out->numbers);
    out->n = n;
    for (size_t i = 0; i < n; i++)
        read_number(json_array_get(numbers, i), &out->numbers[i]);
    return 0;
}

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), k = strlen(tail);

    return n >= k && strcmp(s + n - k, tail) == 0;
}

static int load_json(const char *path, struct compare_side *out,
                     struct err *err)
{
    char *text = NULL;
    size_t len;
    json_error_t why;
    json_t *doc;
    int rc;

    if (file_read(path, MAX_FILE, &text, &len, err) != 0)
        return -1;
    doc = json_loadb(text, len, 0, &why);
    free(text);
    if (doc == NULL)
        return err_set(err, "%s:%d: %s", path, why.line, why.text);
    rc = read_baseline(doc, path, out, err);
    json_decref(doc);
    return rc;
}

static void reduce(struct record *r, struct compare_side *out)
{
    struct verdict v;

    verdict_judge(r, NULL, &v);
    compare_side_make(r, &r->policy, &v, out);
    verdict_release(&v);
}

int baseline_load(const char *path, struct compare_side *out, struct err *err)
{
    struct record r;
    struct stat st;

    if (ends_with(path, ".json"))
        return load_json(path, out, err);
    if ((stat(path, &st) == 0 && S_ISDIR(st.st_mode)
             ? record_load(path, &r, err)
             : record_from_csv(path, &r, err)) != 0)
        return -1;
    reduce(&r, out);
    record_release(&r);
    return 0;
}
