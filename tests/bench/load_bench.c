/* Drives harness/load alone, for the benches: one phase of a scenario, then
 * "name value" lines on standard output. Not a part of the product.
 *
 *   load_bench SCENARIO SECONDS [section.key=value ...]
 *
 * A negative number of seconds is a number of requests. Exit status 0 unless
 * nothing could be sent at all. */
#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/load/load.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct bench {
    uv_loop_t loop;
    struct load *load;
    int64_t idle_ns;
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
    printf("rss_kb %ld\nrss_peak_kb %ld\n", status_kb("VmRSS:"),
           status_kb("VmHWM:"));
    print_errors(b->load, &c);
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
    struct err err = {{0}};
    int64_t t0, cpu0;

    uv_loop_init(&b->loop);
    if (load_open(&cfg, &b->load, &err) != 0) {
        fprintf(stderr, "load_bench: %s\n", err.msg);
        return 1;
    }
    t0 = clock_now_ns();
    cpu0 = clock_cpu_ns();
    load_start(b->load, &phase);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    print_results(b, b->idle_ns - t0, clock_cpu_ns() - cpu0);
    load_close(&b->load);
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
