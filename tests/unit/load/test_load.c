/* The machine around the engines: phases, kinds, counters, pacing; with the
 * null engine, so that nothing but ourselves is measured. */
#include "tests/unit/load/rig.h"

#include <dirent.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_HEAD                                                              \
    "[scenario]\nname = t\n[target]\nurl = http://127.0.0.1:9\n"               \
    "[load]\nengine = null\nwarmup = 0s\nblocks = 0\n"
#define CLOSED_HEAD OPEN_HEAD "users = 8\nconnections = 4\n"
#define KINDS                                                                  \
    "[request a]\npath = /a\nweight = 5\n"                                     \
    "[request b]\npath = /b/{{int 1 9}}\nweight = 3\n"                         \
    "[request c]\npath = /c\nweight = 0\n"                                     \
    "[flow f]\nsteps = a, c, c\nweight = 2\n"

static struct load_counts counts(struct rig *r, struct load_kind_counts *k,
                                 struct load_kind_counts *q)
{
    struct load_counts c;

    load_get_counts(r->load, &c, k, q);
    assert_int_equal(c.in_flight, 0);
    assert_int_equal(c.sent, c.ok + c.errors);
    return c;
}

/* 10 arrivals are 5 a + 3 b + 2 f: 5 + 3 + 6 requests. */
static void check_mix(struct rig *r, uint64_t tens)
{
    struct load_kind_counts k[3], q[3];
    struct load_counts c = counts(r, k, q);

    assert_int_equal(c.ok, tens * 14);
    assert_int_equal(load_requests(r->load), tens * 14);
    assert_int_equal(k[0].ok, tens * 5);
    assert_int_equal(k[1].ok, tens * 3);
    assert_int_equal(k[2].ok, tens * 2);
    assert_int_equal(k[2].sent, tens * 2);
    assert_int_equal(q[0].ok, tens * 7);
    assert_int_equal(q[1].ok, tens * 3);
    assert_int_equal(q[2].ok, tens * 4);
}

static void closed_blocks_are_exact(void **state)
{
    struct load_phase p = {.requests = 1400, .seed = 7};
    struct rig r;

    (void)state;
    rig_open(&r, CLOSED_HEAD KINDS);
    assert_string_equal(load_engine_name(r.load), "null");
    rig_phase(&r, &p);
    check_mix(&r, 100);
    p.requests = 2800;
    rig_phase(&r, &p);
    check_mix(&r, 300);
    assert_int_equal(histogram_count(load_response_times(r.load)), 4200);
    assert_int_equal(histogram_count(load_lateness(r.load)), 0);
    assert_int_equal(histogram_count(load_request_times(r.load, 1)), 900);
    rig_close(&r);
}

static void workers_share_a_block(void **state)
{
    struct load_phase p = {.requests = 1400, .seed = 7};
    struct rig r;

    (void)state;
    rig_open(&r, CLOSED_HEAD "threads = 3\n" KINDS);
    rig_phase(&r, &p);
    check_mix(&r, 100);
    rig_phase(&r, &p);
    check_mix(&r, 200);
    rig_close(&r);
    rig_open(&r, OPEN_HEAD "rate = 10000/s\nthreads = 3\n" KINDS);
    p.rate_from_rps = p.rate_to_rps = 10000;
    rig_phase(&r, &p);
    check_mix(&r, 100);
    rig_close(&r);
}

static void shares_of_a_phase_win(void **state)
{
    const double shares[3] = {0, 1, 0};
    struct load_phase p = {.requests = 50, .shares = shares};
    struct load_kind_counts k[3];
    struct rig r;

    (void)state;
    rig_open(&r, CLOSED_HEAD KINDS);
    rig_phase(&r, &p);
    counts(&r, k, NULL);
    assert_int_equal(k[1].ok, 50);
    assert_int_equal(k[0].ok + k[2].ok, 0);
    rig_close(&r);
}

static void open_rate_is_kept(void **state)
{
    struct load_phase p = {
        .requests = 2000, .rate_from_rps = 4000, .rate_to_rps = 4000};
    struct load_counts c;
    struct rig r;
    double took;

    (void)state;
    rig_open(&r, OPEN_HEAD "rate = 4000/s\n[request a]\npath = /\n");
    assert_int_equal(load_origin_ns(r.load), 0);
    rig_phase(&r, &p);
    took = (double)(clock_now_ns() - load_origin_ns(r.load)) * 1e-9;
    c = counts(&r, NULL, NULL);
    assert_int_equal(c.ok, 2000);
    /* Never faster than the schedule; how much slower is the machine's. */
    assert_true(took >= 1999.0 / 4000);
    assert_int_equal(histogram_count(load_lateness(r.load)), 2000);
    rig_close(&r);
}

/* The slice of the thread named "load", ns, as sched_getattr(2) tells it since
 * Linux 6.12; 0: not told. */
static uint64_t slice_of_load(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t slice_ns, deadline_ns, period_ns;
    } a = {.size = sizeof a};
    DIR *d = opendir("/proc/self/task");
    struct dirent *e;
    bool found = false;

    while (!found && (e = readdir(d)) != NULL) {
        char path[300], name[32] = "";
        FILE *f;

        snprintf(path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
        f = fopen(path, "r");
        if (f == NULL)
            continue;
        found = fgets(name, sizeof name, f) != NULL &&
                strcmp(name, "load\n") == 0 &&
                syscall(SYS_sched_getattr, strtol(e->d_name, NULL, 10), &a,
                        sizeof a, 0u) == 0;
        fclose(f);
    }
    closedir(d);
    assert_true(found);
    assert_int_equal(a.policy, SCHED_OTHER);
    return a.slice_ns;
}

/* Who must be on time is let in before who has a longer slice. */
static void open_model_has_a_short_slice(void **state)
{
    uint64_t open, closed;
    struct rig r;

    (void)state;
    rig_open(&r, OPEN_HEAD "rate = 10/s\n[request a]\npath = /\n");
    open = slice_of_load();
    rig_close(&r);
    rig_open(&r, CLOSED_HEAD KINDS);
    closed = slice_of_load();
    rig_close(&r);
    if (closed > 0)
        assert_true(open > 0 && open <= closed && open <= 200000);
}

static void duration_ends_a_phase(void **state)
{
    struct load_phase p = {.duration_ns = 300 * CLOCK_NS_PER_MS,
                           .rate_from_rps = 1000,
                           .rate_to_rps = 1000};
    struct load_counts c;
    struct rig r;

    (void)state;
    rig_open(&r, OPEN_HEAD "rate = 1000/s\n[request a]\npath = /\n");
    rig_phase(&r, &p);
    c = counts(&r, NULL, NULL);
    /* What was due and not sent is said, not forgotten. */
    assert_int_equal(c.ok + c.unsent, 300);
    rig_close(&r);
}

static void ramp_halves_the_number(void **state)
{
    struct load_phase p = {.duration_ns = 400 * CLOCK_NS_PER_MS,
                           .rate_from_rps = 0,
                           .rate_to_rps = 1000};
    struct load_counts c;
    struct rig r;

    (void)state;
    rig_open(&r, OPEN_HEAD "rate = 1000/s\n[request a]\npath = /\n");
    rig_phase(&r, &p);
    c = counts(&r, NULL, NULL);
    assert_int_equal(c.ok + c.unsent, 200);
    rig_close(&r);
}

static void stop_timer(uv_timer_t *t)
{
    load_stop(((struct rig *)t->data)->load);
}

static void stop_ends_a_phase(void **state)
{
    struct load_phase p = {0};
    struct rig r;
    uv_timer_t t;

    (void)state;
    rig_open(&r, CLOSED_HEAD "think = 1ms..5ms\n" KINDS);
    uv_timer_init(&r.loop, &t);
    t.data = &r;
    for (int i = 1; i <= 3; i++) {
        uv_timer_start(&t, stop_timer, 100, 0);
        rig_phase(&r, &p);
        assert_true(counts(&r, NULL, NULL).ok > 0);
    }
    load_stop(r.load); /* when idle: nothing */
    uv_close((uv_handle_t *)&t, NULL);
    rig_close(&r);
}

static void close_in_mid_phase(void **state)
{
    struct load_phase p = {0};
    struct rig r;

    (void)state;
    rig_open(&r, CLOSED_HEAD "threads = 2\n" KINDS);
    load_start(r.load, &p);
    clock_sleep_until(clock_now_ns() + 30 * CLOCK_NS_PER_MS);
    rig_close(&r);
}

static void flows_think(void **state)
{
    struct load_phase p = {.requests = 9};
    int64_t t0;
    struct rig r;

    (void)state;
    rig_open(&r, OPEN_HEAD "users = 3\n[request a]\npath = /\nweight = 0\n"
                           "[flow f]\nsteps = a, a, a\nthink = 50ms\n");
    t0 = clock_now_ns();
    rig_phase(&r, &p);
    assert_int_equal(counts(&r, NULL, NULL).ok, 9);
    assert_true(clock_now_ns() - t0 >= 100 * CLOCK_NS_PER_MS);
    rig_close(&r);
}

static void seconds_add_up(void **state)
{
    struct load_phase p = {.duration_ns = 1200 * CLOCK_NS_PER_MS,
                           .rate_from_rps = 500,
                           .rate_to_rps = 500};
    struct load_second rows[2]; /* fewer than there are names and seconds */
    const struct histogram *times;
    uint64_t ok = 0, sent = 0, late = 0, timed = 0;
    struct load_counts c;
    int64_t last = 0;
    struct rig r;
    size_t n;

    (void)state;
    rig_open(&r, OPEN_HEAD "rate = 500/s\nthreads = 2\n" KINDS);
    rig_phase(&r, &p);
    while ((n = load_take_seconds(r.load, rows, 2, &times)) > 0) {
        timed += times != NULL ? histogram_count(times) : 0;
        for (size_t i = 0; i < n; i++) {
            assert_true(rows[i].second >= last && rows[i].kind < 3);
            last = rows[i].second;
            ok += rows[i].ok;
            sent += rows[i].sent;
            late += rows[i].late;
            assert_true(rows[i].p50_ms <= rows[i].p99_ms);
        }
    }
    c = counts(&r, NULL, NULL);
    assert_true(last >= 1);
    assert_int_equal(ok, c.ok);
    assert_int_equal(timed, c.ok);
    assert_int_equal(sent, c.sent);
    assert_int_equal(late, c.late);
    rig_close(&r);
}

static void nothing_listens(void **state)
{
    struct load_phase p = {.requests = 40};
    struct load_counts c;
    struct rig r;

    (void)state;
    rig_open(&r, "[scenario]\nname = t\n[target]\nurl = http://127.0.0.1:9\n"
                 "[load]\nengine = curl\nusers = 2\n[request a]\npath = /x\n");
    rig_phase(&r, &p);
    load_get_counts(r.load, &c, NULL, NULL);
    assert_int_equal(c.errors, 40);
    assert_int_equal(c.by_error[TRANSFER_CONNECT], 40);
    assert_int_equal(histogram_count(load_response_times(r.load)), 0);
    assert_non_null(strstr(load_failure_example(r.load, 0), "GET /x: "));
    assert_null(load_failure_example(r.load, 1));
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_blocks_are_exact),
        cmocka_unit_test(workers_share_a_block),
        cmocka_unit_test(shares_of_a_phase_win),
        cmocka_unit_test(open_rate_is_kept),
        cmocka_unit_test(open_model_has_a_short_slice),
        cmocka_unit_test(duration_ends_a_phase),
        cmocka_unit_test(ramp_halves_the_number),
        cmocka_unit_test(stop_ends_a_phase),
        cmocka_unit_test(close_in_mid_phase),
        cmocka_unit_test(flows_think),
        cmocka_unit_test(seconds_add_up),
        cmocka_unit_test(nothing_listens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
