/* A census of a living process that is no Python: its native heap, against
 * what the C library itself says. */
#include "harness/base/clock.h"
#include "harness/sampler/inspect/census.h"
#include "harness/sampler/inspect/freeze.h"

#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPLACED 1 /* the sanitizer's malloc is not glibc's */
#endif

#define THREADS 3
#define PIECES 4000

static char *volatile big; /* mapped alone */
static void *keep[THREADS + 1][PIECES];
static pthread_barrier_t filled;

/* Allocates in an arena of its own; frees every third piece. */
static void *fill(void *arg)
{
    void **mine = keep[(size_t)(uintptr_t)arg];

    for (size_t i = 0; i < PIECES; i++)
        mine[i] = malloc(200 + i % 700); /* none for a fast bin */
    for (size_t i = 0; i < PIECES; i += 3) {
        free(mine[i]);
        mine[i] = NULL;
    }
    pthread_barrier_wait(&filled);
    pause();
    return NULL;
}

/* What the child knows of its heap. */
struct truth {
    uint64_t inuse, free;
    int64_t threads;
};

/* The child: fills its heap, says what mallinfo2 says, waits to be killed.
 * Nothing is freed after that. */
static void child_main(int to_parent, size_t threads)
{
    struct mallinfo2 mi;
    struct truth t = {.threads = (int64_t)threads + 1};
    pthread_t id;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    pthread_barrier_init(&filled, NULL, (unsigned)threads + 1);
    for (size_t i = 0; i < threads; i++)
        pthread_create(&id, NULL, fill, (void *)(uintptr_t)i);
    for (size_t i = 0; i < PIECES; i++)
        keep[THREADS][i] = malloc(600);
    for (size_t i = 0; i < PIECES; i += 2)
        free(keep[THREADS][i]);
    big = malloc(5 << 20);
    if (big)
        memset(big, 1, 5 << 20);
    pthread_barrier_wait(&filled);
    mi = mallinfo2();
    t.inuse = mi.uordblks + mi.hblkhd;
    t.free = mi.fordblks;
    if (write(to_parent, &t, sizeof t) != (ssize_t)sizeof t)
        _exit(1);
    for (;;)
        pause();
}

static pid_t start_child(size_t threads, struct truth *t)
{
    int fd[2];
    pid_t pid;

    assert_int_equal(pipe(fd), 0);
    pid = fork();
    if (pid == 0)
        child_main(fd[1], threads);
    assert_true(pid > 0);
    close(fd[1]);
    assert_int_equal(read(fd[0], t, sizeof *t), sizeof *t);
    close(fd[0]);
    return pid;
}

static void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

#ifndef REPLACED
static int64_t off(int64_t a, uint64_t b)
{
    int64_t d = a - (int64_t)b;

    return d < 0 ? -d : d;
}
#endif

/* mallinfo2 counts a thread arena's own state as in use, we do not. */
static void agrees_with_mallinfo(void **state)
{
#ifdef REPLACED
    (void)state;
    skip();
#else
    (void)state;
    if (mallinfo2().uordblks == 0)
        skip(); /* nor is valgrind's */
    for (size_t threads = 0; threads <= THREADS; threads += THREADS) {
        struct truth t;
        pid_t pid = start_child(threads, &t);
        struct err err = {""};
        struct census_reader *r = census_open(pid, &err);
        struct census_options o = {0};
        struct census c;
        struct census_count n;

        assert_non_null(r);
        assert_false(census_is_python(r));
        assert_int_equal(census_take(r, &o, &c, &err), 0);
        assert_false(c.n.python);
        assert_false(c.n.native_hidden);
        assert_int_equal(c.n.objects, -1);
        assert_int_equal(c.n.blocks, -1);
        assert_int_equal(c.ntypes, 0);
        assert_int_equal(c.n.threads, t.threads);
        print_message("libc: %llu in use, %llu free; census: %lld, %lld\n",
                      (unsigned long long)t.inuse, (unsigned long long)t.free,
                      (long long)c.n.native_inuse, (long long)c.n.native_free);
        assert_true(t.inuse > 6 << 20);
        assert_true(off(c.n.native_inuse, t.inuse) < 16384);
        assert_true(off(c.n.native_free, t.free) < 16384);
        assert_true(c.n.native_largest_free > 0);
        assert_true(c.n.native_largest_free <= c.n.native_free);
        assert_true(c.n.cpu_ns > 0 && c.n.bytes_copied > 0);
        assert_int_equal(c.n.pause_ns, 0);
        assert_int_equal(census_count(r, &o, &n, &err), 0);
        assert_int_equal(n.native_inuse, c.n.native_inuse);
        assert_int_equal(n.native_free, c.n.native_free);
        assert_null(census_note(r, 0));
        census_release(&c);
        /* It ends: named, and no reader of another process's memory. */
        end_child(pid);
        assert_int_equal(census_take(r, &o, &c, &err), -1);
        assert_non_null(strstr(err.msg, "has ended"));
        assert_int_equal(census_count(r, &o, &n, &err), -1);
        census_close(&r);
        assert_null(r);
    }
#endif
}

static void refuses_what_is_not_there(void **state)
{
    struct err err = {""};
    struct census_reader *r = NULL;

    (void)state;
    assert_null(census_open(0x3fffffff, &err));
    assert_non_null(strstr(err.msg, "no such process"));
    census_close(&r);
}

static void keeps_to_its_time(void **state)
{
    struct truth t;
    pid_t pid = start_child(0, &t);
    struct census_reader *r = census_open(pid, NULL);
    struct census_options o = {.time_limit_ns = 1};
    struct census c;

    (void)state;
    assert_non_null(r);
    assert_int_equal(census_take(r, &o, &c, NULL), 0);
    assert_true(c.n.partial);
    /* A part is no value. */
    assert_int_equal(c.n.native_inuse, -1);
    census_release(&c);
    census_close(&r);
    end_child(pid);
}

static struct census_type row(const char *name, uint64_t count)
{
    return (struct census_type){strdup(name), count, count * 16, count / 2};
}

static void sums(void **state)
{
    struct census sum = {0}, a = {0}, b = {0}, other = {0};

    (void)state;
    a.n = (struct census_count){.processes = 1,
                                .python = true,
                                .blocks = 10,
                                .tracked = 5,
                                .native_inuse = 100,
                                .native_free = 9,
                                .native_largest_free = 7,
                                .gc_collections = -1,
                                .threads = 2};
    a.types = calloc(2, sizeof *a.types);
    a.types[a.ntypes++] = row("shop.Order", 7);
    a.types[a.ntypes++] = row("_asyncio.Task", 3);
    b.n = (struct census_count){.processes = 1,
                                .python = true,
                                .blocks = 1,
                                .tracked = 2,
                                .native_inuse = 50,
                                .native_free = 1,
                                .native_largest_free = 8,
                                .gc_collections = 4,
                                .threads = 1};
    b.types = calloc(1, sizeof *b.types);
    b.types[b.ntypes++] = row("shop.Order", 5);
    other.n = (struct census_count){.processes = 1,
                                    .native_hidden = true,
                                    .native_inuse = -1,
                                    .native_free = -1,
                                    .native_largest_free = -1,
                                    .blocks = -1,
                                    .tracked = -1,
                                    .threads = 1};
    census_add(&sum, &other);
    assert_int_equal(sum.n.blocks, -1);
    assert_int_equal(sum.n.native_inuse, -1);
    census_add(&sum, &a);
    census_add(&sum, &b);
    assert_int_equal(sum.n.processes, 3);
    assert_int_equal(sum.n.blocks, 11);
    assert_int_equal(sum.n.tracked, 7);
    assert_int_equal(sum.n.threads, 4);
    assert_int_equal(sum.n.gc_collections, -1); /* unknown in one of them */
    assert_int_equal(sum.n.native_inuse, 150);
    assert_int_equal(sum.n.native_largest_free, 8);
    assert_int_equal(sum.ntypes, 2);
    assert_string_equal(sum.types[0].name, "shop.Order");
    assert_int_equal(sum.types[0].count, 12);
    assert_int_equal(sum.n.tasks, 3);
    assert_null(census_find(&sum, "shop.Cart"));
    assert_int_equal(census_find(&sum, "_asyncio.Task")->count, 3);
    census_release(&a);
    census_release(&b);
    census_release(&sum);
}

/* Stopped threads do not run; afterwards they do, and nothing was lost. */
static void freezes_and_lets_go(void **state)
{
    struct truth t;
    pid_t pid = start_child(THREADS, &t);
    struct err err = {""};
    struct freeze *f = freeze_start(pid, &err);
    char path[64], text[512] = "";
    FILE *file;
    int64_t pause_ns;

    (void)state;
    assert_non_null(f);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_non_null(strstr(text, ") t ")); /* in a tracing stop */
    clock_sleep_until(clock_now_ns() + 2 * CLOCK_NS_PER_MS);
    pause_ns = freeze_end(&f);
    assert_null(f);
    assert_true(pause_ns >= 2 * CLOCK_NS_PER_MS);
    file = fopen(path, "re");
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_null(strstr(text, ") t "));
    assert_null(freeze_start(0x3fffffff, &err));
    assert_int_equal(freeze_end(&f), 0);
    end_child(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_mallinfo),
        cmocka_unit_test(refuses_what_is_not_there),
        cmocka_unit_test(keeps_to_its_time),
        cmocka_unit_test(sums),
        cmocka_unit_test(freezes_and_lets_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
