/* The meters of control groups: v2 and v1 from recorded trees; v1 for real
 * where this machine lets us make a group. */
#include "harness/sampler/cgroup_meter.h"

#include "harness/base/file.h"
#include "harness/base/procfs.h"
#include "tests/unit/sampler/fake_host.h"
#include "tests/unit/temp_dir.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void put(const char *dir, const char *name, const char *text)
{
    char *path = file_join(dir, name), *slash = strrchr(path, '/');

    *slash = '\0';
    assert_int_equal(file_mkdirs(path, NULL), 0);
    *slash = '/';
    assert_int_equal(file_write(path, text, strlen(text), NULL), 0);
    free(path);
}

static void test_v2(void **state)
{
    char *dir = temp_dir_new();
    struct cgroup cg = {.version = 2};
    struct cgroup_usage u;

    (void)state;
    snprintf(cg.top, sizeof cg.top, "%s", dir);
    snprintf(cg.dir, sizeof cg.dir, "%s/shop/web", dir);
    put(dir, "shop/memory.max", "1000000\n");
    put(dir, "shop/web/memory.max", "max\n");
    put(dir, "shop/web/memory.current", "500000\n");
    put(dir, "shop/web/memory.stat",
        "anon 100000\nfile 350000\nkernel 10\ninactive_anon 7\n"
        "inactive_file 300000\n");
    put(dir, "shop/web/memory.events",
        "low 0\nmax 9\noom 4\noom_kill 3\n"
        "oom_group_kill 0\n");
    cgroup_meter_usage(&cg, &u);
    assert_close(u.usage_bytes, 500000, 0);
    assert_close(u.working_bytes, 200000, 0);
    assert_close(u.anon_bytes, 100000, 0);
    assert_close(u.file_bytes, 350000, 0);
    assert_close(cgroup_meter_oom_kills(&cg), 3, 0);
    assert_close(cgroup_meter_limit(&cg), 1000000, 0); /* an ancestor's */
    put(dir, "shop/web/memory.max", "600000\n");
    assert_close(cgroup_meter_limit(&cg), 600000, 0);
    /* Nothing to read is no value. */
    snprintf(cg.dir, sizeof cg.dir, "%s/none", dir);
    cgroup_meter_usage(&cg, &u);
    assert_true(isnan(u.usage_bytes) && isnan(u.working_bytes));
    assert_true(isnan(cgroup_meter_oom_kills(&cg)));
    assert_true(isnan(cgroup_meter_limit(&cg)));
    temp_dir_free(dir);
}

static void test_v1(void **state)
{
    char *dir = temp_dir_new();
    struct cgroup cg = {.version = 1};
    struct cgroup_usage u;

    (void)state;
    snprintf(cg.top, sizeof cg.top, "%s", dir);
    snprintf(cg.dir, sizeof cg.dir, "%s/web", dir);
    put(dir, "memory.limit_in_bytes", "9223372036854771712\n");
    put(dir, "web/memory.limit_in_bytes", "9223372036854771712\n");
    put(dir, "web/memory.usage_in_bytes", "90000\n");
    put(dir, "web/memory.stat",
        "cache 1\nrss 2\ninactive_file 3\n"
        "total_cache 80000\ntotal_rss 9000\n"
        "total_inactive_file 95000\n");
    put(dir, "web/memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\n"
        "oom_kill 2\n");
    cgroup_meter_usage(&cg, &u);
    assert_close(u.usage_bytes, 90000, 0);
    assert_close(u.working_bytes, 0, 0); /* read at two moments: not < 0 */
    assert_close(u.anon_bytes, 9000, 0);
    assert_close(u.file_bytes, 80000, 0);
    assert_close(cgroup_meter_oom_kills(&cg), 2, 0);
    assert_true(isnan(cgroup_meter_limit(&cg)));
    temp_dir_free(dir);
}

/* A started target shares our group: then usage says nothing about it, and
 * the source says so instead of giving numbers. */
static void test_shared(void **state)
{
    const char *const *names;
    struct fake_host f;
    struct err err = {""};
    void *source;
    size_t n;

    (void)state;
    fake_host_init(&f, true);
    assert_int_equal(source_ops_cgroup.open(&f.host, &source, &names, &n, &err),
                     0);
    assert_true(n == 0 || n == 2);
    assert_int_equal(f.nnotes, 1);
    for (size_t i = 0; i < n; i++)
        assert_true(strcmp(names[i], "cgroup_bytes") != 0);
    source_ops_cgroup.close(source);
    fake_host_release(&f);
}

/* ---- for real ---- */

static char *make_group(void)
{
    struct cgroup own;
    char *dir;

    if (cgroup_of(getpid(), &own, NULL) != 0 || own.version != 1)
        return NULL;
    dir = mem_printf("%s/plateau-test-%d", own.top, (int)getpid());
    if (mkdir(dir, 0777) == 0)
        return dir;
    free(dir);
    return NULL;
}

static void join(const char *dir)
{
    char *path = file_join(dir, "cgroup.procs");
    FILE *f = fopen(path, "w");

    free(path);
    if (f == NULL || fprintf(f, "%d\n", (int)getpid()) < 0 || fclose(f) != 0)
        _exit(9);
}

static void test_real_v1(void **state)
{
    char *dir = make_group();
    const size_t size = 24 << 20;
    const char *const *names;
    struct fake_host f;
    struct err err = {""};
    struct source_read how = fake_read(true);
    double v[8];
    void *source;
    size_t n;
    int p[2];
    pid_t pid;
    char c;

    (void)state;
    if (dir == NULL)
        skip();
    fake_host_init(&f, false);
    assert_int_equal(pipe(p), 0);
    pid = fork();
    if (pid == 0) {
        char *mem;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        join(dir);
        mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(mem, 1, size);
        if (write(p[1], "x", 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    assert_int_equal(read(p[0], &c, 1), 1);
    f.host.cgroup = dir;
    assert_int_equal(source_ops_cgroup.open(&f.host, &source, &names, &n, &err),
                     0);
    assert_int_equal(n, 6);
    assert_int_equal(f.nnotes, 0);
    source_ops_cgroup.read(source, &f.host, &how, v);
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], "cgroup_anon_bytes") == 0 ||
            strcmp(names[i], "cgroup_working_bytes") == 0)
#ifdef __SANITIZE_THREAD__ /* its shadow memory comes on top */
            assert_true(v[i] >= (double)size);
#else
            assert_close(v[i], (double)size, 4 << 20);
#endif
    source_ops_cgroup.close(source);
    fake_host_release(&f);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(p[0]);
    close(p[1]);
    for (int i = 0; i < 2000 && rmdir(dir) != 0; i++)
        usleep(1000);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v2),
        cmocka_unit_test(test_v1),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_real_v1),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
