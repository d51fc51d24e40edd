#include "harness/load/rest.h"

#include "harness/base/clock.h"
#include "harness/load/wire.h"
#include "tests/unit/assert_close.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define US 1000

/* Only for a few answers, and when several more come within the rest. */
static void when_and_how_long(void **state)
{
    static const struct {
        int found, in_flight;
        int64_t usual_ns, ns;
    } t[] = {
        {1, 64, 450 * US, 50 * US},
        {REST_FEW - 1, 64, 450 * US, 50 * US},
        {REST_FEW, 64, 450 * US, 0},
        {0, 64, 450 * US, 0},        /* nothing came: the look itself waits */
        {1, 64, 160 * US, 20 * US},  /* an eighth */
        {1, 64, 1050 * US, 50 * US}, /* three in 50 us */
        {1, 64, 1100 * US, 0},       /* fewer */
        {1, 1, 30 * US, 0},          /* nobody else to wait for */
        {1, 23, 30 * US, 0},
        {1, 24, 32 * US, 4 * US},
        {1, 1000, 100000 * US, 0}, /* a slow server */
        {1, 64, 0, 0},             /* no answer yet */
    };

    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct rest r = {.found = t[i].found, .usual_ns = t[i].usual_ns};

        if (rest_length(&r, t[i].in_flight) != t[i].ns)
            fail_msg("case %zu: %lld", i,
                     (long long)rest_length(&r, t[i].in_flight));
    }
}

static void rests_and_begins_anew(void **state)
{
    struct rest r = {.found = 1, .usual_ns = 400 * US};
    int64_t t0 = clock_now_ns();

    (void)state;
    rest_before_look(&r, 64);
    assert_true(clock_now_ns() - t0 >= 50 * US);
    assert_true(r.rested);
    assert_int_equal(r.found, 0);
    rest_before_look(&r, 64);
    assert_false(r.rested);
}

static void usual_follows(void **state)
{
    struct rest r = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        rest_answer(&r, 500 * US);
    assert_int_equal(r.found, 1000);
    assert_close((double)r.usual_ns, 500e3, 1e3);
}

static void arrivals(void **state)
{
    struct rest r = {.offset_ns = -1000, .usual_ns = 400 * US, .found = 1};

    (void)state;
    assert_int_equal(rest_arrival(&r, 6000, 7000), 5000);
    /* Wall time was set: back, and forth. */
    assert_int_equal(rest_arrival(&r, 9000, 7000), 7000);
    assert_int_equal(rest_arrival(&r, 9000, 20 * CLOCK_NS_PER_S),
                     20 * CLOCK_NS_PER_S);
    /* A kernel that does not tell gets no rests. */
    for (int i = 0; i <= REST_UNKNOWN_MOST; i++) {
        assert_true(rest_length(&r, 64) > 0);
        assert_int_equal(rest_arrival(&r, 0, 7000), 7000);
    }
    assert_int_equal(rest_length(&r, 64), 0);
}

static void open_pair(int fd[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd[0], (struct sockaddr *)&a, sizeof a), 0);
    fd[1] = accept(listener, NULL, NULL);
    assert_true(fd[1] >= 0);
    close(listener);
}

/* However late it is read or thrown away, an answer came when it came. */
static void read_late(void **state)
{
    struct rest r = {0};
    struct wire w = {0};
    char buf[16];
    int fd[2], noted = 0;

    (void)state;
    open_pair(fd);
    w.fd = fd[0];
    wire_note_arrivals(&w);
    /* The kernel begins to note a moment after it was asked to. */
    for (int i = 0; i < 200 && noted < 4; i++) {
        bool skip = i % 2;
        int64_t before = clock_now_ns(), sent, woke, now, wall, at;

        assert_int_equal(send(fd[1], "abc", 3, 0), 3);
        sent = clock_now_ns();
        clock_sleep_until(sent + 5 * CLOCK_NS_PER_MS);
        woke = clock_now_ns();
        wall = clock_wall_ns();
        now = clock_now_ns();
        r.offset_ns = now - wall;
        assert_int_equal(wire_recv_arrival(&w, buf, sizeof buf, skip, &wall),
                         3);
        assert_true(skip || memcmp(buf, "abc", 3) == 0);
        at = rest_arrival(&r, wall, clock_now_ns());
        /* Not when somebody else had the core between the two clocks. */
        if (wall == 0 || now - woke > CLOCK_NS_PER_MS)
            continue;
        noted++;
        assert_true(at >= before - CLOCK_NS_PER_MS / 10);
        assert_true(at <= sent + 2 * CLOCK_NS_PER_MS);
    }
    assert_int_equal(noted, 4);
    close(fd[1]);
    {
        int64_t wall;

        assert_int_equal(wire_recv_arrival(&w, buf, sizeof buf, false, &wall),
                         WIRE_EOF);
        assert_int_equal(wall, 0);
    }
    close(fd[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_and_how_long),
        cmocka_unit_test(rests_and_begins_anew),
        cmocka_unit_test(usual_follows),
        cmocka_unit_test(arrivals),
        cmocka_unit_test(read_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
