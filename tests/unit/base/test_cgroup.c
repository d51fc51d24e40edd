#include "harness/base/cgroup.h"

#include "harness/base/file.h"
#include "harness/base/procfs.h"
#include "tests/unit/assert_close.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

static void put(const char *name, const char *text)
{
    char *path = file_join(dir, name), *slash = strrchr(path, '/');

    *slash = '\0';
    assert_int_equal(file_mkdirs(path, NULL), 0);
    *slash = '/';
    assert_int_equal(file_write(path, text, strlen(text), NULL), 0);
    free(path);
}

/* Writes mountinfo, with every '@' replaced by the fixture's directory. */
static void put_mounts(const char *text)
{
    char out[4096];
    size_t n = 0;

    for (; *text != '\0'; text++)
        if (*text == '@')
            n += (size_t)snprintf(out + n, sizeof out - n, "%s", dir);
        else
            out[n++] = *text;
    out[n] = '\0';
    put("proc/self/mountinfo", out);
}

static int setup(void **state)
{
    char *proc;

    snprintf(dir, sizeof dir, "/tmp/plateau-cgroup-XXXXXX");
    assert_non_null(mkdtemp(dir));
    proc = file_join(dir, "proc");
    procfs_use_root(proc);
    *state = proc;
    return 0;
}

static int teardown(void **state)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", dir, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    procfs_use_root(NULL);
    free(*state);
    return 0;
}

static void expect_dir(const struct cgroup *cg, int version, const char *sub)
{
    char want[256];

    snprintf(want, sizeof want, "%s/%s", dir, sub);
    assert_int_equal(cg->version, version);
    assert_string_equal(cg->dir, want);
}

#define V2 "31 23 0:28 / @/sys rw,relatime shared:5 - cgroup2 cgroup2 rw\n"

static void test_v2(void **state)
{
    struct cgroup cg, by_path;
    struct err err;

    (void)state;
    put_mounts(V2);
    put("sys/a b/app/cgroup.controllers", "memory\n");
    put("proc/7/cgroup", "0::/a b/app\n");
    put("proc/8/cgroup", "0::/gone\n");
    put("proc/9/cgroup", "0::/../elsewhere\n");
    put("proc/10/cgroup", "0::/\n");
    assert_int_equal(cgroup_of(7, &cg, &err), 0);
    expect_dir(&cg, 2, "sys/a b/app");
    assert_int_equal(cgroup_of(8, &by_path, &err), -1);
    assert_non_null(strstr(err.msg, "No such file"));
    assert_int_equal(cgroup_of(9, &by_path, &err), -1);
    assert_non_null(strstr(err.msg, "not visible"));
    assert_int_equal(cgroup_of(11, &by_path, &err), -1);

    assert_int_equal(cgroup_resolve("a b/app", &by_path, &err), 0);
    assert_string_equal(by_path.dir, cg.dir);
    assert_int_equal(cgroup_resolve("/a b/app", &by_path, &err), 0);
    assert_string_equal(by_path.dir, cg.dir);
    assert_int_equal(cgroup_resolve(cg.dir, &by_path, &err), 0);
    assert_string_equal(by_path.dir, cg.dir);
    assert_string_equal(by_path.top, cg.top);
    assert_int_equal(cgroup_resolve("a b", &by_path, &err), -1);

    assert_int_equal(cgroup_of(10, &by_path, &err), 0);
    assert_true(cgroup_holds(&by_path, &cg));
    assert_true(cgroup_holds(&cg, &cg));
    assert_false(cgroup_holds(&cg, &by_path));
}

/* Both hierarchies: the memory controller is v1's. A hierarchy whose name
 * merely contains "memory" is not it. */
static void test_hybrid(void **state)
{
    struct cgroup cg;

    (void)state;
    put_mounts("30 23 0:27 / @/name rw - cgroup cgroup rw,name=memory2\n"
               "31 23 0:28 / @/mem rw shared:1 - cgroup cgroup rw,memory\n"
               "32 23 0:29 / @/uni rw shared:2 - cgroup2 cgroup2 rw\n");
    put("mem/app/memory.usage_in_bytes", "1\n");
    put("uni/app/cgroup.controllers", "\n");
    put("proc/7/cgroup", "3:cpu:/\n4:memory:/app\n0::/app\n");
    assert_int_equal(cgroup_of(7, &cg, NULL), 0);
    expect_dir(&cg, 1, "mem/app");
}

/* Inside a container: the mount shows a group below the root. */
static void test_bind(void **state)
{
    struct cgroup cg;
    struct err err;

    (void)state;
    put_mounts("31 23 0:28 /docker/abc @/mem\\040x rw - cgroup cgroup "
               "rw,memory\n");
    put("mem x/app/memory.usage_in_bytes", "1\n");
    put("proc/7/cgroup", "4:memory:/docker/abc/app\n");
    put("proc/8/cgroup", "4:memory:/docker/abcd\n");
    assert_int_equal(cgroup_of(7, &cg, &err), 0);
    expect_dir(&cg, 1, "mem x/app");
    assert_int_equal(cgroup_of(8, &cg, &err), -1);
}

static void test_pids(void **state)
{
    struct cgroup cg = {.version = 2};
    int64_t pids[8];

    (void)state;
    put("g/cgroup.procs", "5\n6\n0\n");
    put("g/x/y/cgroup.procs", "7\n");
    put("g/z/cgroup.procs", "");
    snprintf(cg.dir, sizeof cg.dir, "%s/g", dir);
    assert_int_equal(cgroup_pids(&cg, pids, 8), 3);
    assert_int_equal(pids[0], 5);
    assert_int_equal(pids[1], 6);
    assert_int_equal(pids[2], 7);
    assert_int_equal(cgroup_pids(&cg, pids, 1), 1);
    snprintf(cg.dir, sizeof cg.dir, "%s/none", dir);
    assert_int_equal(cgroup_pids(&cg, pids, 8), -1);
}

/* No controller at all: an error, not a guess. */
static void test_none(void **state)
{
    struct cgroup cg;
    struct err err;

    (void)state;
    put_mounts("");
    put("proc/7/cgroup", "0::/app\n");
    assert_int_equal(cgroup_of(7, &cg, &err), -1);
    assert_non_null(strstr(err.msg, "no cgroup accounts"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_v2, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hybrid, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_none, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
