#include "harness/cli/native.h"

#include "analyzers/verdict.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/proctree.h"
#include "harness/cli/native_text.h"
#include "harness/cli/options.h"
#include "harness/cli/progress.h"
#include "harness/cli/tool_run.h"
#include "harness/load/load.h"
#include "harness/model/diagnosis.h"
#include "harness/model/record.h"
#include "harness/target/target.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum {
    MOST_ROOTS = 64,
    MOST_PROCS = 8,
    WARM_REQUESTS = 20, /* what the first requests keep is no leak */
    REQUESTS = 200,
    RATE = 50, /* a service under the tool is twenty times slower */
    LOAD_S = 12,
    ANSWER_S = 20,
    CHECK_S = 20, /* one process's leak search */
    OUTPUT_MAX = 8 << 20,
    SIGNALS = 2,
};

enum step { STEP_STARTING, STEP_WARMING, STEP_LOADING, STEP_ENDING };

struct native {
    struct scenario sc; /* a copy: other command, environment, patience */
    uv_loop_t loop;
    uv_timer_t limit;
    uv_signal_t signal[SIGNALS];
    uv_work_t work;
    struct target *target;
    struct load *load;
    struct proctree *tree;
    double *shares; /* NULL: the weights */
    char *dir;      /* for the tool's pipes */
    enum step step;
    bool busy;
    uint64_t done;      /* requests before the stretch that counts */
    uint64_t load_done; /* and after it */
    int64_t until_ns;
    struct buf text; /* what the tool said about the second stretch */
    struct err err;  /* why there is nothing */
};

/* ---- the end ---- */

static void stop(struct native *n, const char *why)
{
    if (why != NULL && n->err.msg[0] == '\0')
        err_set(&n->err, "%s", why);
    n->step = STEP_ENDING;
    if (n->busy)
        return; /* on_searched goes on */
    if (n->target != NULL)
        target_stop(n->target);
    else
        uv_stop(&n->loop);
}

/* ---- the tool ---- */

/* A leak search in one process: what there is more of than at the last. */
static int search(struct native *n, int64_t pid, struct buf *out)
{
    char *prefix = mem_printf("--vgdb-prefix=%s/p", n->dir);
    char *which = mem_printf("--pid=%" PRId64, pid);
    const char *argv[] = {"vgdb",       prefix,      which,
                          "leak_check", "full",      "reachable",
                          "increased",  "unlimited", NULL};
    int64_t left = n->until_ns - clock_now_ns();
    int64_t longest = CHECK_S * CLOCK_NS_PER_S;
    int rc = tool_run(argv, NULL, NULL, left < longest ? left : longest, out,
                      &n->err);

    free(prefix);
    free(which);
    return rc;
}

static void search_all(uv_work_t *work)
{
    struct native *n = work->data;
    size_t procs = proctree_scan(n->tree, NULL, NULL);
    struct err first = {""};
    size_t good = 0;

    buf_reset(&n->text);
    for (size_t i = 0; i < procs && i < MOST_PROCS; i++) {
        n->err.msg[0] = '\0';
        good += search(n, proctree_at(n->tree, i)->id.pid, &n->text) == 0;
        if (first.msg[0] == '\0')
            first = n->err;
    }
    /* A helper that is no child of the tool has no say. */
    if (good > 0)
        first.msg[0] = '\0';
    n->err = first;
    if (procs == 0)
        err_set(&n->err, "no process of the target is left");
}

static void start_load(struct native *n, uint64_t requests)
{
    struct load_phase phase = {
        .requests = requests,
        .duration_ns = LOAD_S * CLOCK_NS_PER_S,
        .rate_from_rps = RATE,
        .rate_to_rps = RATE,
        .shares = n->shares,
        .drain_ns = ANSWER_S * CLOCK_NS_PER_S,
    };

    n->done = load_requests(n->load);
    load_start(n->load, &phase);
}

static void on_searched(uv_work_t *work, int status)
{
    struct native *n = work->data;

    (void)status;
    n->busy = false;
    if (n->step != STEP_WARMING || n->err.msg[0] != '\0') {
        stop(n, NULL);
        return;
    }
    n->step = STEP_LOADING;
    n->load_done = 0;
    start_load(n, REQUESTS);
}

static void on_idle(void *user)
{
    struct native *n = user;

    if (n->step == STEP_ENDING)
        return;
    n->load_done = load_requests(n->load);
    n->busy = true;
    n->work.data = n;
    uv_queue_work(&n->loop, &n->work, search_all, on_searched);
}

/* ---- the target ---- */

static void on_ready(struct native *n)
{
    struct load_config lc = {
        .scenario = &n->sc, .loop = &n->loop, .idle = on_idle, .user = n};
    struct proc_id roots[MOST_ROOTS];
    int64_t guardian = 0;
    size_t nroots = target_roots(n->target, roots, MOST_ROOTS, &guardian);

    n->tree = proctree_new(guardian);
    for (size_t i = 0; i < nroots; i++)
        proctree_add(n->tree, roots[i]);
    if (load_open(&lc, &n->load, &n->err) != 0) {
        stop(n, NULL);
        return;
    }
    n->step = STEP_WARMING;
    start_load(n, WARM_REQUESTS);
}

static void on_target(void *user, enum target_event what, const char *detail)
{
    struct native *n = user;

    if (what == TARGET_READY && n->step == STEP_STARTING) {
        on_ready(n);
    } else if (what == TARGET_NOT_READY || what == TARGET_EXITED) {
        stop(n, detail);
    } else if (what == TARGET_STOPPED) {
        uv_stop(&n->loop);
    }
}

static void on_limit(uv_timer_t *timer)
{
    stop(timer->data, "its time was over");
}

static void on_signal(uv_signal_t *handle, int signum)
{
    if (((struct native *)handle->data)->step == STEP_ENDING)
        _exit(128 + signum);
    stop(handle->data, "interrupted");
}

/* ---- set-up ---- */

/* The command's words behind those of the tool. */
static char **tool_argv(const struct native *n)
{
    char *const *old = n->sc.target.argv;
    char *own[] = {
        mem_strdup("valgrind"),
        mem_strdup("-q"),
        mem_strdup("--tool=memcheck"),
        mem_strdup("--leak-check=no"),
        mem_strdup("--undef-value-errors=no"),
        mem_strdup("--trace-children=yes"),
        mem_strdup("--num-callers=24"),
        mem_strdup("--vgdb=yes"),
        mem_printf("--vgdb-prefix=%s/p", n->dir),
        mem_printf("--log-file=%s/log.%%p", n->dir),
    };
    size_t nown = sizeof own / sizeof *own, nold = 0;
    char **argv;

    while (old[nold] != NULL)
        nold++;
    argv = mem_zalloc(nown + nold + 1, sizeof *argv);
    for (size_t i = 0; i < nown; i++)
        argv[i] = own[i];
    for (size_t i = 0; i < nold; i++)
        argv[nown + i] = mem_strdup(old[i]);
    return argv;
}

/* Objects of Python as blocks of their own, or the tool sees arenas. */
static struct name_value *tool_env(const struct scenario_target *t)
{
    static char name[] = "PYTHONMALLOC", value[] = "malloc";
    struct name_value *env = mem_zalloc(t->nenv + 1, sizeof *env);

    if (t->nenv > 0)
        memcpy(env, t->env, t->nenv * sizeof *env);
    env[t->nenv] = (struct name_value){.name = name, .value = value};
    return env;
}

/* The kind of request that was found guilty, or all as weighted. */
static double *guilty_shares(const struct scenario *sc, const struct verdict *v)
{
    double *shares = mem_zalloc(scenario_kinds(sc), sizeof *shares);

    for (size_t i = 0; i < v->nblames; i++)
        if (v->blames[i].named && v->blames[i].kind >= 0 &&
            (size_t)v->blames[i].kind < scenario_kinds(sc)) {
            shares[v->blames[i].kind] = 1;
            return shares;
        }
    free(shares);
    return NULL;
}

static int make_dir(struct native *n)
{
    const char *tmp = getenv("TMPDIR");

    n->dir = mem_printf("%s/plateau-XXXXXX",
                        tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
    if (mkdtemp(n->dir) != NULL)
        return 0;
    err_set(&n->err, "%s: %s", n->dir, strerror(errno));
    free(n->dir);
    n->dir = NULL;
    return -1;
}

static void remove_dir(struct native *n)
{
    DIR *d = n->dir != NULL ? opendir(n->dir) : NULL;
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        closedir(d);
    if (n->dir != NULL)
        rmdir(n->dir);
    free(n->dir);
}

static void close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void run_loop(struct native *n)
{
    static const int signals[SIGNALS] = {SIGINT, SIGTERM};
    struct target_config tc = {.scenario = &n->sc,
                               .loop = &n->loop,
                               .log_fd = -1,
                               .on_event = on_target,
                               .user = n};

    uv_loop_init(&n->loop);
    uv_timer_init(&n->loop, &n->limit);
    n->limit.data = n;
    uv_timer_start(&n->limit, on_limit,
                   (uint64_t)((n->until_ns - clock_now_ns()) / CLOCK_NS_PER_MS),
                   0);
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&n->loop, &n->signal[i]);
        n->signal[i].data = n;
        uv_signal_start(&n->signal[i], on_signal, signals[i]);
    }
    if (target_open(&tc, &n->target, &n->err) == 0)
        uv_run(&n->loop, UV_RUN_DEFAULT);
    load_close(&n->load);
    target_close(&n->target);
    proctree_free(n->tree);
    uv_walk(&n->loop, close_handle, NULL);
    uv_run(&n->loop, UV_RUN_DEFAULT);
    uv_loop_close(&n->loop);
}

static void free_argv(char **argv)
{
    for (size_t i = 0; argv[i] != NULL; i++)
        free(argv[i]);
    free(argv);
}

/* Runs it all; fills the native part of `d`. */
static void make_pass(const struct scenario *sc, const struct verdict *v,
                      struct diagnosis *d)
{
    int64_t began = clock_now_ns();
    struct native n = {.sc = *sc,
                       .until_ns = began + 3 * sc->policy.diagnose_ns};
    double requests = 0;

    buf_init(&n.text, OUTPUT_MAX);
    if (make_dir(&n) == 0) {
        n.shares = guilty_shares(sc, v);
        n.sc.target.argv = tool_argv(&n);
        n.sc.target.env = tool_env(&sc->target);
        n.sc.target.nenv++;
        n.sc.target.ready.within_ns = 2 * sc->policy.diagnose_ns;
        n.sc.load.timeout_ns = ANSWER_S * CLOCK_NS_PER_S;
        run_loop(&n);
        free_argv(n.sc.target.argv);
        free(n.sc.target.env);
    }
    if (n.load_done > n.done)
        requests = (double)(n.load_done - n.done);
    if (n.err.msg[0] != '\0')
        diagnosis_note(d, "the native pass under valgrind came to nothing: %s",
                       n.err.msg);
    else if (requests > 0)
        native_text_read(buf_str(&n.text), requests, d);
    d->native_tool = mem_strdup("valgrind memcheck");
    d->native_requests = requests;
    d->native_seconds = (double)(clock_now_ns() - began) / 1e9;
    remove_dir(&n);
    free(n.shares);
    buf_release(&n.text);
}

static int by_bytes(const void *a, const void *b)
{
    const struct diagnosis_site *x = a, *y = b;

    if (x->bytes_per_request != y->bytes_per_request)
        return x->bytes_per_request < y->bytes_per_request ? 1 : -1;
    return strcmp(x->trace, y->trace);
}

static const char *hindrance(const struct scenario *sc)
{
    if (sc->target.command == NULL)
        return "the target is not started by Plateau";
    if (!tool_found("valgrind") || !tool_found("vgdb"))
        return "valgrind is not installed (apt-get install valgrind)";
    return NULL;
}

void native_warn(const struct scenario *sc)
{
    const char *why = hindrance(sc);

    if (sc->policy.diagnose == DIAGNOSE_NATIVE && why != NULL)
        complain("no native pass after a leak: %s", why);
}

static void add_to_document(const struct conductor_config *cfg,
                            const struct verdict *v, const char *path)
{
    const char *why = hindrance(cfg->scenario);
    struct progress *p = progress_open(cfg->quiet, cfg->color);
    struct diagnosis d;
    struct buf text;
    struct err err;

    if (diagnosis_load(path, &d, &err) != 0) {
        complain("%s", err.msg);
        progress_close(&p);
        return;
    }
    d.ran = true;
    progress_phase(p, "a second pass, under valgrind");
    if (why != NULL)
        diagnosis_note(&d, "no native pass: %s", why);
    else
        make_pass(cfg->scenario, v, &d);
    if (d.nnatives > 0)
        qsort(d.natives, d.nnatives, sizeof *d.natives, by_bytes);
    buf_init(&text, 16 << 20);
    diagnosis_write(&d, &text);
    if (file_write(path, buf_str(&text), text.len, &err) != 0)
        complain("%s", err.msg);
    buf_release(&text);
    diagnosis_release(&d);
    progress_close(&p);
}

void native_pass(const struct conductor_config *cfg, const char *dir,
                 const struct run_ending *ending)
{
    char *path;
    struct record r;
    struct verdict v;
    struct err err;

    if (cfg->scenario->policy.diagnose != DIAGNOSE_NATIVE ||
        ending->signal != 0 ||
        (ending->end != RUN_COMPLETE && ending->end != RUN_CERTAIN &&
         ending->end != RUN_MAX_TIME) ||
        record_load(dir, &r, &err) != 0)
        return;
    verdict_judge(&r, NULL, &v);
    path = file_join(dir, "diagnosis.json");
    if (v.outcome == OUTCOME_LEAK)
        add_to_document(cfg, &v, path);
    free(path);
    verdict_release(&v);
    record_release(&r);
}
