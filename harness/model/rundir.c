#include "harness/model/rundir.h"

#include "harness/base/clock.h"
#include "harness/base/escape.h"
#include "harness/base/file.h"
#include "harness/base/jsonw.h"
#include "harness/base/mem.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROW_MAX (1u << 20)
#define EVENT_MAX 8192

struct rundir_table {
    struct rundir *rd;
    char *file;
    int fd;
    size_t columns;
    bool dead;       /* a write failed: a row may be torn, add none behind */
    struct buf line; /* the row being put together */
};

struct rundir {
    char *path;
    pthread_mutex_t lock; /* guards events, documents and `failure` */
    int events_fd;
    bool events_dead;
    struct buf event;
    rundir_event_fn listener; /* NULL: nobody listens */
    void *listener_ctx;
    struct err failure;
    atomic_bool failed; /* `failure` is set and changes no more */
    struct rundir_table **tables;
    size_t ntables, tables_cap;
};

static void fail(struct rundir *rd, const char *file, int error)
{
    pthread_mutex_lock(&rd->lock);
    if (!atomic_load(&rd->failed)) {
        err_set(&rd->failure, "%s/%s: %s", rd->path, file, strerror(error));
        atomic_store(&rd->failed, true);
    }
    pthread_mutex_unlock(&rd->lock);
}

/* Writes all of `b` in one write(2). A short write leaves a torn row, which
 * only the end of a file may have. Returns 0 or an errno. */
static int append(int fd, const struct buf *b)
{
    ssize_t put;

    do {
        put = write(fd, b->p, b->len);
    } while (put < 0 && errno == EINTR);
    if (put < 0)
        return errno;
    return (size_t)put == b->len ? 0 : ENOSPC;
}

/* ---- the directory ---- */

static char *file_name_part(const char *name)
{
    char *s = mem_strndup(name != NULL && *name != '\0' ? name : "run", 80);

    for (char *c = s; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("._-", *c) == NULL)
            *c = '-';
    if (s[0] == '.')
        s[0] = '-';
    return s;
}

/* Makes runs/<name>-<UTC>[-n]; gives the path, or NULL. */
static char *make_stamped(const char *name, struct err *err)
{
    char stamp[32];
    char *part = file_name_part(name);
    char *path = NULL;

    if (file_mkdirs("runs", err) != 0)
        goto out;
    clock_wall_stamp(stamp);
    for (int i = 1; i <= 1000; i++) {
        path = i == 1 ? mem_printf("runs/%s-%s", part, stamp)
                      : mem_printf("runs/%s-%s-%d", part, stamp, i);
        if (mkdir(path, 0777) == 0)
            goto out;
        if (errno != EEXIST) {
            err_set(err, "%s: %s", path, strerror(errno));
            free(path);
            path = NULL;
            goto out;
        }
        free(path);
        path = NULL;
    }
    err_set(err, "runs/%s-%s: a thousand such directories exist", part, stamp);
out:
    free(part);
    return path;
}

static int check_empty(const char *path, struct err *err)
{
    DIR *d = opendir(path);
    const struct dirent *e;
    int rc = 0;

    if (d == NULL)
        return err_set(err, "%s: %s", path, strerror(errno));
    while (rc == 0 && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = err_set(err,
                         "%s: the output directory is not empty; name another "
                         "one or remove it",
                         path);
    closedir(d);
    return rc;
}

int rundir_may_be(const char *out_dir, struct err *err)
{
    return file_exists(out_dir) ? check_empty(out_dir, err) : 0;
}

int rundir_create(const char *out_dir, const char *name, struct rundir **out,
                  struct err *err)
{
    struct rundir *rd;
    char *path;

    if (out_dir == NULL) {
        path = make_stamped(name, err);
        if (path == NULL)
            return -1;
    } else {
        if (file_mkdirs(out_dir, err) != 0 || check_empty(out_dir, err) != 0)
            return -1;
        path = mem_strdup(out_dir);
    }
    rd = mem_zalloc(1, sizeof *rd);
    rd->path = path;
    rd->events_fd = -1;
    pthread_mutex_init(&rd->lock, NULL);
    buf_init(&rd->event, EVENT_MAX);
    rd->events_fd = rundir_open_log(rd, "events.ndjson", err);
    if (rd->events_fd < 0) {
        rundir_close(&rd);
        return -1;
    }
    *out = rd;
    return 0;
}

const char *rundir_path(const struct rundir *rd)
{
    return rd->path;
}

int rundir_open_log(struct rundir *rd, const char *file, struct err *err)
{
    char *path = file_join(rd->path, file);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

    if (fd < 0)
        err_set(err, "%s: %s", path, strerror(errno));
    free(path);
    return fd;
}

const char *rundir_failed(const struct rundir *rd)
{
    return atomic_load(&rd->failed) ? rd->failure.msg : NULL;
}

void rundir_close(struct rundir **rdp)
{
    struct rundir *rd = *rdp;

    *rdp = NULL;
    if (rd == NULL)
        return;
    for (size_t i = 0; i < rd->ntables; i++) {
        close(rd->tables[i]->fd);
        buf_release(&rd->tables[i]->line);
        free(rd->tables[i]->file);
        free(rd->tables[i]);
    }
    free(rd->tables);
    if (rd->events_fd >= 0)
        close(rd->events_fd);
    buf_release(&rd->event);
    pthread_mutex_destroy(&rd->lock);
    free(rd->path);
    free(rd);
}

/* ---- tables ---- */

static int end_row(struct rundir_table *t)
{
    int error;

    buf_addc(&t->line, '\n');
    if (t->dead)
        return -1;
    error = t->line.overflow ? E2BIG : append(t->fd, &t->line);
    if (error == 0)
        return 0;
    t->dead = true;
    fail(t->rd, t->file, error);
    return -1;
}

int rundir_table(struct rundir *rd, const char *file,
                 const char *const *columns, size_t n,
                 struct rundir_table **out, struct err *err)
{
    int fd = rundir_open_log(rd, file, err);
    struct rundir_table *t;

    if (fd < 0)
        return -1;
    t = mem_zalloc(1, sizeof *t);
    *t = (struct rundir_table){
        .rd = rd, .file = mem_strdup(file), .fd = fd, .columns = n};
    buf_init(&t->line, ROW_MAX);
    pthread_mutex_lock(&rd->lock);
    rd->tables = mem_grow(rd->tables, rd->ntables, &rd->tables_cap,
                          sizeof(struct rundir_table *));
    rd->tables[rd->ntables++] = t;
    pthread_mutex_unlock(&rd->lock);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_addc(&t->line, ',');
        escape_csv(&t->line, columns[i], strlen(columns[i]));
    }
    if (end_row(t) != 0)
        return err_set(err, "%s", rd->failure.msg);
    *out = t;
    return 0;
}

static void add_number(struct buf *b, double v)
{
    size_t from = b->len;

    if (!isfinite(v))
        return;
    if (v == floor(v)) {
        buf_addf(b, "%.0f", v == 0 ? 0.0 : v);
        return;
    }
    buf_addf(b, "%.6f", v);
    if (b->overflow)
        return;
    while (b->p[b->len - 1] == '0')
        b->len--;
    if (b->p[b->len - 1] == '.')
        b->len--;
    b->p[b->len] = '\0';
    if (strcmp(b->p + from, "-0") == 0) /* was below the sixth decimal */
        b->len = from, buf_addc(b, '0');
}

int rundir_row(struct rundir_table *t, const char *const *cells, size_t n)
{
    assert(n == t->columns);
    buf_reset(&t->line);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_addc(&t->line, ',');
        buf_adds(&t->line, cells[i]);
    }
    return end_row(t);
}

int rundir_numbers(struct rundir_table *t, const char *first, const double *v,
                   size_t n)
{
    assert(n + (first != NULL) == t->columns);
    buf_reset(&t->line);
    if (first != NULL)
        buf_adds(&t->line, first);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 || first != NULL)
            buf_addc(&t->line, ',');
        add_number(&t->line, v[i]);
    }
    return end_row(t);
}

int rundir_cells(struct rundir_table *t, const char *const *texts,
                 const double *v, size_t n)
{
    assert(n == t->columns);
    buf_reset(&t->line);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_addc(&t->line, ',');
        if (texts[i] != NULL)
            escape_csv(&t->line, texts[i], strlen(texts[i]));
        else
            add_number(&t->line, v[i]);
    }
    return end_row(t);
}

/* ---- events and documents; run.json is in rundir_meta.c ---- */

void rundir_listen(struct rundir *rd, rundir_event_fn fn, void *ctx)
{
    rd->listener = fn;
    rd->listener_ctx = ctx;
}

void rundir_event(struct rundir *rd, double t_s, const char *what, int64_t pid,
                  const char *fmt, ...)
{
    char detail[1001];
    struct jsonw w;
    va_list ap;
    int error = 0;

    va_start(ap, fmt);
    vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&rd->lock);
    buf_reset(&rd->event);
    jsonw_init(&w, &rd->event, true);
    jsonw_object(&w, NULL);
    jsonw_double(&w, "t_s", isfinite(t_s) ? round(t_s * 1e3) / 1e3 : t_s);
    jsonw_string(&w, "event", what);
    jsonw_int(&w, "pid", pid);
    jsonw_string(&w, "detail", detail);
    jsonw_object_end(&w);
    if (!rd->events_dead && !rd->event.overflow) {
        error = append(rd->events_fd, &rd->event);
        rd->events_dead = error != 0;
    }
    if (rd->listener != NULL)
        rd->listener(rd->listener_ctx, t_s, what, pid, detail);
    pthread_mutex_unlock(&rd->lock);
    if (error != 0)
        fail(rd, "events.ndjson", error);
}

int rundir_document(struct rundir *rd, const char *file, const struct buf *text,
                    struct err *err)
{
    char *path = file_join(rd->path, file);
    struct err cause;
    int rc;

    pthread_mutex_lock(&rd->lock);
    rc = file_write(path, buf_str(text), text->len, &cause);
    if (rc != 0 && !atomic_load(&rd->failed)) {
        rd->failure = cause;
        atomic_store(&rd->failed, true);
    }
    pthread_mutex_unlock(&rd->lock);
    free(path);
    return rc != 0 ? err_set(err, "%s", cause.msg) : 0;
}
