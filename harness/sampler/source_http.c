/* Endpoints that tell numbers: Prometheus text or JSON (Go's /debug/vars).
 * All are asked at once. A connection each time: one kept open would be one
 * of the descriptors we count.
 *
 * What Go says of its heap holds garbage. Where /debug/vars is, there is often
 * /debug/pprof/heap?gc=1 beside it, which collects before it answers: it is
 * asked first at each barrier. */
#include "harness/sampler/custom.h"

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/loopback.h"
#include "harness/base/mem.h"

#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS 1000
#define EXACT_MS 5000

struct endpoint {
    struct custom *custom;
    const struct scenario_target *target; /* whose allow_host counts */
    CURL *easy;
    struct buf body;
    char *host;
    char *collect; /* URL that makes it collect; NULL: there is none */
    bool refused;  /* not this machine, and not allowed */
    bool finished;
    CURLcode result;
};

struct http_source {
    CURLM *multi;
    struct custom *custom; /* `n` of each */
    struct endpoint *at;
    size_t n;
    const char **names;
};

static size_t take_body(char *bytes, size_t size, size_t n, void *user)
{
    struct endpoint *e = user;

    return buf_add(&e->body, bytes, size * n) == 0 ? size * n : 0;
}

static curl_socket_t open_socket(void *user, curlsocktype purpose,
                                 struct curl_sockaddr *a)
{
    struct endpoint *e = user;

    (void)purpose;
    if (!loopback_permits(&a->addr, e->host, e->target->allow_hosts,
                          e->target->nallow_hosts)) {
        e->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static char *host_of(const char *url)
{
    CURLU *u = curl_url();
    char *part = NULL, *host;

    if (u == NULL || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &part, 0) != CURLUE_OK)
        part = NULL;
    host = mem_strdup(part != NULL ? part : "");
    curl_free(part);
    curl_url_cleanup(u);
    return host;
}

/* The collecting URL beside .../debug/vars, or NULL. */
static char *collect_url(const char *url)
{
    static const char vars[] = "/debug/vars";
    size_t n = strlen(url), tail = sizeof vars - 1;

    if (n < tail || strcmp(url + n - tail, vars) != 0)
        return NULL;
    return mem_printf("%.*s/debug/pprof/heap?gc=1", (int)(n - tail), url);
}

static int endpoint_init(struct endpoint *e, struct custom *c,
                         const struct scenario_target *t, struct err *err)
{
    const char *url = c->source->what;

    e->custom = c;
    e->target = t;
    buf_init(&e->body, CUSTOM_TEXT);
    e->host = host_of(url);
    e->collect = collect_url(url);
    e->easy = curl_easy_init();
    if (e->easy == NULL || e->host[0] == '\0')
        return err_set(err, "http.%s: '%s' is no URL", c->source->name, url);
    curl_easy_setopt(e->easy, CURLOPT_URL, url);
    curl_easy_setopt(e->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e->easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(e->easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(e->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(e->easy, CURLOPT_WRITEDATA, e);
    curl_easy_setopt(e->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(e->easy, CURLOPT_OPENSOCKETDATA, e);
    curl_easy_setopt(e->easy, CURLOPT_PRIVATE, e);
    curl_easy_setopt(e->easy, CURLOPT_USERAGENT, "plateau/" PLATEAU_VERSION);
    if (!t->tls_verify) {
        curl_easy_setopt(e->easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(e->easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (t->tls_ca != NULL)
        curl_easy_setopt(e->easy, CURLOPT_CAINFO, t->tls_ca);
    return 0;
}

static void take_messages(struct http_source *s)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(s->multi, &left)) != NULL) {
        struct endpoint *e;

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &e);
        e->finished = true;
        e->result = msg->data.result;
    }
}

/* Asks every endpoint, or those that can collect to do so. */
static void ask_all(struct http_source *s, bool collect, bool exact,
                    int64_t deadline_ns)
{
    int64_t rest = (deadline_ns - clock_now_ns()) / CLOCK_NS_PER_MS;
    int running = 1;

    if (rest > (exact ? EXACT_MS : TICK_MS))
        rest = exact ? EXACT_MS : TICK_MS;
    if (rest < 1)
        rest = 1;
    for (size_t i = 0; i < s->n; i++) {
        buf_reset(&s->at[i].body);
        s->at[i].finished = s->at[i].refused = false;
        if (collect && s->at[i].collect == NULL)
            continue;
        curl_easy_setopt(s->at[i].easy, CURLOPT_URL,
                         collect ? s->at[i].collect
                                 : s->custom[i].source->what);
        curl_easy_setopt(s->at[i].easy, CURLOPT_TIMEOUT_MS, (long)rest);
        curl_multi_add_handle(s->multi, s->at[i].easy);
    }
    while (running > 0) {
        curl_multi_perform(s->multi, &running);
        if (running > 0)
            curl_multi_poll(s->multi, NULL, 0, 100, NULL);
    }
    take_messages(s);
    for (size_t i = 0; i < s->n; i++)
        curl_multi_remove_handle(s->multi, s->at[i].easy);
}

/* Collects where that can be asked for, and asks once in vain. */
static void collect_all(struct http_source *s, const struct source_host *host,
                        int64_t deadline_ns)
{
    bool any = false;

    for (size_t i = 0; i < s->n; i++)
        any |= s->at[i].collect != NULL;
    if (!any)
        return;
    ask_all(s, true, true, deadline_ns);
    for (size_t i = 0; i < s->n; i++) {
        struct endpoint *e = &s->at[i];
        long status = 0;

        curl_easy_getinfo(e->easy, CURLINFO_RESPONSE_CODE, &status);
        if (e->collect == NULL || !e->finished || status == 200)
            continue;
        free(e->collect);
        e->collect = NULL;
        host->note(host->host,
                   "http.%s: /debug/pprof is not served beside /debug/vars, "
                   "so Go's garbage stays in its counts and hides what leaks; "
                   "import net/http/pprof to have it collected at barriers",
                   e->custom->source->name);
    }
}

/* True when the answer can be used; else says why not, in words that do not
 * vary from time to time. */
static bool answered(struct endpoint *e, const struct source_host *host)
{
    const char *name = e->custom->source->name;
    long status = 0;

    curl_easy_getinfo(e->easy, CURLINFO_RESPONSE_CODE, &status);
    if (e->finished && e->result == CURLE_OK && status == 200)
        return true;
    if (e->refused)
        host->note(host->host,
                   "http.%s: %s is not this machine: name it in "
                   "target.allow_host",
                   name, e->host);
    else if (e->body.overflow)
        host->note(host->host, "http.%s: its answer is over %u MiB", name,
                   CUSTOM_TEXT >> 20);
    else if (e->finished && e->result == CURLE_OK)
        host->note(host->host, "http.%s: answered %ld", name, status);
    else
        host->note(host->host, "http.%s: %s", name,
                   curl_easy_strerror(e->finished ? e->result
                                                  : CURLE_OPERATION_TIMEDOUT));
    return false;
}

static void http_close(void *state)
{
    struct http_source *s = state;

    for (size_t i = 0; i < s->n; i++) {
        curl_easy_cleanup(s->at[i].easy);
        buf_release(&s->at[i].body);
        free(s->at[i].host);
        free(s->at[i].collect);
        custom_release(&s->custom[i]);
    }
    curl_multi_cleanup(s->multi);
    free(s->at);
    free(s->custom);
    free(s->names);
    free(s);
    curl_global_cleanup();
}

static int http_open(const struct source_host *host, void **state,
                     const char *const **names, size_t *n, struct err *err)
{
    const struct scenario_sample *sample = &host->scenario->sample;
    struct http_source *s = mem_zalloc(1, sizeof *s);

    *n = 0;
    *state = s;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    s->multi = curl_multi_init();
    s->custom = mem_zalloc(sample->ncustom, sizeof *s->custom);
    s->at = mem_zalloc(sample->ncustom, sizeof *s->at);
    for (size_t i = 0; i < sample->ncustom; i++) {
        struct custom *c = &s->custom[s->n];

        if (!sample->custom[i].http)
            continue;
        custom_init(c, &sample->custom[i], "http");
        s->n++;
        if (endpoint_init(&s->at[s->n - 1], c, &host->scenario->target, err) !=
            0) {
            http_close(s);
            return -1;
        }
    }
    /* The pilot decides the columns. */
    ask_all(s, false, true, INT64_MAX);
    for (size_t i = 0; i < s->n; i++) {
        struct endpoint *e = &s->at[i];
        bool fine = answered(e, host);

        custom_choose(&s->custom[i], host,
                      fine ? (char *)buf_str(&e->body) : NULL, e->body.len);
    }
    s->names = custom_names(s->custom, s->n, n);
    *names = s->names;
    return 0;
}

static void http_read(void *state, const struct source_host *host,
                      const struct source_read *how, double *v)
{
    struct http_source *s = state;

    if (how->exact)
        collect_all(s, host, how->deadline_ns);
    ask_all(s, false, how->exact, how->deadline_ns);
    for (size_t i = 0; i < s->n; i++) {
        struct endpoint *e = &s->at[i];

        for (size_t k = 0; k < s->custom[i].n; k++)
            v[k] = NAN;
        if (answered(e, host) && e->body.p != NULL)
            custom_fill(&s->custom[i], host, e->body.p, e->body.len, v);
        v += s->custom[i].n;
    }
}

const struct source_ops source_ops_http = {
    .name = "http",
    .cost = SOURCE_SLOW,
    .open = http_open,
    .read = http_read,
    .close = http_close,
};
