/* How late a bare loop on an absolute timer wakes on this machine, doing
 * nothing else: what no load generator can be better than.
 *
 *   floor RATE SECONDS
 *
 * Prints "lateness_p50_us", "lateness_p99_us" and "waited_ms": how long it was
 * ready to run and the core was somebody else's. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static double waited_ms(void)
{
    FILE *f = fopen("/proc/self/schedstat", "r");
    unsigned long long ran, waited = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%llu %llu", &ran, &waited) != 2)
        waited = 0;
    fclose(f);
    return (double)waited * 1e-6;
}

int main(int argc, char **argv)
{
    double rate = argc > 1 ? strtod(argv[1], NULL) : 5000;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 3;
    size_t n = rate > 0 && seconds > 0 ? (size_t)(rate * seconds) : 0;
    int64_t *late = calloc(n + 1, sizeof *late);
    int64_t t0 = now_ns() + 1000000, p50, p99;

    if (late == NULL || n == 0) {
        free(late);
        return 1;
    }
    prctl(PR_SET_TIMERSLACK, 1); /* ns; sleeps are rounded to 50 us else */
    for (size_t i = 0; i < n; i++) {
        int64_t due = t0 + (int64_t)((double)i * 1e9 / rate);
        struct timespec ts = {due / 1000000000, due % 1000000000};

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
        late[i] = now_ns() - due;
    }
    qsort(late, n, sizeof *late, by_value);
    p50 = late[n / 2];
    p99 = late[n * 99 / 100];
    printf("lateness_p50_us %.1f\nlateness_p99_us %.1f\n", (double)p50 * 1e-3,
           (double)p99 * 1e-3);
    printf("waited_ms %.3f\n", waited_ms());
    free(late);
    return 0;
}
