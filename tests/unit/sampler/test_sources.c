/* One contract for all sources that need nothing but a process or a text;
 * the rationing of dear ones; and that reading for ever keeps nothing. */
#include "harness/sampler/sources.h"

#include "harness/base/mem.h"
#include "harness/sampler/tables.h"
#include "tests/unit/sampler/fake_host.h"
#include "tests/unit/temp_dir.h"

#include <ctype.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static const struct source_ops *const all[] = {
    &source_ops_process, &source_ops_memory, &source_ops_cgroup,
    &source_ops_http, &source_ops_command};

static struct custom_source echo = {.name = "c", .what = "echo n 1"};

static void fake_with_command(struct fake_host *f, bool own)
{
    fake_host_init(f, own);
    f->sc.sample.custom = &echo;
    f->sc.sample.ncustom = 1;
}

/* Names are metrics', values are filled or NaN, nothing is left behind. */
static void test_contract(void **state)
{
    struct err err = {""};
    double before = 0;

    (void)state;
    for (int round = 0; round < 2; round++) {
        before = fake_fds();
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            const char *const *names = NULL;
            struct fake_host f;
            double v[64];
            void *s = NULL;
            size_t n = 99;

            fake_with_command(&f, true);
            assert_int_equal(all[i]->open(&f.host, &s, &names, &n, &err), 0);
            assert_true(n < 63);
            for (size_t k = 0; k < n; k++) {
                assert_true(names[k][0] != '\0');
                for (const char *c = names[k]; *c != '\0'; c++)
                    assert_true(islower((unsigned char)*c) ||
                                isdigit((unsigned char)*c) || *c == '_');
            }
            for (int exact = 0; n > 0 && exact < 2; exact++) {
                struct source_read how = fake_read(exact);

                for (size_t k = 0; k < 64; k++)
                    v[k] = -7;
                all[i]->read(s, &f.host, &how, v);
                for (size_t k = 0; k < n; k++)
                    assert_true(isnan(v[k]) || v[k] >= 0);
                assert_close(v[n], -7, 0);
            }
            all[i]->close(s);
            fake_host_release(&f);
        }
    }
    assert_close(fake_fds(), before, 0);
}

/* Without a process there are no sums, and none of them is 0. */
static void test_empty_tree(void **state)
{
    static const struct source_ops *const by_process[] = {&source_ops_process,
                                                          &source_ops_memory};
    struct err err = {""};

    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *const *names;
        struct fake_host f, none;
        struct source_read how = fake_read(true);
        double v[16];
        size_t n;
        void *s;

        fake_host_init(&f, true);
        fake_host_init(&none, false);
        assert_int_equal(by_process[i]->open(&f.host, &s, &names, &n, &err), 0);
        assert_true(n > 0);
        by_process[i]->read(s, &none.host, &how, v);
        for (size_t k = 0; k < n; k++)
            if (strcmp(names[k], "procs") != 0)
                assert_true(isnan(v[k]));
        by_process[i]->close(s);
        fake_host_release(&f);
        fake_host_release(&none);
    }
}

static bool never(void *user)
{
    (void)user;
    return false;
}

static const char *cost_of(struct sources *s, const char *name)
{
    const char *text;

    for (size_t i = 0; (text = sources_cost_text(s, i)) != NULL; i++)
        if (strncmp(text, name, strlen(name)) == 0)
            return text;
    return NULL;
}

/* A mapping whose pages take the kernel 2 ms to count, however fast the
 * machine is. Touched for reading: the zero page in every slot costs no
 * memory but its tables, 2 bytes in a thousand. */
static char *dear_mapping(size_t *size)
{
    for (*size = (size_t)768 << 20;; *size *= 2) {
        char *p = mmap(NULL, *size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        struct proc_smaps warm;
        int64_t from;

        assert_true(p != MAP_FAILED);
        madvise(p, *size, MADV_NOHUGEPAGE);
        for (size_t i = 0; i < *size; i += 4096)
            if (((volatile char *)p)[i] != 0)
                abort();
        from = clock_now_ns();
        assert_int_equal(procfs_smaps_rollup(getpid(), &warm), 0);
        if (clock_now_ns() - from >= 2 * CLOCK_NS_PER_MS)
            return p;
        munmap(p, *size);
        assert_true(*size < (size_t)64 << 30);
    }
}

/* A process whose page tables take over a millisecond to walk: PSS is read
 * now and then only at ticks, but at every barrier. RSS at every tick. */
static void test_rationing(void **state)
{
    size_t size;
    char *p = dear_mapping(&size);
    const char *const *names;
    struct fake_host f;
    struct sources *s;
    struct err err = {""};
    double v[64];
    int rss = 0, pss = 0, place_rss = -1, place_pss = -1;

    (void)state;
    fake_host_init(&f, true);
    f.sc.sample.process = true;
    f.sc.sample.python = PYTHON_OFF;
    f.sc.load.blocks = 3;
    assert_int_equal(sources_open(&f.host, &s, &err), 0);
    for (size_t i = 0; i < sources_metrics(s, &names); i++) {
        if (strcmp(names[i], "rss_bytes") == 0)
            place_rss = (int)i;
        if (strcmp(names[i], "pss_bytes") == 0)
            place_pss = (int)i;
    }
    assert_true(place_rss >= 0 && place_pss >= 0);
    for (int i = 0; i < 100; i++) {
        struct source_read how = fake_read(false);

        sources_read(s, &how, never, NULL, v);
        rss += !isnan(v[place_rss]);
        pss += !isnan(v[place_pss]);
    }
    assert_int_equal(rss, 100);
    assert_true(pss <= 2);
    for (int i = 0; i < 3; i++) {
        struct source_read how = fake_read(true);

        sources_read(s, &how, never, NULL, v);
        assert_false(isnan(v[place_pss]));
    }
    assert_true(sources_cost_ns(s) > 0);
    assert_non_null(cost_of(s, "memory: "));
    sources_close(&s);
    fake_host_release(&f);
    munmap(p, size);
}

/* 20,000 samples with rows written, processes coming and going: neither our
 * heap nor our descriptors grow. */
static void test_flat(void **state)
{
    char *dir = temp_dir_new();
    const char *const *names;
    struct fake_host f;
    struct sources *s;
    struct rundir *rd;
    struct tables *t;
    struct err err = {""};
    size_t used = 0, n;
    double v[64], fds = 0;

    (void)state;
    fake_host_init(&f, true);
    f.sc.sample.process = f.sc.sample.cgroup = true;
    f.sc.sample.python = PYTHON_OFF;
    assert_int_equal(sources_open(&f.host, &s, &err), 0);
    n = sources_metrics(s, &names);
    assert_int_equal(rundir_create(dir, "x", &rd, &err), 0);
    assert_int_equal(tables_open(rd, names, n, &t, &err), 0);
    for (int i = 0; i < 20000; i++) {
        struct source_read how = fake_read(i % 500 == 0);
        struct sample_row row = {clock_now_ns(), i, 1, PHASE_LOAD};

        if (i % 400 == 0) { /* a worker ends, another begins */
            pid_t pid = fork();

            if (pid == 0)
                _exit(0);
            proctree_scan(f.tree, NULL, NULL);
            waitpid(pid, NULL, 0);
        }
        proctree_scan(f.tree, NULL, NULL);
        sources_read(s, &how, never, NULL, v);
        tables_sample(t, &row, v, 1);
        if (i == 2000) {
            used = mallinfo2().uordblks;
            fds = fake_fds();
        }
    }
    assert_true(mallinfo2().uordblks <= used + 4096);
    assert_close(fake_fds(), fds, 0);
    assert_null(rundir_failed(rd));
    tables_free(t);
    rundir_close(&rd);
    sources_close(&s);
    fake_host_release(&f);
    temp_dir_free(dir);
}

/* Two sources that want one name: the first has it, the other is named. */
static void test_clash(void **state)
{
    static struct custom_source thief = {.name = "rss", .what = "echo bytes 1"};
    const char *const *names;
    struct fake_host f;
    struct sources *s;
    struct err err = {""};
    size_t n, rss = 0;

    (void)state;
    fake_host_init(&f, true);
    f.sc.sample.process = true;
    f.sc.sample.python = PYTHON_OFF;
    f.sc.sample.custom = &thief;
    f.sc.sample.ncustom = 1;
    assert_int_equal(sources_open(&f.host, &s, &err), 0);
    n = sources_metrics(s, &names);
    for (size_t i = 0; i < n; i++)
        rss += strcmp(names[i], "rss_bytes") == 0;
    assert_int_equal(rss, 1);
    assert_non_null(strstr(f.notes, "metric rss_bytes is there already"));
    sources_close(&s);
    fake_host_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract),  cmocka_unit_test(test_empty_tree),
        cmocka_unit_test(test_rationing), cmocka_unit_test(test_flat),
        cmocka_unit_test(test_clash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
