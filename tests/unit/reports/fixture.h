/* A run and its verdict, made up: a shop whose POST /orders leaks, for the
 * tests of all reporters. Both come from fixed numbers, so that the reports'
 * bytes are known. */
#ifndef PLATEAU_TESTS_REPORTS_FIXTURE_H
#define PLATEAU_TESTS_REPORTS_FIXTURE_H

#include "harness/base/rng.h"
#include "reports/report.h"
#include "tests/unit/temp_dir.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum fixture_case { FIXTURE_LEAK, FIXTURE_PASS, FIXTURE_INCONCLUSIVE };

struct fixture {
    char *dir;
    struct record record;
    struct verdict verdict;
    struct report_input in;
};

static inline double fixture_wiggle(struct rng *r, double by)
{
    return (rng_unit(r) - 0.5) * 2 * by;
}

static inline void fixture_samples(const char *dir, double per_request)
{
    struct buf b;
    struct rng r;

    rng_init(&r, 1);
    buf_init(&b, 1 << 20);
    buf_adds(&b, "t_s,requests,phase,proc_starts,rss_bytes,pss_bytes,"
                 "uss_bytes,cgroup_working_bytes,py_blocks,fds,threads\n");
    for (int i = 0; i < 250; i++) {
        double done = i < 20 ? i * 100.0 : 2000 + (i - 20) * 210.0;
        double warm = 30e6 * (1 - exp(-i / 8.0));
        double leak = per_request * done * 0.1;

        buf_addf(&b, "%d,%.0f,%s,3,%.0f,%.0f,%.0f,%.0f,%.0f,%d,9\n", i, done,
                 i < 20 ? "warmup" : "load",
                 95e6 + warm + leak + fixture_wiggle(&r, 4e5),
                 78e6 + warm + leak + fixture_wiggle(&r, 2e5),
                 70e6 + warm + leak + fixture_wiggle(&r, 2e5),
                 120e6 + warm + leak + fixture_wiggle(&r, 8e5),
                 410000 + (per_request > 0 ? done * 0.1 : 0) +
                     fixture_wiggle(&r, 300),
                 40 + (int)rng_below(&r, 6));
    }
    temp_dir_puts(dir, "samples.csv", buf_str(&b));
    buf_release(&b);
}

static inline void fixture_barriers(const char *dir, double per_request)
{
    struct buf b;
    struct rng r;

    rng_init(&r, 2);
    buf_init(&b, 1 << 20);
    buf_adds(&b, "block,t_s,requests,phase,proc_starts,ok,errors,"
                 "requests:browse,requests:order,flow:buy,rss_bytes,pss_bytes,"
                 "py_blocks,fds,threads\n");
    for (int i = 0; i <= 12; i++) {
        double done = 2000 + i * 4000.0, orders = done * 0.1;

        buf_addf(
            &b,
            "%d,%d,%.0f,barrier,3,%.0f,%d,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,"
            "40,9\n",
            i, 20 + i * 19, done, done - i, i, done * 0.8, orders, done * 0.1,
            125e6 + per_request * orders + fixture_wiggle(&r, 2e5),
            108e6 + per_request * orders + fixture_wiggle(&r, 4e4),
            410000 + (per_request > 0 ? orders : 0) + fixture_wiggle(&r, 3));
    }
    temp_dir_puts(dir, "barriers.csv", buf_str(&b));
    buf_release(&b);
}

static inline void fixture_seconds(const char *dir)
{
    struct buf b;
    struct rng r;

    rng_init(&r, 3);
    buf_init(&b, 1 << 20);
    buf_adds(&b, "t_s,kind,sent,ok,errors,late,p50_ms,p99_ms\n");
    for (int i = 0; i < 250; i++) {
        bool pause = i > 20 && i % 19 == 1;
        int browse = pause ? 0 : 160 + (int)rng_below(&r, 12);

        buf_addf(&b, "%d,browse,%d,%d,0,%d,%.2f,%.2f\n", i, browse, browse,
                 (int)rng_below(&r, 2), 1.8 + fixture_wiggle(&r, 0.2),
                 6.5 + fixture_wiggle(&r, 2));
        buf_addf(&b, "%d,order,%d,%d,%d,0,%.2f,%.2f\n", i, browse / 8,
                 browse / 8 - (i == 100), i == 100, 3.4, 11.25);
        buf_addf(&b, "%d,flow:buy,%d,%d,0,0,%.2f,%.2f\n", i, browse / 8,
                 browse / 8, 5.1, 19.5);
    }
    temp_dir_puts(dir, "requests.csv", buf_str(&b));
    buf_release(&b);
}

#define FIXTURE_RUN_JSON                                                       \
    "{\"schema\": \"plateau-run/1\", \"name\": \"shop-soak\","                 \
    " \"started\": \"2026-11-22T10:15:00Z\", \"end\": \"complete\","           \
    " \"end_detail\": \"\", \"duration_s\": 252, \"requests\": 50412,"         \
    " \"errors\": 13, \"limit_bytes\": 536870912,"                             \
    " \"command\": \"gunicorn -w 2 -b 127.0.0.1:8000 shop:app\","              \
    " \"url\": \"http://127.0.0.1:8000\", \"engine\": \"h1\","                 \
    " \"engine_why\": \"plain HTTP/1.1, no redirects\","                       \
    " \"tool_version\": \"0.1.0\", \"host\": \"ci-7\","                        \
    " \"kernel\": \"Linux 6.1.0\", \"harness_cpu_s\": 21.5,"                   \
    " \"harness_rss_bytes\": 9437184, \"sampler_cost_s\": 1.75,"               \
    " \"late_p99_ms\": 0.8, \"kinds\": ["                                      \
    "{\"name\": \"browse\", \"flow\": false, \"weight\": 8},"                  \
    "{\"name\": \"order\", \"flow\": false, \"weight\": 1},"                   \
    "{\"name\": \"buy\", \"flow\": true, \"weight\": 1}],"                     \
    " \"notes\": [\"the allocator's counters were not readable: memory kept "  \
    "free by malloc cannot be told apart\"]}"

#define FIXTURE_EVENTS                                                         \
    "{\"t_s\":0,\"event\":\"process_start\",\"pid\":4711,\"detail\":"          \
    "\"gunicorn\"}\n{\"t_s\":20,\"event\":\"phase\",\"pid\":0,\"detail\":"     \
    "\"load\"}\n{\"t_s\":131.5,\"event\":\"process_end\",\"pid\":4713,"        \
    "\"detail\":\"worker recycled\"}\n{\"t_s\":132,\"event\":"                 \
    "\"process_start\",\"pid\":4790,\"detail\":\"worker\"}\n"

#define FIXTURE_PROCESSES                                                      \
    "t_s,pid,start,command,rss_bytes,pss_bytes,uss_bytes,swap_bytes,threads,"  \
    "fds,cpu_s\n0,4711,900,gunicorn: master,25000000,12000000,9000000,0,1,8,"  \
    "0.3\n0,4713,905,gunicorn: worker,48000000,40000000,37000000,0,4,16,0.1\n" \
    "131,4713,905,gunicorn: worker,50000000,41000000,37000000,0,4,16,22\n"     \
    "132,4790,14100,gunicorn: worker,47000000,39000000,36000000,0,4,16,0.1\n"  \
    "249,4711,900,gunicorn: master,25100000,12100000,9000000,0,1,8,0.4\n"      \
    "249,4790,14100,gunicorn: worker,52000000,44000000,40000000,0,4,16,19\n"

#define FIXTURE_DIAGNOSIS                                                      \
    "{\"schema\": \"plateau-diagnosis/1\", \"seconds\": 3.5,"                  \
    " \"requests\": 600, \"method\": \"from outside\", \"chains\": ["          \
    "{\"type\": \"shop.Order\", \"chain\": \"module shop -> history: "         \
    "list[51204] -> Order\", \"instances\": 51204, \"sampled\": 50, "          \
    "\"found\": 50}], \"sites\": [{\"where\": \"shop.py:41\", \"trace\": "     \
    "\"shop.py:41 in add\\nshop.py:80 in order\", \"bytes_per_request\": "     \
    "2365, \"count_per_request\": 3}], \"mappings\": [{\"name\": "             \
    "\"[heap]\", \"grown_bytes\": 1419264, \"resident_bytes\": 60817408}],"    \
    " \"notes\": []}"

static inline void fixture_files(struct fixture *f, double per_request)
{
    f->dir = temp_dir_new();
    fixture_samples(f->dir, per_request);
    fixture_barriers(f->dir, per_request);
    fixture_seconds(f->dir);
    temp_dir_puts(f->dir, "run.json", FIXTURE_RUN_JSON);
    temp_dir_puts(f->dir, "events.ndjson", FIXTURE_EVENTS);
    temp_dir_puts(f->dir, "processes.csv", FIXTURE_PROCESSES);
    temp_dir_puts(f->dir, "scenario.ini",
                  "[scenario]\nname = shop-soak\n\n[target]\nurl = "
                  "http://127.0.0.1:8000\n\n[request order]\nmethod = POST\n"
                  "path = /orders\nheader = Authorization: ***\n");
}

static inline void fixture_finding(struct fixture *f, const char *name,
                                   enum outcome o, double slope, double half,
                                   double minimum, double level)
{
    struct verdict *v = &f->verdict;
    struct metric m;
    struct finding *x;
    double rate = 210 * 3600;

    v->findings =
        mem_realloc(v->findings, v->nfindings + 1, sizeof *v->findings);
    x = &v->findings[v->nfindings++];
    metric_describe(name, &m);
    finding_init(x, &m);
    x->outcome = o;
    x->shape = o == OUTCOME_LEAK ? SHAPE_LINEAR : SHAPE_FLAT;
    x->basis = BASIS_BARRIERS;
    x->judged = m.role != METRIC_WITNESS;
    x->per_request = (struct interval){slope, slope - half, slope + half};
    x->per_hour = (struct interval){slope * rate, (slope - half) * rate,
                                    (slope + half) * rate};
    x->minimum_per_request = minimum;
    x->minimum_per_hour = minimum * rate;
    x->tolerance_per_request = m.unit == METRIC_BYTES ? 64 : 0.01;
    x->level = level;
    x->steady_from_s = 20;
    x->from_s = 20;
    x->to_s = 248;
    x->from_requests = 2000;
    x->to_requests = 50000;
    x->grown = slope * 48000;
    snprintf(x->reason, sizeof x->reason,
             "%s %s over 12 blocks of 4,000 requests.", name,
             o == OUTCOME_LEAK   ? "grew in step with the requests"
             : o == OUTCOME_PASS ? "did not grow"
                                 : "moved too much to tell");
}

static inline void fixture_leak(struct fixture *f)
{
    struct verdict *v = &f->verdict;

    fixture_finding(f, "pss_bytes", OUTCOME_LEAK, 236.5, 4, 9, 119.5e6);
    fixture_finding(f, "py_blocks", OUTCOME_LEAK, 0.1, 0.0004, 0.001, 415000);
    fixture_finding(f, "rss_bytes", OUTCOME_LEAK, 236, 21, 40, 136e6);
    fixture_finding(f, "fds", OUTCOME_PASS, 0, 0.00002, 0.0001, 40);
    fixture_finding(f, "threads", OUTCOME_PASS, 0, 0, 0.0001, 9);
    v->lead = 0;
    v->findings[0].decisive = v->findings[1].decisive = true;
    v->findings[0].limit_s = (struct interval){840, 720, 1020};
    snprintf(v->reason, sizeof v->reason, "%s",
             "Memory grows with every order and nothing gives it back: after "
             "warm-up, each block of 4,000 requests left 0.9 MiB behind.");
    snprintf(v->advice, sizeof v->advice, "%s",
             "Look at what shop.history keeps; bound it or drop what is "
             "served.");
    v->nblames = 4;
    v->blames = mem_zalloc(4, sizeof *v->blames);
    v->blames[0] = (struct blame){.finding = 0,
                                  .kind = 1,
                                  .per_request = {2365, 2325, 2405},
                                  .named = true,
                                  .minimum_per_request = 60};
    v->blames[1] = (struct blame){.finding = 1,
                                  .kind = 1,
                                  .per_request = {1, 0.997, 1.003},
                                  .named = true,
                                  .minimum_per_request = 0.01};
    v->blames[2] = (struct blame){.finding = 0,
                                  .kind = 0,
                                  .per_request = {0.4, -4, 5},
                                  .named = false,
                                  .minimum_per_request = 9};
    v->blames[3] = (struct blame){.finding = 0,
                                  .kind = 2,
                                  .per_request = {2, -20, 25},
                                  .named = false,
                                  .minimum_per_request = 52};
    v->types_kind = 1; /* order */
    v->types_share = 0.1;
    v->ntypes = 2;
    v->types = mem_zalloc(2, sizeof *v->types);
    v->types[0] = (struct type_growth){
        "shop.Order", {0.1, 0.0997, 0.1003}, 62, 5204, 0, true};
    v->types[1] = (struct type_growth){
        "dict", {0.0002, -0.0001, 0.0005}, 0.04, 9120, -1, false};
    snprintf(v->cause.class, sizeof v->cause.class, "live_objects");
    snprintf(v->cause.text, sizeof v->cause.text, "%s",
             "live Python objects: each request adds one block that stays "
             "allocated");
    v->control_ran = v->control_ok = true;
    snprintf(v->control_text, sizeof v->control_text, "%s",
             "a leak of 9 B per request, planted into these readings, was "
             "found");
    temp_dir_puts(f->dir, "diagnosis.json", FIXTURE_DIAGNOSIS);
}

static inline void fixture_pass(struct fixture *f)
{
    struct verdict *v = &f->verdict;

    fixture_finding(f, "pss_bytes", OUTCOME_PASS, 0.3, 4.5, 9, 108e6);
    fixture_finding(f, "py_blocks", OUTCOME_PASS, 0.00001, 0.0004, 0.001,
                    410000);
    fixture_finding(f, "fds", OUTCOME_PASS, 0, 0.00002, 0.0001, 40);
    v->lead = 0;
    v->findings[0].decisive = true;
    snprintf(v->reason, sizeof v->reason, "%s",
             "Memory reached its plateau after warm-up and stayed there for "
             "12 blocks of 4,000 requests.");
}

static inline void fixture_inconclusive(struct fixture *f)
{
    struct verdict *v = &f->verdict;

    fixture_finding(f, "pss_bytes", OUTCOME_INCONCLUSIVE, 31, 62, 120, 108e6);
    fixture_finding(f, "fds", OUTCOME_PASS, 0, 0.00002, 0.0001, 40);
    v->lead = 0;
    v->findings[0].decisive = v->findings[0].blocking = true;
    v->findings[0].more_requests = v->more_requests = 96000;
    v->findings[0].more_s = v->more_s = 460;
    v->findings[0].more_chance = v->more_chance = 0.75;
    snprintf(v->reason, sizeof v->reason, "%s",
             "The readings move more than the growth that matters: neither a "
             "leak nor a plateau can be told from this run.");
    snprintf(v->advice, sizeof v->advice, "%s", "Run again with blocks = 36.");
}

static inline void fixture_open(struct fixture *f, enum fixture_case c)
{
    struct err err = {""};

    *f = (struct fixture){.verdict = {.lead = -1,
                                      .more_requests = NAN,
                                      .more_s = NAN,
                                      .more_chance = NAN,
                                      .types_kind = -1,
                                      .types_share = 1,
                                      .steady_from_s = 20}};
    f->verdict.outcome = c == FIXTURE_LEAK   ? OUTCOME_LEAK
                         : c == FIXTURE_PASS ? OUTCOME_PASS
                                             : OUTCOME_INCONCLUSIVE;
    fixture_files(f, c == FIXTURE_LEAK ? 2365 : 0);
    if (c == FIXTURE_LEAK)
        fixture_leak(f);
    else if (c == FIXTURE_PASS)
        fixture_pass(f);
    else
        fixture_inconclusive(f);
    if (record_load(f->dir, &f->record, &err) != 0) {
        fprintf(stderr, "%s\n", err.msg);
        abort();
    }
    f->in = (struct report_input){.record = &f->record,
                                  .verdict = &f->verdict,
                                  .exit_code = c == FIXTURE_LEAK   ? 1
                                               : c == FIXTURE_PASS ? 0
                                                                   : 3,
                                  .out_dir = "runs/shop-soak"};
}

static inline void fixture_close(struct fixture *f)
{
    record_release(&f->record);
    verdict_release(&f->verdict);
    temp_dir_free(f->dir);
}

#endif
