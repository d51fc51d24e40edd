#include "harness/cli/trouble.h"

#include <stdarg.h>
#include <stdio.h>

struct words {
    char *out;
    size_t n, max;
};

static void __attribute__((format(printf, 2, 3)))
add(struct words *w, const char *fmt, ...)
{
    va_list ap;
    int k;

    if (w->n > 0 && w->n + 2 < w->max)
        w->n += (size_t)snprintf(w->out + w->n, w->max - w->n, "; ");
    va_start(ap, fmt);
    k = vsnprintf(w->out + w->n, w->max - w->n, fmt, ap);
    va_end(ap);
    if (k > 0)
        w->n += (size_t)k < w->max - w->n ? (size_t)k : w->max - w->n - 1;
}

void trouble_text(const struct trouble *t, char *out, size_t max)
{
    struct words w = {out, 0, max};
    double all_s = t->duration_s * t->threads;

    out[0] = '\0';
    if (t->starved > 0)
        add(&w,
            "the load generator ran out of descriptors, ports or memory for "
            "%llu of %llu requests",
            (unsigned long long)t->starved, (unsigned long long)t->done);
    if (t->late_p99_ms > TROUBLE_LATE_MS)
        add(&w,
            "1 %% of the requests were sent over %.0f ms after they were due "
            "(up to %.0f ms counts as on time)",
            t->late_p99_ms, TROUBLE_LATE_MS);
    if (all_s > 1 && t->cpu_s > TROUBLE_CPU * all_s)
        add(&w,
            "the load generator was busy %.0f %% of the time of its %d "
            "thread%s, so it may have sent less than the target could take",
            100 * t->cpu_s / all_s, t->threads, t->threads > 1 ? "s" : "");
}
