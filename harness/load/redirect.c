/* Following redirects: hop by hop, each target checked before it is used. */
#include "harness/load/address.h"
#include "harness/load/run.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

/* The absolute URL of the request that was answered. */
static CURLU *current_url(const struct run *r, const struct url *origin)
{
    CURLU *u = curl_url();
    char port[16];

    if (u == NULL)
        return NULL;
    if (r->t.url != NULL) {
        if (curl_url_set(u, CURLUPART_URL, r->t.url, 0) == CURLUE_OK)
            return u;
    } else {
        char host[300];

        snprintf(host, sizeof host, strchr(origin->host, ':') ? "[%s]" : "%s",
                 origin->host);
        snprintf(port, sizeof port, "%d", origin->port);
        if (curl_url_set(u, CURLUPART_SCHEME, origin->tls ? "https" : "http",
                         0) == CURLUE_OK &&
            curl_url_set(u, CURLUPART_HOST, host, 0) == CURLUE_OK &&
            curl_url_set(u, CURLUPART_PORT, port, 0) == CURLUE_OK &&
            curl_url_set(u, CURLUPART_URL, r->t.target, 0) == CURLUE_OK)
            return u;
    }
    curl_url_cleanup(u);
    return NULL;
}

static bool part_is(CURLU *u, CURLUPart part, const char *want)
{
    char *text = NULL;
    bool same = curl_url_get(u, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                strcasecmp(text, want) == 0;

    curl_free(text);
    return same;
}

static bool same_origin(CURLU *u, const struct url *origin)
{
    char host[300], port[16];

    snprintf(host, sizeof host, strchr(origin->host, ':') ? "[%s]" : "%s",
             origin->host);
    snprintf(port, sizeof port, "%d", origin->port);
    return part_is(u, CURLUPART_SCHEME, origin->tls ? "https" : "http") &&
           part_is(u, CURLUPART_HOST, host) && part_is(u, CURLUPART_PORT, port);
}

static bool host_allowed(CURLU *u, const struct scenario *sc)
{
    char *host = NULL;
    bool ok = false;

    if (curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        size_t n = strlen(host);

        if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
            memmove(host, host + 1, n - 2);
            host[n - 2] = '\0';
        }
        ok =
            address_is_loopback_name(host) || address_is_allowed_host(sc, host);
    }
    curl_free(host);
    return ok && (part_is(u, CURLUPART_SCHEME, "http") ||
                  part_is(u, CURLUPART_SCHEME, "https"));
}

/* Path and query of `u` into r->target. */
static int set_target(struct run *r, CURLU *u)
{
    char *path = NULL, *query = NULL;
    int rc = -1;

    buf_reset(&r->url);
    if (curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK)
        goto out;
    curl_url_get(u, CURLUPART_QUERY, &query, 0);
    /* r->t.target may point into r->target: by way of another buffer. */
    if (buf_adds(&r->url, path) != 0 ||
        (query != NULL && buf_addf(&r->url, "?%s", query) != 0))
        goto out;
    buf_reset(&r->target);
    rc = buf_add(&r->target, r->url.p, r->url.len);
    r->t.target = buf_str(&r->target);
    r->t.target_len = r->target.len;
    r->t.url = NULL;
out:
    curl_free(path);
    curl_free(query);
    return rc;
}

/* The next hop goes elsewhere: no credentials, no cookies, no body's type. */
static int set_foreign(struct run *r, struct traffic *tr, CURLU *u)
{
    const struct prepared *p = &tr->requests[r->request];
    char *text = NULL;
    int rc = -1;

    if (set_target(r, u) != 0 ||
        curl_url_get(u, CURLUPART_URL, &text, 0) != CURLUE_OK)
        goto out;
    buf_reset(&r->url);
    if (buf_adds(&r->url, text) != 0)
        goto out;
    r->t.url = buf_str(&r->url);
    r->t.host = NULL;
    r->t.headers = p->defaults;
    r->t.headers_len = strlen(p->defaults);
    rc = 0;
out:
    curl_free(text);
    return rc;
}

static void set_method(struct run *r)
{
    int s = r->t.status;
    bool post = strcmp(r->t.method, "POST") == 0;

    if (strcmp(r->t.method, "HEAD") == 0 ||
        !(s == 303 || ((s == 301 || s == 302) && post)))
        return;
    r->t.method = "GET";
    r->t.has_body = false;
    r->t.body = NULL;
    r->t.body_len = 0;
}

/* The same origin again: the cookies are those of the new path. */
static int set_cookies(struct run *r, struct traffic *tr)
{
    const struct prepared *p = &tr->requests[r->request];
    size_t keep;

    if (r->jar == NULL)
        return 0;
    /* Everything before the Cookie line that run_render added last. */
    keep = r->headers.len;
    for (size_t i = 0; i + 7 < r->headers.len; i++)
        if ((i == 0 || r->headers.p[i - 1] == '\n') &&
            strncmp(r->headers.p + i, "Cookie:", 7) == 0)
            keep = i;
    if (p->headers != NULL)
        keep = p->headers_len;
    r->headers.len = keep;
    if (jar_write(r->jar, r->t.target, r->t.target_len, &r->headers) != 0)
        return -1;
    r->t.headers = buf_str(&r->headers);
    r->t.headers_len = r->headers.len;
    return 0;
}

int run_redirect(struct run *r, struct traffic *tr)
{
    const struct scenario *sc = tr->sc;
    const struct transfer *t = &r->t;
    const char *value;
    char *location = NULL;
    CURLU *u = NULL;
    size_t len;
    int rc = -1;

    if (sc->load.redirects <= 0 || t->error != TRANSFER_OK ||
        !is_redirect(t->status))
        return 0;
    value =
        header_find(t->keep_headers, t->kept_headers, "Location", &len, NULL);
    if (value == NULL)
        return 0;
    /* An expected redirect is an answer, not a way. */
    if (tr->requests[r->request].rq->expect.nstatus > 0 &&
        expect_status(&tr->requests[r->request].rq->expect, t->status))
        return 0;
    r->t.identity = 0; /* whatever becomes of it */
    location = strndup(value, len);
    u = current_url(r, &sc->target.url);
    if (r->hops++ >= sc->load.redirects || location == NULL || u == NULL ||
        curl_url_set(u, CURLUPART_URL, location, 0) != CURLUE_OK ||
        !host_allowed(u, sc))
        goto out;
    if (same_origin(u, &sc->target.url)) {
        /* Back from elsewhere, the headers stay those without credentials. */
        bool was_foreign = t->url != NULL;

        if (set_target(r, u) != 0 || (!was_foreign && set_cookies(r, tr) != 0))
            goto out;
    } else if (set_foreign(r, tr, u) != 0) {
        goto out;
    }
    set_method(r);
    rc = 1;
out:
    if (rc < 0)
        r->t.error = TRANSFER_REDIRECT;
    free(location);
    curl_url_cleanup(u);
    return rc;
}
