#include "harness/base/clock.h"

#include "tests/unit/assert_close.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static void test_never_goes_back(void **state)
{
    (void)state;
    int64_t last = clock_now_ns();

    for (int i = 0; i < 100000; i++) {
        int64_t now = clock_now_ns();

        assert_true(now >= last);
        last = now;
    }
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
    (void)sig;
    alarms++;
}

/* Interrupted by signals all the way, and still not early. */
static void test_sleep_resumes(void **state)
{
    (void)state;
    struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
    int64_t due = clock_now_ns() + 50 * CLOCK_NS_PER_MS;

    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &often, NULL);
    clock_sleep_until(due);
    setitimer(ITIMER_REAL, &never, NULL);
    assert_true(clock_now_ns() >= due);
    /* ThreadSanitizer hands all that came during the sleep over as one. */
    assert_true(alarms > 0);
    clock_sleep_until(0); /* long due: returns at once */
}

static void test_cpu_time_rises_with_work(void **state)
{
    (void)state;
    int64_t from = clock_cpu_ns(), bound = clock_now_ns() + 10 * CLOCK_NS_PER_S;

    while (clock_cpu_ns() - from < 5 * CLOCK_NS_PER_MS)
        assert_true(clock_now_ns() < bound);
}

static void test_wall_forms(void **state)
{
    (void)state;
    char iso[32], stamp[32];
    struct tm tm = {0};

    assert_true(clock_suspended_ns() > -CLOCK_NS_PER_MS);
    clock_wall_iso(iso);
    clock_wall_stamp(stamp);
    assert_int_equal(strlen(iso), 20);
    assert_int_equal(strlen(stamp), 16);
    assert_non_null(strptime(iso, "%Y-%m-%dT%H:%M:%SZ", &tm));
    assert_close((double)timegm(&tm), (double)time(NULL), 2);
    assert_non_null(strptime(stamp, "%Y%m%dT%H%M%SZ", &tm));
    assert_close((double)timegm(&tm), (double)time(NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_goes_back),
        cmocka_unit_test(test_sleep_resumes),
        cmocka_unit_test(test_cpu_time_rises_with_work),
        cmocka_unit_test(test_wall_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
