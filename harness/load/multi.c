#include "harness/load/multi.h"

#include "harness/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/* A watched socket. */
struct watch {
    uv_poll_t poll;
    struct multi *m;
    int fd;
    int events;                         /* polled for; 0: asleep */
    bool interested;                    /* libcurl wants to hear of it */
    void (*fn)(void *user, int events); /* who took it over; NULL: libcurl */
    void *user;
};

struct multi {
    uv_loop_t *loop;
    CURLM *curlm;
    uv_timer_t timer;
    uv_idle_t kick; /* runs when libcurl wants to be called at once */
    bool keep;
    void (*done)(void *user, CURL *easy, CURLcode rc);
    void *user;
    struct watch **watches; /* by descriptor */
    size_t nwatches;
    int sockets;
    int open_handles; /* of the loop, until closed */
    void (*closed)(void *user);
    void *closed_user;
};

CURLM *multi_curlm(struct multi *m)
{
    return m->curlm;
}

int multi_sockets(const struct multi *m)
{
    return m->sockets;
}

/* ---- libcurl's side ---- */

static void read_messages(struct multi *m)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(m->curlm, &left)) != NULL) {
        CURLcode rc = msg->data.result;
        CURL *easy = msg->easy_handle;

        if (msg->msg != CURLMSG_DONE)
            continue;
        if (!m->keep)
            curl_multi_remove_handle(m->curlm, easy);
        m->done(m->user, easy, rc);
    }
}

/* Lets libcurl act on `fd`, and reads what that finished. */
static void drive(struct multi *m, curl_socket_t fd, int mask)
{
    int running;

    curl_multi_socket_action(m->curlm, fd, mask, &running);
    read_messages(m);
}

static void on_timer(uv_timer_t *timer)
{
    drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_kick(uv_idle_t *kick)
{
    uv_idle_stop(kick);
    drive(kick->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_multi_timer(CURLM *curlm, long timeout_ms, void *user)
{
    struct multi *m = user;

    (void)curlm;
    if (m->closed != NULL)
        return 0;
    uv_timer_stop(&m->timer);
    if (timeout_ms == 0) {
        uv_idle_start(&m->kick, on_kick);
    } else if (timeout_ms > 0) {
        uv_update_time(m->loop);
        uv_timer_start(&m->timer, on_timer, (uint64_t)timeout_ms + 1, 0);
    }
    return 0;
}

/* ---- sockets ---- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    int mask = status < 0 ? CURL_CSELECT_ERR : 0;

    if (w->fn != NULL) {
        /* An error is found by reading. */
        w->fn(w->user, status < 0 ? UV_READABLE : events);
        return;
    }
    if (!w->interested) {
        uv_poll_stop(poll);
        w->events = 0;
        return;
    }
    if (events & UV_READABLE)
        mask |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        mask |= CURL_CSELECT_OUT;
    drive(w->m, w->fd, mask);
}

static struct watch *watch_of(struct multi *m, int fd)
{
    return fd >= 0 && (size_t)fd < m->nwatches ? m->watches[fd] : NULL;
}

static void end_of_handle(struct multi *m)
{
    void (*closed)(void *) = m->closed;
    void *user = m->closed_user;

    if (--m->open_handles > 0 || closed == NULL)
        return;
    free(m->watches);
    free(m);
    closed(user);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *w = handle->data;
    struct multi *m = w->m;

    free(w);
    end_of_handle(m);
}

static struct watch *watch_add(struct multi *m, int fd)
{
    struct watch *w = mem_zalloc(1, sizeof *w);

    if ((size_t)fd >= m->nwatches) {
        size_t n = (size_t)fd + 64;

        m->watches = mem_realloc(m->watches, n, sizeof *m->watches);
        memset(m->watches + m->nwatches, 0,
               (n - m->nwatches) * sizeof *m->watches);
        m->nwatches = n;
    }
    w->m = m;
    w->fd = fd;
    w->poll.data = w;
    if (uv_poll_init(m->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    m->watches[fd] = w;
    m->open_handles++;
    m->sockets++;
    return w;
}

static void watch_end(struct watch *w)
{
    w->m->watches[w->fd] = NULL;
    w->m->sockets--;
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

void watch_for(struct watch *w, int events)
{
    if (w->events == events)
        return;
    w->events = events;
    uv_poll_start(&w->poll, events, on_poll);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user,
                     void *unused)
{
    struct multi *m = user;
    struct watch *w = watch_of(m, fd);
    int events = 0;

    (void)easy;
    (void)unused;
    if (what == CURL_POLL_REMOVE) {
        if (w == NULL)
            return 0;
        w->interested = false;
        /* Still connecting: it may be closed next without a word. */
        if (w->events == UV_WRITABLE)
            watch_end(w);
        return 0;
    }
    if (w == NULL)
        w = watch_add(m, fd);
    if (w == NULL)
        return -1;
    if (what != CURL_POLL_OUT)
        events |= UV_READABLE;
    if (what != CURL_POLL_IN)
        events |= UV_WRITABLE;
    w->interested = true;
    watch_for(w, events);
    return 0;
}

struct watch *multi_take_watch(struct multi *m, int fd,
                               void (*fn)(void *user, int events), void *user)
{
    struct watch *w = watch_of(m, fd);

    if (w == NULL)
        w = watch_add(m, fd);
    if (w == NULL)
        return NULL;
    w->fn = fn;
    w->user = user;
    watch_for(w, UV_READABLE);
    return w;
}

void multi_opened_socket(struct multi *m, curl_socket_t fd)
{
    struct watch *stale = watch_of(m, fd), *w;
    int events;

    if (stale == NULL)
        return;
    /* The number is that of a socket closed in silence. If libcurl has not
       noticed the difference, it will not ask for a watch again. */
    events = stale->interested ? stale->events : 0;
    watch_end(stale);
    if (events == 0 || (w = watch_add(m, fd)) == NULL)
        return;
    w->interested = true;
    watch_for(w, events);
}

/* The watch must end before its descriptor does. */
int multi_close_socket(void *multi, curl_socket_t fd)
{
    struct multi *m = multi;
    struct watch *w = watch_of(m, fd);

    if (w != NULL)
        watch_end(w);
    return close(fd);
}

/* ---- life ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    end_of_handle(handle->data);
}

void multi_close(struct multi *m, void (*closed)(void *user), void *user)
{
    m->closed = closed;
    m->closed_user = user;
    curl_multi_cleanup(m->curlm);
    for (size_t i = 0; i < m->nwatches; i++)
        if (m->watches[i] != NULL)
            watch_end(m->watches[i]);
    uv_close((uv_handle_t *)&m->timer, on_handle_closed);
    uv_close((uv_handle_t *)&m->kick, on_handle_closed);
}

struct multi *multi_open(struct uv_loop_s *loop, bool keep,
                         void (*done)(void *user, CURL *easy, CURLcode rc),
                         void *user, struct err *err)
{
    struct multi *m = mem_zalloc(1, sizeof *m);

    m->loop = loop;
    m->keep = keep;
    m->done = done;
    m->user = user;
    m->curlm = curl_multi_init();
    if (m->curlm == NULL) {
        free(m);
        err_set(err, "libcurl: no memory for a multi handle");
        return NULL;
    }
    uv_timer_init(loop, &m->timer);
    uv_idle_init(loop, &m->kick);
    m->timer.data = m->kick.data = m;
    m->open_handles = 2;
    curl_multi_setopt(m->curlm, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(m->curlm, CURLMOPT_SOCKETDATA, m);
    curl_multi_setopt(m->curlm, CURLMOPT_TIMERFUNCTION, on_multi_timer);
    curl_multi_setopt(m->curlm, CURLMOPT_TIMERDATA, m);
    return m;
}
