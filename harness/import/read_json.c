/* JSON recordings: access logs with one object per line (nginx formats of
 * one's own making, Caddy, Traefik), and HAR. */
#include "harness/import/recorded.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEADERS_MAX = 64 };

/* The first of the named members; NULL: none is there. */
static json_t *first_of(json_t *o, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        json_t *v = json_object_get(o, names[i]);

        if (v != NULL && !json_is_null(v))
            return v;
    }
    return NULL;
}

/* A number of seconds, milliseconds, microseconds or nanoseconds since 1970,
 * told apart by its size; or ISO 8601 text. */
static void read_time(json_t *v, struct recorded *r)
{
    double t = NAN;

    r->at_us = INT64_MIN;
    if (json_is_string(v)) {
        const char *s = json_string_value(v);
        char *end;

        r->at_us = recorded_time_iso(s, strlen(s), &r->whole_seconds);
        if (r->at_us == INT64_MIN)
            r->at_us = recorded_time_clf(s, strlen(s));
        if (r->at_us != INT64_MIN)
            return;
        t = strtod(s, &end);
        if (end == s || *end != '\0')
            return;
    } else if (json_is_number(v)) {
        t = json_number_value(v);
    }
    if (!(t > 0) || t > 1e19)
        return;
    while (t > 1e11)
        t /= 1000;
    r->whole_seconds = t == floor(t);
    r->at_us = (int64_t)llround(t * 1e6);
}

static int read_status(json_t *v)
{
    double s = json_is_number(v)   ? json_number_value(v)
               : json_is_string(v) ? strtod(json_string_value(v), NULL)
                                   : 0;

    return s >= 100 && s <= 599 ? (int)s : 0;
}

/* Method and target of a log's object, whatever they are called. */
static bool find_request(json_t *o, const char **method, const char **target)
{
    static const char *const methods[] = {"request_method", "method",
                                          "RequestMethod", NULL};
    static const char *const targets[] = {"request_uri", "uri",         "path",
                                          "url",         "RequestPath", NULL};
    json_t *request = json_object_get(o, "request");

    if (json_is_object(request))
        o = request;
    *method = json_string_value(first_of(o, methods));
    *target = json_string_value(first_of(o, targets));
    if (*method == NULL && json_is_string(request)) {
        *method = json_string_value(request); /* "GET /a HTTP/1.1" */
        *target = strchr(*method, ' ');
        *target = *target != NULL ? *target + 1 : NULL;
    }
    return *method != NULL && *target != NULL;
}

/* 1: a request; 0: nothing to send; -1: not understood. */
static int read_object(json_t *o, struct recorded *r, char *path)
{
    static const char *const times[] = {"time_iso8601", "@timestamp", "time",
                                        "timestamp",    "ts",         "msec",
                                        "StartUTC",     "time_local", NULL};
    static const char *const statuses[] = {"status", "status_code",
                                           "DownstreamStatus", "code", NULL};
    const char *method, *target;

    if (!json_is_object(o) || !find_request(o, &method, &target))
        return -1;
    read_time(first_of(o, times), r);
    r->status = read_status(first_of(o, statuses));
    r->method = recorded_method(method, strcspn(method, " "));
    r->path = path;
    return r->method != NULL &&
           recorded_path(target, strcspn(target, " "), path, RECORDED_PATH_MAX);
}

int recorded_read_json_lines(const char *text, size_t len,
                             const struct recorded_sink *sink, struct err *err)
{
    struct import_summary *sum = sink->summary;
    const char *p = text, *end = text + len;
    char path[RECORDED_PATH_MAX];
    int line = 0, stop = 0;

    (void)err;
    while (p < end && stop == 0) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((nl != NULL ? nl : end) - p);
        struct recorded r = {.line = line + 1};
        json_t *o;
        int got;

        line++;

        if (n > 0 && p[n - 1] == '\r')
            n--;
        o = n > 0 && n <= IMPORT_LINE_MAX ? json_loadb(p, n, 0, NULL) : NULL;
        p = nl != NULL ? nl + 1 : end;
        if (n == 0)
            continue;
        sum->lines++;
        got = read_object(o, &r, path);
        if (got < 0 && sum->unread++ == 0)
            sum->first_unread = line;
        if (got == 0)
            sum->left_out++;
        if (got > 0)
            stop = sink->take(sink->user, &r);
        json_decref(o);
    }
    return 0;
}

static size_t read_headers(json_t *request, struct recorded_header *out)
{
    json_t *headers = json_object_get(request, "headers"), *h;
    size_t n = 0, i;

    json_array_foreach(headers, i, h)
    {
        const char *name = json_string_value(json_object_get(h, "name"));
        const char *value = json_string_value(json_object_get(h, "value"));

        if (name != NULL && value != NULL && n < HEADERS_MAX)
            out[n++] = (struct recorded_header){name, value};
    }
    return n;
}

/* One entry of a HAR; see read_object for what it gives. */
static int read_entry(json_t *entry, struct recorded *r, char *path,
                      char *origin, size_t origin_size,
                      struct recorded_header *headers)
{
    json_t *request = json_object_get(entry, "request");
    const char *method = json_string_value(json_object_get(request, "method"));
    const char *url = json_string_value(json_object_get(request, "url"));
    json_t *post = json_object_get(request, "postData");
    const char *scheme = url != NULL ? strstr(url, "://") : NULL;
    size_t n;

    if (method == NULL || url == NULL)
        return -1;
    read_time(json_object_get(entry, "startedDateTime"), r);
    r->status = read_status(
        json_object_get(json_object_get(entry, "response"), "status"));
    r->method = recorded_method(method, strlen(method));
    r->path = path;
    r->headers = headers;
    r->nheaders = read_headers(request, headers);
    r->body = json_string_value(json_object_get(post, "text"));
    if (scheme == NULL || strncmp(url, "http", 4) != 0)
        return 0; /* data:, blob:, ws: */
    n = (size_t)(scheme + 3 - url) + strcspn(scheme + 3, "/?#");
    if (n >= origin_size)
        return 0;
    memcpy(origin, url, n);
    origin[n] = '\0';
    r->origin = origin;
    return r->method != NULL &&
           recorded_path(url, strlen(url), path, RECORDED_PATH_MAX);
}

int recorded_read_har(const char *text, size_t len,
                      const struct recorded_sink *sink, struct err *err)
{
    struct recorded_header headers[HEADERS_MAX];
    struct import_summary *sum = sink->summary;
    char path[RECORDED_PATH_MAX], origin[512];
    json_error_t bad;
    json_t *root, *entries, *entry;
    size_t i;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    root = json_loadb(text, len, 0, &bad);
    if (root == NULL)
        return err_set(err, "line %d, column %d: not JSON: %s", bad.line,
                       bad.column, bad.text);
    entries = json_object_get(json_object_get(root, "log"), "entries");
    if (!json_is_array(entries)) {
        json_decref(root);
        return err_set(err, "not a HAR file: it has no log.entries");
    }
    json_array_foreach(entries, i, entry)
    {
        struct recorded r = {.line = (int)i + 1};
        int got = read_entry(entry, &r, path, origin, sizeof origin, headers);

        sum->lines++;
        if (got < 0 && sum->unread++ == 0)
            sum->first_unread = r.line;
        if (got == 0)
            sum->left_out++;
        if (got > 0 && sink->take(sink->user, &r) != 0)
            break;
    }
    json_decref(root);
    return 0;
}
