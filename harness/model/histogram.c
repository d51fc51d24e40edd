/* Layout after HdrHistogram (Tene): 2,048 steps in the first bucket, then
 * 1,024 steps per doubling, so that neighbouring values differ by less than
 * 0.1 %. 22 doublings of 2,048 us reach beyond an hour. */
#include "harness/model/histogram.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HALF = 1024, BUCKETS = 22, COUNTS = (BUCKETS + 1) * HALF, TICKS = 5 };

static const int64_t hour_us = 3600000000;

struct histogram {
    uint64_t counts[COUNTS];
    uint64_t total;
    uint64_t sum_us; /* of the values themselves: the mean is exact */
    int64_t max_us;
};

struct histogram *histogram_new(void)
{
    return mem_zalloc(1, sizeof(struct histogram));
}

void histogram_free(struct histogram *h)
{
    free(h);
}

static size_t index_of(uint64_t us)
{
    int bucket = 63 - __builtin_clzll(us | (2 * HALF - 1)) - 10;

    return (size_t)bucket * HALF + (us >> bucket);
}

/* The highest value that shares the count of index `i`. */
static uint64_t highest_of(size_t i)
{
    size_t bucket = i < 2 * HALF ? 0 : i / HALF - 1;

    return ((uint64_t)(i - bucket * HALF + 1) << bucket) - 1;
}

static double middle_of(size_t i)
{
    uint64_t high = highest_of(i);
    size_t bucket = i < 2 * HALF ? 0 : i / HALF - 1;

    return (double)high - (double)((1ull << bucket) - 1) / 2;
}

void histogram_record(struct histogram *h, int64_t ns)
{
    int64_t us = ns < 1000 ? 1 : (int64_t)(((uint64_t)ns + 500) / 1000);

    if (us > hour_us)
        us = hour_us;
    h->counts[index_of((uint64_t)us)]++;
    h->total++;
    h->sum_us += (uint64_t)us;
    if (us > h->max_us)
        h->max_us = us;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
    size_t n;

    histogram_counts(from, &n);
    for (size_t i = 0; i < n; i++)
        to->counts[i] += from->counts[i];
    to->total += from->total;
    to->sum_us += from->sum_us;
    if (from->max_us > to->max_us)
        to->max_us = from->max_us;
}

const uint64_t *histogram_counts(const struct histogram *h, size_t *n)
{
    *n = h->total == 0 ? 0 : index_of((uint64_t)h->max_us) + 1;
    return h->counts;
}

void histogram_reset(struct histogram *h)
{
    size_t n;

    /* Only what was counted: the rest need never become memory. */
    histogram_counts(h, &n);
    memset(h->counts, 0, n * sizeof *h->counts);
    h->total = h->sum_us = 0;
    h->max_us = 0;
}

uint64_t histogram_count(const struct histogram *h)
{
    return h->total;
}

/* Finds the index whose cumulative count first reaches the percentile;
 * `*reached` is that count. The total is not 0. */
static size_t find(const struct histogram *h, double percentile,
                   uint64_t *reached)
{
    /* One step down, so that 99.9 % of 1,000 asks for 999 and not, by a
       rounding error, for 1,000. */
    double p = nextafter(fmin(fmax(percentile, 0), 100), 0);
    uint64_t want = (uint64_t)ceil(p / 100 * (double)h->total), sum = 0;

    if (want < 1)
        want = 1;
    for (size_t i = 0; i < COUNTS; i++) {
        sum += h->counts[i];
        if (sum >= want) {
            *reached = sum;
            return i;
        }
    }
    *reached = h->total;
    return index_of((uint64_t)h->max_us);
}

static int64_t value_us(const struct histogram *h, size_t i)
{
    int64_t us = (int64_t)highest_of(i);

    return us > h->max_us ? h->max_us : us;
}

int64_t histogram_at(const struct histogram *h, double percentile)
{
    uint64_t reached;

    return h->total == 0 ? -1
                         : value_us(h, find(h, percentile, &reached)) * 1000;
}

int64_t histogram_max(const struct histogram *h)
{
    return h->total == 0 ? -1 : h->max_us * 1000;
}

double histogram_mean(const struct histogram *h)
{
    return h->total == 0 ? NAN : (double)h->sum_us * 1000 / (double)h->total;
}

static double deviation_us(const struct histogram *h)
{
    double mean = histogram_mean(h) / 1000, sum = 0;

    for (size_t i = 0; i < COUNTS; i++) {
        double d = middle_of(i) - mean;

        if (h->counts[i] > 0)
            sum += d * d * (double)h->counts[i];
    }
    return sqrt(sum / (double)h->total);
}

/* Levels as HdrHistogram has them: five for each halving of what is left. */
static double next_level(double p)
{
    double halvings = floor(log2(100 / (100 - p))) + 1;

    return p + 100 / (TICKS * exp2(halvings));
}

void histogram_write_hgrm(const struct histogram *h, struct buf *out)
{
    double level = 0;

    buf_addf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile",
             "TotalCount", "1/(1-Percentile)");
    while (h->total > 0) {
        uint64_t reached;
        size_t i = find(h, level, &reached);

        if (reached == h->total)
            break;
        buf_addf(out, "%12.3f %2.12f %10llu %14.2f\n",
                 (double)value_us(h, i) / 1000, level / 100,
                 (unsigned long long)reached, 1 / (1 - level / 100));
        level = next_level(level);
    }
    if (h->total > 0)
        buf_addf(out, "%12.3f %2.12f %10llu\n", (double)h->max_us / 1000, 1.0,
                 (unsigned long long)h->total);
    buf_addf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
             h->total > 0 ? histogram_mean(h) / 1e6 : 0.0,
             h->total > 0 ? deviation_us(h) / 1000 : 0.0);
    buf_addf(out, "#[Max     = %12.3f, Total count    = %12llu]\n",
             (double)h->max_us / 1000, (unsigned long long)h->total);
    buf_addf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", BUCKETS,
             2 * HALF);
}
