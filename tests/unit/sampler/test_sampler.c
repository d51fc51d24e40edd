/* The sampler over real processes: this program's own children. */
#include "harness/sampler/sampler.h"

#include "harness/base/cgroup.h"
#include "harness/base/clock.h"
#include "harness/model/record.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/sampler/service.h"
#include "tests/unit/temp_dir.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS CLOCK_NS_PER_MS

/* A sanitizer's shadow grows with every byte, and makes page tables so long
 * that their reading is rationed. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* How much longer things take under a sanitizer or valgrind. */
static unsigned int slow(void)
{
    const char *s = getenv("PLATEAU_TEST_SLOW");
    long n = s != NULL ? strtol(s, NULL, 10) : 1;

    return n >= 1 && n <= 100 ? (unsigned int)n : 1;
}

/* Nor are sizes what they would be, then. */
static bool heavy(void)
{
    return SANITIZED || slow() > 1;
}

/* ---- a run ---- */

struct run {
    char *dir;
    struct rundir *rd;
    struct scenario sc;
    struct sampler_config cfg;
    struct sampler *s;
    atomic_llong origin_ns;
    atomic_uint_least64_t requests;
    atomic_int alarms, stall_ms, asked; /* asked: about once a row */
    char alarm[32];
    double values[64];
    struct record rec;
};

static uint64_t ask_requests(void *user)
{
    struct run *r = user;
    int ms = atomic_exchange(&r->stall_ms, 0);

    atomic_fetch_add(&r->asked, 1);
    if (ms > 0)
        usleep((useconds_t)ms * 1000);
    return atomic_load(&r->requests);
}

static int64_t ask_origin(void *user)
{
    return atomic_load(&((struct run *)user)->origin_ns);
}

static void on_alarm(void *user, const char *what, const char *detail)
{
    struct run *r = user;

    assert_true(detail[0] != '\0');
    if (r->alarm[0] == '\0')
        snprintf(r->alarm, sizeof r->alarm, "%s", what);
    atomic_fetch_add(&r->alarms, 1);
}

static void run_init(struct run *r, const struct proc_id *root,
                     int64_t every_ns)
{
    struct err err = {""};

    memset(r, 0, sizeof *r);
    r->dir = temp_dir_new();
    assert_int_equal(rundir_create(r->dir, "x", &r->rd, &err), 0);
    r->sc.sample.process = true;
    r->sc.sample.every_ns = every_ns;
    r->sc.sample.python = PYTHON_OFF;
    r->sc.load.blocks = 4;
    r->cfg = (struct sampler_config){.sample = &r->sc.sample,
                                     .scenario = &r->sc,
                                     .rundir = r->rd,
                                     .roots = root,
                                     .nroots = root != NULL,
                                     .requests = ask_requests,
                                     .origin_ns = ask_origin,
                                     .alarm = on_alarm,
                                     .user = r};
}

static void run_open(struct run *r)
{
    struct err err = {""};

    if (sampler_open(&r->cfg, &r->s, &err) != 0)
        fail_msg("%s", err.msg);
}

/* Waits for so many more rows, however long the machine takes. */
static void await_rows(struct run *r, int rows)
{
    int until = atomic_load(&r->asked) + rows;

    for (int i = 0; i < 30000 && atomic_load(&r->asked) < until; i++)
        usleep(1000);
    assert_true(atomic_load(&r->asked) >= until);
}

static void run_load(struct run *r)
{
    atomic_store(&r->origin_ns, clock_now_ns());
    sampler_set_phase(r->s, PHASE_LOAD);
}

static double barrier(struct run *r, int block, const char *metric)
{
    const char *const *names;
    size_t n = sampler_metrics(r->s, &names);
    struct err err = {""};

    assert_true(n <= 64);
    if (sampler_barrier(r->s, block, r->values, &err) != 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], metric) == 0)
            return r->values[i];
    return NAN;
}

/* Closes and reads the run directory back. */
static void run_end(struct run *r)
{
    struct err err = {""};

    sampler_close(&r->s);
    assert_null(r->s);
    assert_null(rundir_failed(r->rd));
    rundir_close(&r->rd);
    if (record_load(r->dir, &r->rec, &err) != 0)
        fail_msg("%s", err.msg);
}

static void run_release(struct run *r)
{
    record_release(&r->rec);
    temp_dir_free(r->dir);
}

static int count_events(const struct run *r, const char *what)
{
    int n = 0;

    for (size_t i = 0; i < r->rec.nevents; i++)
        n += strcmp(r->rec.events[i].what, what) == 0;
    return n;
}

static const double *column(const struct run *r, const char *name)
{
    const struct column *c = series_column(&r->rec.samples, name);

    assert_non_null(c);
    return c->v;
}

/* ---- tests ---- */

static void test_rows(void **state)
{
    struct service sv = service_start();
    const struct series *s;
    int64_t from, took;
    size_t counted = 0;
    struct run r;

    (void)state;
    run_init(&r, &sv.id, 20 * MS);
    run_open(&r);
    assert_int_equal(sampler_procs(r.s), 1);
    assert_true(isnan(sampler_peek(r.s, "rss_bytes")));
    run_load(&r);
    atomic_store(&r.requests, 7);
    from = clock_now_ns();
    sampler_start(r.s);
    await_rows(&r, 10);
    assert_true(sampler_peek(r.s, "rss_bytes") > 0);
    assert_true(isnan(sampler_peek(r.s, "no_such_metric")));
    assert_int_equal(sampler_proc_starts(r.s), 1);
    assert_true(sampler_cost_s(r.s) > 0);
    assert_ptr_equal(strstr(sampler_cost_text(r.s, 0), "process: "),
                     sampler_cost_text(r.s, 0));
    run_end(&r);
    took = clock_now_ns() - from;

    s = &r.rec.samples;
    assert_true(s->n >= 5 && (int64_t)s->n <= took / (20 * MS) + 2);
    for (size_t i = 0; i < s->n; i++) {
        double slot = s->t_s[i] / 0.02;

        assert_int_equal(s->phase[i], PHASE_LOAD);
        assert_close(s->requests[i], 7, 0);
        assert_close(s->proc_starts[i], 1, 0);
        assert_true(column(&r, "rss_bytes")[i] > 100e3);
        assert_true(heavy() || column(&r, "pss_bytes")[i] > 10e3);
        assert_true(heavy() || column(&r, "uss_bytes")[i] > 0);
        assert_close(column(&r, "procs")[i], 1, 0);
        assert_true(column(&r, "threads")[i] == 1 || heavy());
        /* Left out after counting that took long. */
        assert_true(isnan(column(&r, "fds")[i]) ||
                    column(&r, "fds")[i] >= 3);
        counted += !isnan(column(&r, "fds")[i]);
        assert_true(slot > -1);
    }
    assert_true(counted >= 2);
    assert_int_equal(r.rec.nprocesses, 1);
    assert_int_equal(r.rec.processes[0].pid, sv.pid);
    assert_int_equal(r.rec.processes[0].start, sv.id.start);
    assert_true(r.rec.processes[0].rss_last > 100e3);
    assert_int_equal(count_events(&r, "process_start"), 1);
    service_end(&sv);
    run_release(&r);
}

/* A barrier sees what has been kept, exactly; between its rows the ticks go
 * on. */
static void test_barriers(void **state)
{
    struct service sv = service_start();
    double rss, pss, uss, fds;
    double slack = heavy() ? 1e12 : 128 << 10;
    int barriers = 0, own = 0;
    struct run r;

    (void)state;
    run_init(&r, &sv.id, 10 * MS);
    run_open(&r);
    run_load(&r);
    sampler_start(r.s);
    service_do(&sv, 'g'); /* its own code is mapped by now */
    service_do(&sv, 'f');
    rss = barrier(&r, 1, "rss_bytes");
    pss = barrier(&r, 1, "pss_bytes");
    uss = barrier(&r, 1, "uss_bytes");
    fds = barrier(&r, 1, "fds");
    for (int i = 0; i < 4; i++)
        service_do(&sv, 'g');
    service_do(&sv, 'f');
    assert_close(barrier(&r, 2, "rss_bytes") - rss, 32 << 20, slack);
    assert_close(barrier(&r, 2, "pss_bytes") - pss, 32 << 20, slack);
    assert_close(barrier(&r, 2, "uss_bytes") - uss, 32 << 20, slack);
    assert_close(barrier(&r, 2, "fds") - fds, 10, 0);
    run_end(&r);
    /* What each process holds by itself is read with it. */
    assert_int_equal(r.rec.nprocesses, 1);
    for (size_t i = 0; i < r.rec.processes[0].nown; i++)
        own += r.rec.processes[0].own[i].v[RECORD_OWN_RSS] == rss;
    assert_true(own >= 1);
    for (size_t i = 0; i < r.rec.samples.n; i++)
        barriers += r.rec.samples.phase[i] == PHASE_BARRIER;
    assert_int_equal(barriers, 8);
    service_end(&sv);
    run_release(&r);
}

/* Workers come and go faster than ticks: a sum is whole, or it is missing.
 * The service and the keeper of its workers map the same 8 MiB: no sum of RSS
 * over the tree may show less than twice that. */
static void test_recycled_workers(void **state)
{
    struct service sv = service_start();
    struct run r;
    size_t have = 0;

    (void)state;
    service_do(&sv, 'g');
    service_do(&sv, 'w');
    run_init(&r, &sv.id, 10 * MS);
    run_open(&r);
    run_load(&r);
    sampler_start(r.s);
    for (int i = 0; i < 30000 && sampler_proc_starts(r.s) <= 10; i++)
        usleep(1000);
    for (int i = 0; i < 20; i++)
        barrier(&r, i, "rss_bytes");
    assert_true(sampler_proc_starts(r.s) > 10);
    run_end(&r);
    for (size_t i = 0; i < r.rec.samples.n; i++) {
        double rss = column(&r, "rss_bytes")[i];
        double pss = column(&r, "pss_bytes")[i];
        double cpu = column(&r, "cpu_s")[i];

        assert_true(isnan(rss) || rss > 16 << 20);
        assert_true(isnan(pss) || pss > 5 << 20);
        have += r.rec.samples.phase[i] == PHASE_BARRIER && !isnan(pss) &&
                !isnan(rss);
        /* What ended workers have used stays used. */
        if (i > 0 && !isnan(cpu) && !isnan(column(&r, "cpu_s")[i - 1]))
            assert_true(cpu >= column(&r, "cpu_s")[i - 1] - 1e-9);
    }
    assert_true(have >= 5); /* of 20 barriers */
    assert_true(r.rec.nprocesses > 5);
    service_end(&sv);
    run_release(&r);
}

static void test_gone(void **state)
{
    struct service sv = service_start();
    struct run r;

    (void)state;
    run_init(&r, &sv.id, 10 * MS);
    run_open(&r);
    run_load(&r);
    sampler_start(r.s);
    await_rows(&r, 2);
    service_end(&sv);
    for (int i = 0; i < 30000 && atomic_load(&r.alarms) == 0; i++)
        usleep(1000);
    await_rows(&r, 5);
    assert_int_equal(atomic_load(&r.alarms), 1); /* said once */
    assert_string_equal(r.alarm, "gone");
    assert_int_equal(sampler_procs(r.s), 0);
    assert_true(isnan(barrier(&r, 1, "rss_bytes"))); /* never 0 */
    run_end(&r);
    assert_true(isnan(column(&r, "pss_bytes")[r.rec.samples.n - 1]));
    assert_int_equal(count_events(&r, "process_end"), 1);
    run_release(&r);
}

/* Rows from before the load wait for its origin; then t_s is negative. */
static void test_before_load(void **state)
{
    struct service sv = service_start();
    struct run r;
    size_t early = 0, started = 0;

    (void)state;
    run_init(&r, &sv.id, 10 * MS);
    run_open(&r);
    sampler_set_phase(r.s, PHASE_START);
    sampler_start(r.s);
    barrier(&r, 0, "rss_bytes");
    await_rows(&r, 8);
    run_load(&r);
    await_rows(&r, 2);
    run_end(&r);
    for (size_t i = 0; i < r.rec.samples.n; i++) {
        early += r.rec.samples.t_s[i] < 0;
        started += r.rec.samples.phase[i] == PHASE_START;
        assert_true(r.rec.samples.t_s[i] > -60);
        assert_true(i == 0 || r.rec.samples.t_s[i] > r.rec.samples.t_s[i - 1]);
    }
    assert_true(early >= 5);
    assert_true(started >= 4);
    service_end(&sv);
    run_release(&r);
}

/* A stalled sampler says so, and keeps to its grid. */
static void test_gap(void **state)
{
    struct service sv = service_start();
    int64_t from, took;
    struct run r;

    (void)state;
    run_init(&r, &sv.id, 50 * MS);
    run_open(&r);
    run_load(&r);
    from = clock_now_ns();
    sampler_start(r.s);
    await_rows(&r, 2);
    atomic_store(&r.stall_ms, 400);
    await_rows(&r, 6);
    run_end(&r);
    took = clock_now_ns() - from;
    assert_true(count_events(&r, "gap") >= 1);
    /* Nothing is made up for it: eight are due in the stall. */
    assert_true((int64_t)r.rec.samples.n <= took / (50 * MS) + 2 - 6);
    service_end(&sv);
    run_release(&r);
}

/* Two threads' worth of asking at once; for the thread sanitizer above all. */
static void *peek_all_the_time(void *arg)
{
    struct run *r = arg;

    for (int i = 0; i < 2000; i++) {
        sampler_peek(r->s, "pss_bytes");
        sampler_proc_starts(r->s);
        sampler_procs(r->s);
        sampler_oom_kills(r->s);
        sampler_note(r->s, 0);
        sampler_cost_s(r->s);
        usleep(100);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct service sv = service_start();
    pthread_t th;
    struct run r;

    (void)state;
    run_init(&r, &sv.id, 10 * MS);
    run_open(&r);
    run_load(&r);
    sampler_start(r.s);
    assert_int_equal(pthread_create(&th, NULL, peek_all_the_time, &r), 0);
    for (int i = 0; i < 20; i++) {
        sampler_set_phase(r.s, i % 2 ? PHASE_LOAD : PHASE_BARRIER);
        atomic_fetch_add(&r.requests, 1);
        barrier(&r, i, "rss_bytes");
    }
    pthread_join(th, NULL);
    run_end(&r);
    service_end(&sv);
    run_release(&r);
}

/* Nothing to read: an error at once, not a run without data. */
static void test_nobody(void **state)
{
    struct proc_id nobody = {0x7ffffff0, 1};
    struct err err = {""};
    struct run r;

    (void)state;
    run_init(&r, &nobody, 10 * MS);
    assert_int_equal(sampler_open(&r.cfg, &r.s, &err), -1);
    assert_non_null(strstr(err.msg, "no process of the target"));
    r.sc.sample.process = false;
    struct service sv = service_start();
    r.cfg.roots = &sv.id;
    assert_int_equal(sampler_open(&r.cfg, &r.s, &err), -1);
    assert_non_null(strstr(err.msg, "no source tells"));
    service_end(&sv);
    rundir_close(&r.rd);
    temp_dir_free(r.dir);
}

static void test_user_limit(void **state)
{
    struct service sv = service_start();
    struct run r;

    (void)state;
    run_init(&r, &sv.id, 10 * MS);
    r.cfg.limit_bytes = 4096e3;
    run_open(&r);
    assert_close(sampler_limit(r.s), 4096e3, 0);
    sampler_start(r.s);
    usleep(30000);
    run_end(&r);
    service_end(&sv);
    run_release(&r);
}

/* A group of its own with a limit, where this machine lets us make one; the
 * service in it eats more than that. */
static char *make_group(const char *limit)
{
    struct cgroup own;
    char *dir, *file;
    FILE *f;

    if (cgroup_of(getpid(), &own, NULL) != 0 || own.version != 1)
        return NULL;
    dir = mem_printf("%s/plateau-oom-%d", own.top, (int)getpid());
    if (mkdir(dir, 0777) != 0) {
        free(dir);
        return NULL;
    }
    file = file_join(dir, "memory.limit_in_bytes");
    f = fopen(file, "w");
    assert_non_null(f);
    fputs(limit, f);
    assert_int_equal(fclose(f), 0);
    free(file);
    return dir;
}

static void test_oom_kill(void **state)
{
    char *dir = make_group("16777216"), *file;
    struct service sv;
    struct run r;
    FILE *f;

    (void)state;
    if (dir == NULL)
        skip();
    sv = service_start();
    file = file_join(dir, "cgroup.procs");
    f = fopen(file, "w");
    fprintf(f, "%d", (int)sv.pid);
    assert_int_equal(fclose(f), 0);
    run_init(&r, &sv.id, 10 * MS);
    run_open(&r);
    assert_close(sampler_limit(r.s), 16777216, 0);
    run_load(&r);
    sampler_start(r.s);
    await_rows(&r, 2);
    assert_int_equal(sampler_oom_kills(r.s), 0);
    assert_int_equal(write(sv.order, "ggg", 3), 3);
    for (int i = 0; i < 5000 && atomic_load(&r.alarms) == 0; i++)
        usleep(1000);
    assert_string_equal(r.alarm, "oom_kill");
    assert_int_equal(sampler_oom_kills(r.s), 1);
    assert_int_equal(sampler_oom_recheck(r.s), 1);
    run_end(&r);
    assert_int_equal(count_events(&r, "oom_kill"), 1);
    service_end(&sv);
    run_release(&r);
    for (int i = 0; i < 2000 && rmdir(dir) != 0; i++)
        usleep(1000);
    free(file);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_barriers),
        cmocka_unit_test(test_recycled_workers),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_before_load),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_user_limit),
        cmocka_unit_test(test_oom_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
