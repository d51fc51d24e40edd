/* Mappings of this very process: what we map and touch is found. */
#include "harness/sampler/mappings.h"

#include "tests/unit/assert_close.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void touched_memory_is_found(void **state)
{
    struct mappings before = {.n = 0}, after = {.n = 0};
    size_t size = 8 << 20;
    char *p;

    (void)state;
    assert_int_equal(mappings_read(getpid(), &before), 0);
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
             -1, 0);
    assert_true(p != MAP_FAILED);
    memset(p, 1, size);
    assert_int_equal(mappings_read(getpid(), &after), 0);
    assert_close(mappings_bytes(&after, "anonymous") -
                     mappings_bytes(&before, "anonymous"),
                 (double)size, 512 << 10);
    assert_true(mappings_bytes(&after, "[stack]") > 0);
    assert_close(mappings_bytes(&after, "no such mapping"), 0, 0);
    munmap(p, size);
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
