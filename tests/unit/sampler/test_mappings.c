/* Mappings of this very process: what we map and touch is found. */
#include "harness/sampler/mappings.h"

#include "tests/unit/assert_close.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel maps it and touches it: a sanitizer that saw us write would
 * write as much again, or four times as much, into anonymous memory. */
static void *map_touched(size_t size)
{
    long p = syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, (off_t)0);

    return p == -1 ? NULL : (void *)p;
}

static void touched_memory_is_found(void **state)
{
    struct mappings before = {.n = 0}, after = {.n = 0};
    size_t size = 64 << 20;
    void *p;

    (void)state;
    assert_int_equal(mappings_read(getpid(), &before), 0);
    p = map_touched(size);
    assert_non_null(p);
    assert_int_equal(mappings_read(getpid(), &after), 0);
    assert_close(mappings_bytes(&after, "anonymous") -
                     mappings_bytes(&before, "anonymous"),
                 (double)size, 2 << 20);
    assert_true(mappings_bytes(&after, "[stack]") > 0);
    assert_close(mappings_bytes(&after, "no such mapping"), 0, 0);
    syscall(SYS_munmap, p, size);
    mappings_release(&before);
    mappings_release(&after);
}

static void a_process_that_is_not_there(void **state)
{
    struct mappings m = {.n = 0};

    (void)state;
    assert_int_equal(mappings_read(999999999, &m), -1);
    assert_int_equal(m.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(touched_memory_is_found),
        cmocka_unit_test(a_process_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
