#include "harness/load/seconds.h"

#include "harness/base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A small latency histogram in us: linear below 128, then 64 steps per
 * octave (1.6 %) up to 2^32 us. For plots of each name; the exact one, of all
 * names together, is histogram.h. */
#define LINEAR 128u
#define STEPS 64u
#define OCTAVES 25u
#define BUCKETS (LINEAR + STEPS * OCTAVES)

struct row {
    uint64_t sent, ok, errors, late;
    uint32_t measured;
    uint32_t at[BUCKETS];
};

struct page {
    int64_t second; /* -1: empty */
    struct row *rows;
    struct histogram *times;
};

struct seconds {
    size_t nrequests;
    struct page cur; /* the worker's own */
    pthread_mutex_t lock;
    struct page kept[SECONDS_KEPT]; /* under the lock, oldest first */
    size_t nkept;
    int64_t passed;  /* under the lock: every second before it is in kept */
    struct page sum; /* the conductor's, when this is the first book */
};

static unsigned bucket_of(int64_t ns)
{
    uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
    unsigned shift;

    if (us > 0xffffffffu)
        us = 0xffffffffu;
    if (us < LINEAR)
        return (unsigned)us;
    shift = 57u - (unsigned)__builtin_clzll(us); /* us >> shift: 64 .. 127 */
    return LINEAR + (shift - 1) * STEPS + (unsigned)(us >> shift) - STEPS;
}

/* The middle of a bucket in ms. */
static double bucket_ms(unsigned b)
{
    unsigned shift;

    if (b < LINEAR)
        return ((double)b + 0.5) * 1e-3;
    shift = (b - LINEAR) / STEPS + 1;
    return ((double)((b - LINEAR) % STEPS + STEPS) + 0.5) *
           (double)(1ull << shift) * 1e-3;
}

static struct page page_new(size_t nrequests)
{
    return (struct page){-1, mem_zalloc(nrequests, sizeof(struct row)),
                         histogram_new()};
}

static void page_free(struct page *p)
{
    free(p->rows);
    histogram_free(p->times);
}

struct seconds *seconds_new(size_t nrequests)
{
    struct seconds *s = mem_zalloc(1, sizeof *s);

    s->nrequests = nrequests;
    s->cur = page_new(nrequests);
    for (int i = 0; i < SECONDS_KEPT; i++)
        s->kept[i] = page_new(nrequests);
    s->sum = page_new(nrequests);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void seconds_free(struct seconds *s)
{
    if (s == NULL)
        return;
    page_free(&s->cur);
    page_free(&s->sum);
    for (int i = 0; i < SECONDS_KEPT; i++)
        page_free(&s->kept[i]);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Clears only rows that were used: a page of a thousand names is large. */
static void page_clear(struct page *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct row *r = &p->rows[i];

        if (r->measured > 0)
            memset(r, 0, sizeof *r);
        else
            r->sent = r->ok = r->errors = r->late = 0;
    }
    histogram_reset(p->times);
    p->second = -1;
}

/* Under the lock: the oldest kept page out, cleared, to the end. */
static void drop_oldest(struct seconds *s)
{
    struct page p = s->kept[0];

    page_clear(&p, s->nrequests);
    memmove(&s->kept[0], &s->kept[1], (SECONDS_KEPT - 1) * sizeof p);
    s->kept[SECONDS_KEPT - 1] = p;
    s->nkept--;
}

/* Under the lock: the current page becomes a kept one. */
static void hand_over(struct seconds *s)
{
    struct page spare;

    if (s->cur.second < 0)
        return;
    if (s->nkept == SECONDS_KEPT)
        drop_oldest(s);
    spare = s->kept[s->nkept];
    s->kept[s->nkept++] = s->cur;
    s->cur = spare;
}

void seconds_pass(struct seconds *s, int64_t second)
{
    pthread_mutex_lock(&s->lock);
    if (s->cur.second < second)
        hand_over(s);
    if (second > s->passed)
        s->passed = second;
    pthread_mutex_unlock(&s->lock);
}

static struct row *row_at(struct seconds *s, int64_t second, size_t request)
{
    if (second < 0)
        second = 0;
    if (s->cur.second >= 0 && second > s->cur.second)
        seconds_pass(s, second);
    if (s->cur.second < 0)
        s->cur.second = second;
    return &s->cur.rows[request];
}

void seconds_sent(struct seconds *s, int64_t second, size_t request,
                  uint64_t late)
{
    struct row *r = row_at(s, second, request);

    r->sent++;
    r->late += late;
}

void seconds_done(struct seconds *s, int64_t second, size_t request, int ok,
                  int64_t response_ns)
{
    struct row *r = row_at(s, second, request);

    if (ok)
        r->ok++;
    else
        r->errors++;
    if (response_ns < 0)
        return;
    r->measured++;
    r->at[bucket_of(response_ns)]++;
    histogram_record(s->cur.times, response_ns);
}

static void row_add(struct row *to, const struct row *from)
{
    to->sent += from->sent;
    to->ok += from->ok;
    to->errors += from->errors;
    to->late += from->late;
    to->measured += from->measured;
    for (unsigned b = 0; from->measured > 0 && b < BUCKETS; b++)
        to->at[b] += from->at[b];
}

static double row_percentile(const struct row *r, double p)
{
    double want = p * (double)r->measured;
    double seen = 0;

    for (unsigned b = 0; b < BUCKETS; b++) {
        seen += r->at[b];
        if (r->at[b] > 0 && seen >= want)
            return bucket_ms(b);
    }
    return __builtin_nan("");
}

/* The oldest second in any book, -1: none; INT64_MAX in `*passed` unless a
 * book may still add to it. */
static int64_t oldest(struct seconds *const *books, size_t n, int partial,
                      int64_t *passed)
{
    int64_t first = -1;

    *passed = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        struct seconds *s = books[i];

        pthread_mutex_lock(&s->lock);
        /* An idle worker does not touch its page: it may be taken. */
        if (partial)
            hand_over(s);
        if (s->nkept > 0 && (first < 0 || s->kept[0].second < first))
            first = s->kept[0].second;
        if (!partial && s->passed < *passed)
            *passed = s->passed;
        pthread_mutex_unlock(&s->lock);
    }
    return first;
}

const struct histogram *seconds_times(struct seconds *const *books)
{
    return books[0]->sum.times;
}

size_t seconds_take(struct seconds *const *books, size_t n, int partial,
                    struct load_second *out, size_t max)
{
    int64_t passed, second = oldest(books, n, partial, &passed);
    struct row *sum;
    size_t rows = 0;

    if (n == 0 || second < 0 || second >= passed || max < books[0]->nrequests)
        return 0;
    page_clear(&books[0]->sum, books[0]->nrequests);
    sum = books[0]->sum.rows;
    for (size_t i = 0; i < n; i++) {
        struct seconds *s = books[i];

        pthread_mutex_lock(&s->lock);
        while (s->nkept > 0 && s->kept[0].second <= second) {
            for (size_t k = 0; k < s->nrequests; k++)
                row_add(&sum[k], &s->kept[0].rows[k]);
            histogram_merge(books[0]->sum.times, s->kept[0].times);
            drop_oldest(s);
        }
        pthread_mutex_unlock(&s->lock);
    }
    for (size_t k = 0; k < books[0]->nrequests; k++) {
        const struct row *r = &sum[k];

        if (r->sent + r->ok + r->errors == 0)
            continue;
        out[rows++] = (struct load_second){
            .second = second,
            .kind = (int)k,
            .sent = r->sent,
            .ok = r->ok,
            .errors = r->errors,
            .late = r->late,
            .p50_ms = row_percentile(r, 0.50),
            .p99_ms = row_percentile(r, 0.99),
        };
    }
    return rows;
}
