#include "harness/target/target.h"

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/ended.h"
#include "harness/base/mem.h"
#include "harness/target/attach.h"
#include "harness/target/guard.h"
#include "harness/target/orphans.h"
#include "harness/target/output.h"
#include "harness/target/ready.h"

#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#define WATCH_MS 200         /* how often an attached process is looked at */
#define GUARD_EXTRA_MS 15000 /* over the grace before we give it up */
#define TAIL_LINES 20

struct target {
    struct target_config cfg;
    const struct scenario_target *st;
    bool ours;
    char *label;
    struct attached attached;
    struct ready_check *ready;
    uv_timer_t timer; /* attached: the watch; ours: the stop's watchdog */
    int open;         /* uv handles, and the readiness check */

    uv_process_t guard;
    uv_pipe_t control;
    bool guard_alive, control_open;
    uv_write_t orders_req, stop_req;
    char *orders; /* kept until written */
    char line[256];
    size_t nline;
    struct proc_id main;
    int64_t guardian;
    int64_t started_ns;
    bool daemon; /* the first process ended well and left others */

    bool is_ready; /* TARGET_READY was told */
    bool over;     /* NOT_READY or EXITED was told */
    bool stopping, closed, abandoned;
    char left[64]; /* what could not be ended */
    char *tail;
};

static void emit(struct target *t, enum target_event what, const char *detail)
{
    if (!t->abandoned)
        t->cfg.on_event(t->cfg.user, what, detail);
}

/* ---- the target's last words ---- */

/* The last lines of the output: a failed start likes to quote the URL or the
 * password it was given. */
static char *masked_tail(const struct target *t, int lines)
{
    char *raw = output_tail(t->cfg.log_fd, lines);
    char *masked = scenario_mask(t->cfg.scenario, raw);

    free(raw);
    return masked;
}

const char *target_output_tail(struct target *t)
{
    free(t->tail);
    t->tail = masked_tail(t, TAIL_LINES);
    return t->tail;
}

/* Three letters in a row, of any script: a bracket that ends a traceback says
 * nothing. */
static bool has_word(const char *s)
{
    for (int letters = 0; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;

        letters = isalpha(c) || c >= 0x80 ? letters + 1 : 0;
        if (letters == 3)
            return true;
    }
    return false;
}

/* Appends the last line of the output that says something, be it the last at
 * all, as one short quotation. */
static void quote_output(struct target *t, struct buf *b)
{
    char *tail = masked_tail(t, TAIL_LINES), *line;
    char *last = masked_tail(t, 1);

    while ((line = strrchr(tail, '\n')) != NULL && !has_word(line))
        *line = '\0';
    line = line != NULL ? line + 1 : tail;
    if (!has_word(line))
        line = last;
    if (*line != '\0')
        buf_addf(b, "; its last line of output: %.300s", line);
    free(tail);
    free(last);
}

/* ---- how it goes ---- */

/* The service is no more, or never was: said once. */
static void tell_over(struct target *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void tell_over(struct target *t, const char *fmt, ...)
{
    char text[512];
    struct buf b;
    va_list ap;

    if (t->over || t->stopping)
        return;
    t->over = true;
    buf_init(&b, 1024);
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_adds(&b, text);
    if (t->ours)
        quote_output(t, &b);
    emit(t, t->is_ready ? TARGET_EXITED : TARGET_NOT_READY, buf_str(&b));
    buf_release(&b);
}

static void on_ready(void *user, bool ready, const char *detail)
{
    struct target *t = user;

    if (t->over || t->stopping)
        return;
    if (ready) {
        t->is_ready = true;
        emit(t, TARGET_READY, "");
        return;
    }
    tell_over(t, "not ready within %.3g s: %s",
              (double)t->st->ready.within_ns / CLOCK_NS_PER_S, detail);
}

static void await_ready(struct target *t)
{
    emit(t, TARGET_STARTED, t->label);
    if (t->stopping)
        return;
    if (t->st->url.host == NULL || t->st->ready.within_ns <= 0) {
        on_ready(t, true, "");
        return;
    }
    t->ready = ready_start(t->cfg.scenario, t->cfg.loop, on_ready, t);
    t->open++;
}

/* ---- closing ---- */

static void release(struct target *t)
{
    free(t->label);
    free(t->orders);
    free(t->tail);
    free(t);
    curl_global_cleanup();
}

static void one_closed(struct target *t)
{
    if (--t->open > 0)
        return;
    t->closed = true;
    if (t->abandoned)
        release(t);
    else
        emit(t, TARGET_STOPPED, t->left);
}

static void on_handle_closed(uv_handle_t *h)
{
    one_closed(h->data);
}

static void on_ready_closed(void *user)
{
    one_closed(user);
}

static void close_handle(uv_handle_t *h)
{
    if (!uv_is_closing(h))
        uv_close(h, on_handle_closed);
}

/* Everything of ours is asked to close; the last one tells. */
static void close_all(struct target *t)
{
    if (t->ready != NULL)
        ready_close(&t->ready, on_ready_closed, t);
    close_handle((uv_handle_t *)&t->timer);
    if (t->ours) {
        close_handle((uv_handle_t *)&t->control);
        close_handle((uv_handle_t *)&t->guard);
    }
}

/* ---- the guardian ---- */

static void on_line_exited(struct target *t, int status, bool left)
{
    char how[64];

    t->daemon = status == 0 && left;
    if (t->daemon)
        return; /* it put itself into the background */
    ended_text(status, how, sizeof how);
    tell_over(t, "the command %s%s %.1f s after its start%s",
              WIFSIGNALED(status) ? "was " : "", how,
              (double)(clock_now_ns() - t->started_ns) / CLOCK_NS_PER_S,
              t->is_ready ? "" : ", before it was ready");
}

static void on_line(struct target *t, const char *line)
{
    int64_t pid, start;
    int a, b;

    if (sscanf(line, "started %" SCNd64 " %" SCNd64, &pid, &start) == 2) {
        t->main = (struct proc_id){pid, start};
        t->started_ns = clock_now_ns();
        await_ready(t);
    } else if (sscanf(line, "failed %d", &a) == 1) {
        tell_over(t, "cannot start '%.200s': %s", t->st->argv[0], strerror(a));
    } else if (sscanf(line, "exited %d %d", &a, &b) == 2) {
        on_line_exited(t, a, b != 0);
    } else if (strcmp(line, "empty") == 0) {
        if (t->daemon)
            tell_over(t, "the last process of the command has ended");
    } else if (sscanf(line, "stopped %d", &a) == 1 && a > 0) {
        snprintf(t->left, sizeof t->left,
                 "%d processes of the target could not be ended", a);
    }
}

static void guard_gone(struct target *t)
{
    if (t->guard_alive || t->control_open)
        return;
    if (t->stopping)
        close_all(t);
}

static void on_control(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct target *t = s->data;

    for (ssize_t i = 0; i < n; i++) {
        if (buf->base[i] != '\n') {
            if (t->nline + 1 < sizeof t->line)
                t->line[t->nline++] = buf->base[i];
            continue;
        }
        t->line[t->nline] = '\0';
        t->nline = 0;
        on_line(t, t->line);
    }
    if (n < 0) {
        uv_read_stop(s);
        t->control_open = false;
        guard_gone(t);
    }
}

static void give_buffer(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    static char bytes[1024]; /* used up before the loop goes on */

    (void)h;
    (void)size;
    *buf = uv_buf_init(bytes, sizeof bytes);
}

static void on_guard_exit(uv_process_t *p, int64_t status, int sig)
{
    struct target *t = p->data;

    t->guard_alive = false;
    if (status != 0 || sig != 0) {
        orphans_kill(t->main);
        tell_over(t, "its guardian process was %s: the target was ended",
                  sig != 0 ? "killed" : "broken");
    }
    guard_gone(t);
}

static bool overridden(const struct scenario_target *st, const char *entry)
{
    for (size_t i = 0; i < st->nenv; i++) {
        size_t n = strlen(st->env[i].name);

        if (strncmp(entry, st->env[i].name, n) == 0 && entry[n] == '=')
            return true;
    }
    return false;
}

/* The message of guard.h. Gives bytes; 0 in *len: too long. */
static char *make_orders(const struct scenario_target *st, size_t *len)
{
    struct buf b;
    uint32_t n = 0;
    size_t argc = 0;

    while (st->argv[argc] != NULL)
        argc++;
    buf_init(&b, GUARD_ORDERS_MAX);
    buf_add(&b, &n, sizeof n);
    buf_addf(&b, "%lld%c", st->stop_grace_ns / CLOCK_NS_PER_MS, 0);
    buf_add(&b, st->cwd != NULL ? st->cwd : "",
            st->cwd != NULL ? strlen(st->cwd) + 1 : 1);
    buf_addf(&b, "%zu%c", argc, 0);
    for (size_t i = 0; i < argc; i++)
        buf_add(&b, st->argv[i], strlen(st->argv[i]) + 1);
    for (char **e = environ; *e != NULL; e++)
        if (!overridden(st, *e))
            buf_add(&b, *e, strlen(*e) + 1);
    for (size_t i = 0; i < st->nenv; i++)
        buf_addf(&b, "%s=%s%c", st->env[i].name, st->env[i].value, 0);
    *len = b.overflow ? 0 : b.len;
    n = (uint32_t)(b.len - sizeof n);
    memcpy(b.p, &n, sizeof n);
    return buf_take(&b);
}

static int spawn_guard(struct target *t, struct err *err)
{
    char name[] = "plateau", word[] = "__guard";
    char *args[] = {name, word, NULL};
    uv_stdio_container_t io[4] = {{.flags = UV_IGNORE}};
    uv_process_options_t o = {.file = "/proc/self/exe", .args = args};
    int rc;

    if (t->cfg.guard_program != NULL)
        o.file = t->cfg.guard_program;
    for (int i = 1; i <= 2; i++) {
        io[i].flags = t->cfg.log_fd >= 0 ? UV_INHERIT_FD : UV_IGNORE;
        io[i].data.fd = t->cfg.log_fd;
    }
    io[GUARD_FD].flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE;
    io[GUARD_FD].data.stream = (uv_stream_t *)&t->control;
    o.stdio = io;
    o.stdio_count = 4;
    o.exit_cb = on_guard_exit;
    o.flags = UV_PROCESS_DETACHED; /* out of a terminal's Ctrl-C */
    rc = uv_spawn(t->cfg.loop, &t->guard, &o);
    if (rc != 0)
        return err_set(err, "cannot start the target's guardian: %s",
                       uv_strerror(rc));
    t->guard_alive = t->control_open = true;
    t->guardian = uv_process_get_pid(&t->guard);
    return 0;
}

static int start_ours(struct target *t, struct err *err)
{
    uv_buf_t b;
    size_t len;

    t->orders = make_orders(t->st, &len);
    if (len == 0)
        return err_set(err, "the command and its environment are too long");
    /* A guardian that was killed must not take us along by SIGPIPE. */
    signal(SIGPIPE, SIG_IGN);
    uv_pipe_init(t->cfg.loop, &t->control, 0);
    t->control.data = t;
    t->guard.data = t;
    t->open++;
    if (spawn_guard(t, err) != 0) {
        close_handle((uv_handle_t *)&t->control);
        return -1;
    }
    t->open++;
    b = uv_buf_init(t->orders, (unsigned int)len);
    uv_write(&t->orders_req, (uv_stream_t *)&t->control, &b, 1, NULL);
    uv_read_start((uv_stream_t *)&t->control, give_buffer, on_control);
    return 0;
}

/* The address must be free, or the load would go to somebody else. */
static int check_free(struct target *t, struct err *err)
{
    int64_t pids[16];
    struct proc_stat st;
    char who[128] = "somebody else";

    if (t->st->url.host == NULL)
        return 0;
    switch (ready_probe(t->st, NULL, err)) {
    case -1:
        return -1;
    case 0:
        return 0;
    }
    if (procfs_listeners(t->st->url.port, pids, 16) > 0 &&
        procfs_stat(pids[0], &st) == 0)
        snprintf(who, sizeof who, "pid %" PRId64 " (%s)", pids[0], st.comm);
    return err_set(err,
                   "%s:%d is served by %s already: stop that, or attach to "
                   "it with target.port = %d instead of a command",
                   t->st->url.host, t->st->url.port, who, t->st->url.port);
}

/* ---- an attached target ---- */

static bool lives(const struct target *t)
{
    int64_t pid;

    if (t->attached.cgroup.version != 0) /* a restarted service is still it */
        return cgroup_pids(&t->attached.cgroup, &pid, 1) != 0;
    for (size_t i = 0; i < t->attached.nroots; i++)
        if (procfs_alive(t->attached.roots[i]))
            return true;
    return t->attached.nroots == 0; /* elsewhere: only its answers tell */
}

static void on_watch(uv_timer_t *timer)
{
    struct target *t = timer->data;

    if (!lives(t)) {
        uv_timer_stop(timer);
        tell_over(t, "%s has ended", t->label);
    }
}

static void on_attached(uv_timer_t *timer)
{
    struct target *t = timer->data;

    uv_timer_start(timer, on_watch, WATCH_MS, WATCH_MS);
    await_ready(t);
}

static int find_attached(struct target *t, struct err *err)
{
    bool here = false;

    if (t->st->url.host != NULL && ready_probe(t->st, &here, err) < 0)
        return -1;
    if (attach_find(t->st, here, &t->attached, err) != 0)
        return -1;
    t->label = mem_strdup(t->attached.label);
    uv_timer_start(&t->timer, on_attached, 0, 0);
    return 0;
}

/* ---- public ---- */

int target_open(const struct target_config *cfg, struct target **out,
                struct err *err)
{
    struct target *t = mem_zalloc(1, sizeof *t);
    int rc;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    t->cfg = *cfg;
    t->st = &cfg->scenario->target;
    t->ours = t->st->command != NULL;
    uv_timer_init(cfg->loop, &t->timer);
    t->timer.data = t;
    t->open = 1;
    if (t->ours) {
        t->label = scenario_mask(cfg->scenario, t->st->command);
        rc = check_free(t, err);
        if (rc == 0)
            rc = start_ours(t, err);
    } else {
        rc = find_attached(t, err);
    }
    if (rc != 0) {
        /* Frees itself when the loop has closed what was opened. */
        t->abandoned = true;
        close_handle((uv_handle_t *)&t->timer);
        return -1;
    }
    *out = t;
    return 0;
}

size_t target_roots(const struct target *t, struct proc_id *out, size_t max,
                    int64_t *guardian)
{
    size_t n = t->ours ? t->main.pid > 0 : t->attached.nroots;
    const struct proc_id *from = t->ours ? &t->main : t->attached.roots;

    *guardian = t->guardian;
    if (n > max)
        n = max;
    memcpy(out, from, n * sizeof *out);
    return n;
}

const char *target_cgroup(const struct target *t)
{
    return t->attached.cgroup.version != 0 ? t->attached.cgroup.dir : NULL;
}

bool target_is_ours(const struct target *t)
{
    return t->ours;
}

const char *target_label(const struct target *t)
{
    return t->label;
}

/* The guardian does not answer: it was stopped, or hangs in the kernel. */
static void on_watchdog(uv_timer_t *timer)
{
    struct target *t = timer->data;

    uv_process_kill(&t->guard, SIGKILL);
    orphans_kill(t->main);
}

void target_stop(struct target *t)
{
    static char stop = GUARD_STOP;
    uv_buf_t b = uv_buf_init(&stop, 1);

    if (t->stopping)
        return;
    t->stopping = true;
    if (!t->ours || (!t->guard_alive && !t->control_open)) {
        close_all(t);
        return;
    }
    if (t->ready != NULL)
        ready_close(&t->ready, on_ready_closed, t);
    uv_write(&t->stop_req, (uv_stream_t *)&t->control, &b, 1, NULL);
    uv_timer_start(
        &t->timer, on_watchdog,
        (uint64_t)(t->st->stop_grace_ns / CLOCK_NS_PER_MS) + GUARD_EXTRA_MS, 0);
}

void target_close(struct target **t)
{
    if (*t == NULL)
        return;
    assert((*t)->closed);
    release(*t);
    *t = NULL;
}
