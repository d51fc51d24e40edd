/* From a recording to a scenario to edit. */
#include "harness/import/import.h"

#include "harness/base/mem.h"
#include "harness/import/kinds.h"
#include "harness/import/recorded.h"
#include "harness/model/secret.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS_COUNTED = 20000, KINDS_USUAL = 30, BODY_MAX = 65536 };

static const char *const names[IMPORT_FORMATS] = {"common", "combined", "json",
                                                  "har"};

const char *import_format_name(enum import_format f)
{
    return f < IMPORT_FORMATS ? names[f] : NULL;
}

enum import_format import_format_find(const char *name)
{
    int f = 0;

    while (f < IMPORT_FORMATS && strcmp(names[f], name) != 0)
        f++;
    return (enum import_format)f;
}

struct import {
    struct kinds kinds;
    struct import_summary *sum;
    int64_t first_us, last_us;
    bool timed;
};

static int count(void *user, const struct recorded *r)
{
    struct import *x = user;
    char path[RECORDED_PATH_MAX];

    if (kinds_count(&x->kinds, r, path) == (size_t)-1) {
        x->sum->left_out++;
        return 0;
    }
    x->sum->taken++;
    if (r->at_us == INT64_MIN)
        return 0;
    if (!x->timed || r->at_us < x->first_us)
        x->first_us = r->at_us;
    if (!x->timed || r->at_us > x->last_us)
        x->last_us = r->at_us;
    x->timed = true;
    return 0;
}

static int most_frequent_first(const void *va, const void *vb)
{
    const struct kind *a = *(const struct kind *const *)va;
    const struct kind *b = *(const struct kind *const *)vb;

    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(a->key, b->key);
}

/* The origin that most requests went to; NULL: none is known. */
static const char *main_origin(const struct kinds *k)
{
    const char *best = NULL;
    size_t most = 0;

    for (size_t i = 0; i < k->n && i < 1000; i++) {
        size_t n = 0;

        if (k->at[i].origin == NULL)
            continue;
        for (size_t j = 0; j < k->n; j++)
            if (k->at[j].origin != NULL &&
                strcmp(k->at[i].origin, k->at[j].origin) == 0)
                n += k->at[j].count;
        if (n > most) {
            most = n;
            best = k->at[i].origin;
        }
    }
    return best;
}

/* Adds foreign text as an INI value: one line, no template, no variable. */
static void add_value(struct buf *out, const char *s)
{
    for (; *s != '\0'; s++) {
        if (s[0] == '{' && s[1] == '{') {
            buf_adds(out, "{{'{{'}}");
            s++;
        } else if (s[0] == '$' && s[1] == '{') {
            buf_adds(out, "$$");
        } else if ((unsigned char)*s < 0x20 || *s == 0x7f) {
            buf_addc(out, ' ');
        } else {
            buf_addc(out, *s);
        }
    }
}

/* JSON survives its line breaks becoming spaces; nothing else does. */
static bool body_fits(const struct kind *k)
{
    bool json =
        k->content_type != NULL && strstr(k->content_type, "json") != NULL;

    for (const char *p = k->body; *p != '\0'; p++)
        if (((unsigned char)*p < 0x20 && !json) || *p == 0x7f)
            return false;
    return strlen(k->body) <= BODY_MAX;
}

static void write_body(const struct kind *k, struct buf *out,
                       struct import_summary *sum)
{
    char *masked;

    if (k->body == NULL || *k->body == '\0')
        return;
    if (!body_fits(k)) {
        buf_adds(out, "; the recorded body does not fit into one line: put it "
                      "into a file and write body_file = FILE\n");
        return;
    }
    masked = secret_mask_literals(k->body, SECRET_IN_TEXT, NULL);
    if (strcmp(masked, k->body) != 0) {
        buf_adds(out, "; secrets in the body were replaced by ***: fill them "
                      "in with ${NAME}\n");
        sum->secrets++;
    }
    buf_adds(out, "body   = ");
    add_value(out, masked);
    buf_addc(out, '\n');
    free(masked);
}

/* POST and the like send something that a log does not hold. */
static bool lacks_body(const struct kind *k)
{
    return k->body == NULL &&
           (strcmp(k->method, "POST") == 0 || strcmp(k->method, "PUT") == 0 ||
            strcmp(k->method, "PATCH") == 0);
}

static void write_kind(const struct kind *k, struct buf *out,
                       struct import_summary *sum)
{
    struct buf expect;

    buf_addf(out, "\n[request %s]\n", k->name);
    if (strcmp(k->method, "GET") != 0)
        buf_addf(out, "method = %s\n", k->method);
    buf_adds(out, "path   = ");
    kind_template(k, out);
    buf_addc(out, '\n');
    if (k->accept != NULL) {
        buf_adds(out, "header = Accept: ");
        add_value(out, k->accept);
        buf_addc(out, '\n');
    }
    if (k->content_type != NULL && k->body != NULL) {
        buf_adds(out, "header = Content-Type: ");
        add_value(out, k->content_type);
        buf_addc(out, '\n');
    }
    write_body(k, out, sum);
    buf_init(&expect, 256);
    kind_expect(k, &expect);
    if (expect.len > 0)
        buf_addf(out, "expect = %s\n", buf_str(&expect));
    buf_release(&expect);
    if (lacks_body(k))
        buf_addf(out,
                 "; the recording holds no body: add one, then "
                 "weight = %zu\nweight = 0\n",
                 k->count);
    else
        buf_addf(out, "weight = %zu\n", k->count);
}

static void write_head(const struct import *x, enum import_format format,
                       const struct import_options *o, const char *origin,
                       struct buf *out)
{
    const struct import_summary *sum = x->sum;

    buf_addf(out, "; made by plateau import from %zu recorded requests (%s)\n",
             sum->taken, import_format_name(format));
    if (origin != NULL) {
        buf_adds(out, "; recorded from ");
        add_value(out, origin);
        buf_addc(out, '\n');
    }
    buf_adds(out, "; cookies, authorization and secret parameters are left "
                  "out: where the service\n; needs them, put them back, such "
                  "as header = Authorization: Bearer ${TOKEN}\n");
    buf_adds(out, "\n[scenario]\nname = ");
    add_value(out, o->name != NULL ? o->name : "imported");
    buf_adds(out, "\n\n[target]\nurl = ");
    add_value(out, o->url != NULL ? o->url : "http://127.0.0.1:8000");
    buf_adds(out, "\n; started, awaited and stopped; instead of command: pid, "
                  "pidfile, port or cgroup\n; command = \n\n[load]\n");
    if (sum->span_s >= 1)
        buf_addf(out, "; as recorded, on average over %.0f s\nrate = %.3g/s\n",
                 sum->span_s, fmax(0.001, (double)sum->taken / sum->span_s));
    else
        buf_adds(out, "users = 4\n");
}

/* Picks the kinds to write, the most frequent first. Gives pointers. */
static struct kind **choose(struct import *x, const char *origin, size_t most,
                            size_t *n)
{
    struct kind **chosen = mem_zalloc(x->kinds.n, sizeof(void *));

    *n = 0;
    for (size_t i = 0; i < x->kinds.n; i++) {
        struct kind *k = &x->kinds.at[i];

        if (origin == NULL || k->origin == NULL ||
            strcmp(k->origin, origin) == 0) {
            chosen[(*n)++] = k;
        } else {
            x->sum->left_out += k->count;
            x->sum->taken -= k->count;
        }
    }
    if (*n > 1)
        qsort(chosen, *n, sizeof(void *), most_frequent_first);
    for (size_t i = most; i < *n; i++) {
        x->sum->left_out += chosen[i]->count;
        x->sum->taken -= chosen[i]->count;
    }
    *n = *n < most ? *n : most;
    return chosen;
}

int import_scenario(enum import_format format, const char *text, size_t len,
                    const struct import_options *options, struct buf *out,
                    struct import_summary *summary, struct err *err)
{
    struct import x = {.sum = summary, .kinds.most = KINDS_COUNTED};
    const struct recorded_sink sink = {count, &x, summary};
    struct kind **chosen = NULL;
    const char *origin;
    size_t n = 0;
    int rc = -1;

    *summary = (struct import_summary){0};
    if (recorded_read(format, text, len, &sink, err) != 0)
        goto out;
    origin = main_origin(&x.kinds);
    chosen =
        choose(&x, origin, options->kinds ? options->kinds : KINDS_USUAL, &n);
    if (n == 0) {
        err_set(err, "no request found in %zu lines as %s%s", summary->lines,
                import_format_name(format),
                summary->unread > 0 ? ": none was understood" : "");
        goto out;
    }
    summary->kinds = n;
    summary->secrets = x.kinds.secrets;
    if (x.timed)
        summary->span_s = (double)(x.last_us - x.first_us) / 1e6;
    write_head(&x, format, options, origin, out);
    for (size_t i = 0; i < n; i++)
        write_kind(chosen[i], out, summary);
    rc = out->overflow ? err_set(err, "the scenario becomes too long") : 0;
out:
    free(chosen);
    kinds_release(&x.kinds);
    return rc;
}
