#include "harness/target/ready.h"

#include "harness/base/clock.h"
#include "harness/base/loopback.h"
#include "harness/base/mem.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#define BETWEEN_MS 100
#define ATTEMPT_MS 5000 /* a slow first answer is an answer */
#define PROBE_MS 1000

struct ready_check {
    const struct scenario *sc;
    uv_loop_t *loop;
    ready_done_fn *done;
    void *user;
    uv_timer_t timer;
    uv_work_t work;
    bool working, closing, timer_closed;
    int64_t deadline_ns;
    char *url;
    /* The attempt's, written by the pool's thread before it ends. */
    atomic_bool give_up;
    bool answered;
    char detail[256];
    void (*closed)(void *user);
    void *closed_user;
};

/* ---- a plain connection ---- */

/* An address bound by a throw-away socket is one of this machine's. */
static bool is_here(const struct addrinfo *a)
{
    struct sockaddr_storage sa = {0};
    bool here;
    int fd;

    if (loopback_address(a->ai_addr))
        return true;
    memcpy(&sa, a->ai_addr, a->ai_addrlen);
    if (sa.ss_family == AF_INET)
        ((struct sockaddr_in *)&sa)->sin_port = 0;
    else if (sa.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&sa)->sin6_port = 0;
    else
        return false;
    fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    here = bind(fd, (struct sockaddr *)&sa, a->ai_addrlen) == 0;
    close(fd);
    return here;
}

/* 0 or an errno. */
static int connect_to(const struct addrinfo *a)
{
    int fd =
        socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t len = sizeof(int);
    int e = 0;

    if (fd < 0)
        return errno;
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0)
        e = errno;
    if (e == EINPROGRESS) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int n = poll(&p, 1, PROBE_MS);

        if (n == 0)
            e = ETIMEDOUT;
        else if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) != 0)
            e = errno;
    }
    close(fd);
    return e;
}

static int resolve(const struct url *url, struct addrinfo **out,
                   struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char port[16];
    int rc;

    snprintf(port, sizeof port, "%d", url->port);
    rc = getaddrinfo(url->host, port, &hints, out);
    if (rc != 0)
        return err_set(err, "%s: %s", url->host,
                       rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
    return 0;
}

static bool permitted(const struct scenario_target *t,
                      const struct sockaddr *sa)
{
    return loopback_permits(sa, t->url.host, t->allow_hosts, t->nallow_hosts);
}

int ready_probe(const struct scenario_target *t, bool *here, struct err *err)
{
    struct addrinfo *list = NULL;
    bool any = false, own = false;
    int served = 0;

    if (resolve(&t->url, &list, err) != 0)
        return -1;
    for (struct addrinfo *a = list; a != NULL && !served; a = a->ai_next) {
        if (!permitted(t, a->ai_addr))
            continue;
        any = true;
        own |= is_here(a);
        served = connect_to(a) == 0;
    }
    freeaddrinfo(list);
    if (!any)
        return err_set(err,
                       "%s is not this machine: name it in target.allow_host "
                       "to send load there",
                       t->url.host);
    if (here != NULL)
        *here = own;
    return served;
}

static void attempt_connection(struct ready_check *r)
{
    struct err err = {"nobody listens there yet"};

    r->answered = ready_probe(&r->sc->target, NULL, &err) == 1;
    snprintf(r->detail, sizeof r->detail, "%.250s", err.msg);
}

/* ---- a request ---- */

/* Only the status matters; an endless answer must not hold us. */
static size_t drop(char *bytes, size_t size, size_t n, void *user)
{
    size_t *left = user;

    (void)bytes;
    if (size * n > *left)
        return 0;
    *left -= size * n;
    return size * n;
}

static curl_socket_t open_socket(void *user, curlsocktype purpose,
                                 struct curl_sockaddr *a)
{
    const struct ready_check *r = user;

    (void)purpose;
    if (!permitted(&r->sc->target, &a->addr))
        return CURL_SOCKET_BAD;
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static CURL *make_request(struct ready_check *r, size_t *left, char *why)
{
    const struct scenario_target *t = &r->sc->target;
    int64_t rest_ms = (r->deadline_ns - clock_now_ns()) / CLOCK_NS_PER_MS;
    CURL *c = curl_easy_init();

    if (c == NULL)
        return NULL;
    if (rest_ms > ATTEMPT_MS)
        rest_ms = ATTEMPT_MS;
    else if (rest_ms < PROBE_MS / 2)
        rest_ms = PROBE_MS / 2;
    curl_easy_setopt(c, CURLOPT_URL, r->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)rest_ms);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, left);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, r);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "plateau/" PLATEAU_VERSION);
    if (strcmp(t->ready.method, "HEAD") == 0)
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else if (strcmp(t->ready.method, "GET") != 0)
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, t->ready.method);
    if (!t->tls_verify) {
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (t->tls_ca != NULL)
        curl_easy_setopt(c, CURLOPT_CAINFO, t->tls_ca);
    if (r->sc->load.http == HTTP_2 && !t->url.tls)
        curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
                         (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
    return c;
}

/* Runs the transfer to its end, or until give_up is set. Through a multi,
 * because an easy transfer looks at its abort callback once a second only. */
static CURLcode perform(struct ready_check *r, CURL *c)
{
    CURLM *m = curl_multi_init();
    CURLcode rc = CURLE_ABORTED_BY_CALLBACK;
    int running = 1, left;
    CURLMsg *msg;

    if (m == NULL)
        return CURLE_OUT_OF_MEMORY;
    curl_multi_add_handle(m, c);
    while (running > 0 && !atomic_load(&r->give_up)) {
        curl_multi_perform(m, &running);
        if (running > 0)
            curl_multi_poll(m, NULL, 0, 50, NULL);
    }
    msg = curl_multi_info_read(m, &left);
    if (msg != NULL && msg->msg == CURLMSG_DONE)
        rc = msg->data.result;
    curl_multi_remove_handle(m, c);
    curl_multi_cleanup(m);
    return rc;
}

static void attempt_request(struct ready_check *r)
{
    char why[CURL_ERROR_SIZE] = "";
    size_t left = 1 << 20;
    CURL *c = make_request(r, &left, why);
    long status = 0;
    CURLcode rc;

    if (c == NULL)
        return;
    rc = perform(r, c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(c);
    r->answered = status >= 200 && status < 400 &&
                  (rc == CURLE_OK || rc == CURLE_WRITE_ERROR);
    if (status > 0 && !r->answered && rc == CURLE_OK)
        snprintf(r->detail, sizeof r->detail, "%s %.150s answered %ld",
                 r->sc->target.ready.method, r->url, status);
    else if (!r->answered)
        snprintf(r->detail, sizeof r->detail, "%s %.150s: %.80s",
                 r->sc->target.ready.method, r->url,
                 rc == CURLE_COULDNT_CONNECT ? "nobody listens there yet"
                 : why[0] != '\0'            ? why
                                             : curl_easy_strerror(rc));
}

/* ---- the polling ---- */

static void on_work(uv_work_t *work)
{
    struct ready_check *r = work->data;

    if (r->sc->target.ready.path != NULL)
        attempt_request(r);
    else
        attempt_connection(r);
}

static void free_when_closed(struct ready_check *r)
{
    if (r->working || !r->timer_closed)
        return;
    if (r->closed != NULL)
        r->closed(r->closed_user);
    free(r->url);
    free(r);
}

static void on_timer(uv_timer_t *timer);

static void after_work(uv_work_t *work, int status)
{
    struct ready_check *r = work->data;

    (void)status;
    r->working = false;
    if (r->closing) {
        free_when_closed(r);
        return;
    }
    if (r->answered || clock_now_ns() >= r->deadline_ns)
        r->done(r->user, r->answered, r->detail);
    else
        uv_timer_start(&r->timer, on_timer, BETWEEN_MS, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct ready_check *r = timer->data;

    r->answered = false;
    r->working = uv_queue_work(r->loop, &r->work, on_work, after_work) == 0;
    if (!r->working)
        uv_timer_start(&r->timer, on_timer, BETWEEN_MS, 0);
}

struct ready_check *ready_start(const struct scenario *sc,
                                struct uv_loop_s *loop, ready_done_fn *done,
                                void *user)
{
    const struct url *url = &sc->target.url;
    bool v6 = strchr(url->host, ':') != NULL;
    struct ready_check *r = mem_zalloc(1, sizeof *r);

    r->sc = sc;
    r->loop = loop;
    r->done = done;
    r->user = user;
    r->deadline_ns = clock_now_ns() + sc->target.ready.within_ns;
    atomic_init(&r->give_up, false);
    if (sc->target.ready.path != NULL)
        r->url = mem_printf("http%s://%s%s%s:%d%s%s", url->tls ? "s" : "",
                            v6 ? "[" : "", url->host, v6 ? "]" : "", url->port,
                            url->base != NULL ? url->base : "",
                            sc->target.ready.path);
    r->work.data = r;
    uv_timer_init(loop, &r->timer);
    r->timer.data = r;
    uv_timer_start(&r->timer, on_timer, 0, 0);
    return r;
}

static void on_closed(uv_handle_t *timer)
{
    struct ready_check *r = timer->data;

    r->timer_closed = true;
    free_when_closed(r);
}

void ready_close(struct ready_check **r, void (*closed)(void *user), void *user)
{
    struct ready_check *c = *r;

    *r = NULL;
    c->closing = true;
    c->closed = closed;
    c->closed_user = user;
    atomic_store(&c->give_up, true);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}
