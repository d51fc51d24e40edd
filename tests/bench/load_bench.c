/* Drives harness/load alone, for the benches: one phase of a scenario, then
 * "name value" lines on standard output. Not a part of the product.
 *
 *   load_bench SCENARIO SECONDS [section.key=value ...]
 *
 * A negative number of seconds is a number of requests. Where allocations are
 * counted (count_alloc.h) a first phase connects and warms the pools, and
 * those of the second are told apart. Exit status 0 unless nothing could be
 * sent at all. */
#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/load/load.h"
#include "tests/bench/count_alloc.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define WARM_REQUESTS 20000u
#define SECONDS_ROWS 64

struct bench {
    uv_loop_t loop;
    uv_timer_t clerk; /* takes the seconds, as a run's recorder does */
    struct load *load;
    int64_t idle_ns;
};

/* count_alloc.so's functions; NULL unless it is preloaded. */
struct counter {
    unsigned long (*total)(void);
    void (*forget)(void);
    void (*callers)(FILE *out);
};

static void on_idle(void *user)
{
    struct bench *b = user;

    b->idle_ns = clock_now_ns();
    uv_stop(&b->loop);
}

/* VmHWM or VmRSS from /proc/self/status, kB. */
static long status_kb(const char *name)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kb = -1;

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtol(line + strlen(name) + 1, NULL, 10);
    if (f != NULL)
        fclose(f);
    return kb;
}

/* How long threads of ours were ready to run and did not get their core, ms:
 * what others took of it. */
static double waited_ms(void)
{
    DIR *d = opendir("/proc/self/task");
    struct dirent *e;
    double sum_ns = 0;

    while (d != NULL && (e = readdir(d)) != NULL) {
        char path[300];
        unsigned long long ran, waited;
        FILE *f;

        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", e->d_name);
        f = e->d_name[0] != '.' ? fopen(path, "r") : NULL;
        if (f == NULL)
            continue;
        if (fscanf(f, "%llu %llu", &ran, &waited) == 2)
            sum_ns += (double)waited;
        fclose(f);
    }
    if (d != NULL)
        closedir(d);
    return sum_ns * 1e-6;
}

static void print_histogram(const char *name, const struct histogram *h)
{
    if (histogram_count(h) == 0)
        return;
    printf("%s_p50_us %.1f\n", name, (double)histogram_at(h, 50) * 1e-3);
    printf("%s_p99_us %.1f\n", name, (double)histogram_at(h, 99) * 1e-3);
    printf("%s_p999_us %.1f\n", name, (double)histogram_at(h, 99.9) * 1e-3);
    printf("%s_max_us %.1f\n", name, (double)histogram_max(h) * 1e-3);
}

static void print_errors(const struct load *l, const struct load_counts *c)
{
    printf("errors %llu\n", (unsigned long long)c->errors);
    for (int i = 1; i < TRANSFER_ERRORS; i++)
        if (c->by_error[i] > 0)
            printf("error_%d %llu %s\n", i, (unsigned long long)c->by_error[i],
                   transfer_error_name((enum transfer_error)i));
    for (size_t i = 0; load_failure_example(l, i) != NULL; i++)
        printf("example %s\n", load_failure_example(l, i));
}

static void print_results(struct bench *b, int64_t wall_ns, int64_t cpu_ns)
{
    struct load_counts c;
    double done;

    /* First of all: to merge the histograms takes memory, too. */
    printf("rss_kb %ld\nrss_peak_kb %ld\n", status_kb("VmRSS:"),
           status_kb("VmHWM:"));
    printf("waited_ms %.3f\n", waited_ms());
    load_get_counts(b->load, &c, NULL, NULL);
    done = (double)(c.ok + c.errors);
    printf("engine %s\nengine_why %s\n", load_engine_name(b->load),
           load_engine_why(b->load));
    printf("seconds %.4f\nrequests %.0f\n", (double)wall_ns * 1e-9, done);
    printf("rps %.1f\n", done / ((double)wall_ns * 1e-9));
    printf("cpu_us_per_request %.4f\n", (double)cpu_ns * 1e-3 / done);
    printf("late %llu\nunsent %llu\n", (unsigned long long)c.late,
           (unsigned long long)c.unsent);
    printf("connects %llu\nretries %llu\n", (unsigned long long)c.connects,
           (unsigned long long)c.retries);
    printf("mib_in %.1f\n", (double)c.bytes_in / 1048576.0);
    print_histogram("response", load_response_times(b->load));
    print_histogram("service", load_service_times(b->load));
    print_histogram("lateness", load_lateness(b->load));
    print_errors(b->load, &c);
}

static void on_clerk(uv_timer_t *timer)
{
    struct bench *b = timer->data;
    static struct load_second rows[SECONDS_ROWS];

    while (load_take_seconds(b->load, rows, SECONDS_ROWS, NULL) > 0)
        ;
}

static void run_phase(struct bench *b, const struct load_phase *phase)
{
    uv_timer_start(&b->clerk, on_clerk, 1000, 1000);
    load_start(b->load, phase);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&b->clerk);
}

static struct counter find_counter(void)
{
    struct counter c;

    /* POSIX's way to make a function of what dlsym gives. */
    *(void **)&c.total = dlsym(RTLD_DEFAULT, "count_alloc_total");
    *(void **)&c.forget = dlsym(RTLD_DEFAULT, "count_alloc_forget");
    *(void **)&c.callers = dlsym(RTLD_DEFAULT, "count_alloc_callers");
    return c;
}

static void count_phase(struct bench *b, const struct counter *c,
                        const struct load_phase *phase)
{
    struct load_phase warm = *phase;
    unsigned long before, after;
    uint64_t requests;

    warm.requests = WARM_REQUESTS;
    run_phase(b, &warm);
    requests = load_requests(b->load);
    c->forget();
    before = c->total();
    run_phase(b, phase);
    after = c->total();
    printf("counted_requests %llu\ncounted_allocations %lu\n",
           (unsigned long long)(load_requests(b->load) - requests),
           after - before);
    c->callers(stdout);
}

static int run(struct bench *b, const struct scenario *sc, double amount)
{
    struct load_config cfg = {
        .scenario = sc, .loop = &b->loop, .idle = on_idle, .user = b};
    struct load_phase phase = {
        .requests = amount < 0 ? (uint64_t)-amount : 0,
        .duration_ns = amount > 0 ? (int64_t)(amount * 1e9) : 0,
        .rate_from_rps = sc->load.rate_rps,
        .rate_to_rps = sc->load.rate_rps,
        .seed = sc->load.seed,
    };
    struct counter counter = find_counter();
    struct err err = {{0}};
    int64_t t0, cpu0;

    uv_loop_init(&b->loop);
    uv_timer_init(&b->loop, &b->clerk);
    b->clerk.data = b;
    if (load_open(&cfg, &b->load, &err) != 0) {
        fprintf(stderr, "load_bench: %s\n", err.msg);
        return 1;
    }
    t0 = clock_now_ns();
    cpu0 = clock_cpu_ns();
    if (counter.total != NULL)
        count_phase(b, &counter, &phase);
    else
        run_phase(b, &phase);
    print_results(b, b->idle_ns - t0, clock_cpu_ns() - cpu0);
    load_close(&b->load);
    uv_close((uv_handle_t *)&b->clerk, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&b->loop) != 0;
}

int main(int argc, char **argv)
{
    struct scenario sc = {0};
    struct mistakes m;
    struct bench b = {0};
    int rc = 2;

    if (argc < 3) {
        fputs("usage: load_bench SCENARIO SECONDS [section.key=value ...]\n",
              stderr);
        return 2;
    }
    mistakes_init(&m);
    if (scenario_load(argv[1], argv + 3, (size_t)(argc - 3), &sc, &m) != 0) {
        struct buf text;

        buf_init(&text, 1 << 20);
        mistakes_write(&m, &text);
        fputs(buf_str(&text), stderr);
        buf_release(&text);
    } else {
        rc = run(&b, &sc, strtod(argv[2], NULL));
        scenario_release(&sc);
    }
    mistakes_release(&m);
    return rc;
}
