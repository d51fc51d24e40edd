/* What valgrind says about blocks that stayed, and nonsense in its place. */
#include "harness/cli/native_text.h"
#include "tests/unit/assert_close.h"

#include <string.h>

static const char told[] =
    "==4319== 4,096 bytes in 1 blocks are still reachable in loss record 1 of "
    "3\n"
    "==4319==    at 0x1: malloc (vg_replace_malloc.c:381)\n"
    "==4319==    by 0x2: start (leaky.c:1)\n"
    "==4319== \n"
    "==4319== 26,712 (+25,200) bytes in 53 (+50) blocks are still reachable in "
    "loss record 3 of 3\n"
    "==4319==    at 0x18C117B4: malloc (in /usr/libexec/x.so)\n"
    "==4319==    by 0x10DC70: claim (effect_memory.c:32)\n"
    "==4319==    by 0x10FDD8: route_answer (route.c:167)\n"
    "==4319== \n"
    "==4320== 1,200 (+800) bytes in 3 (+2) blocks are definitely lost in loss "
    "record 1 of 1\n"
    "==4320==    at 0x18C117B4: calloc (in /usr/libexec/x.so)\n"
    "==4320==    by 0x10DC70: claim (effect_memory.c:32)\n"
    "==4320==    by 0x10FDD8: route_answer (route.c:167)\n";

static void records_that_grew(void **state)
{
    struct diagnosis d = {.ran = false};

    (void)state;
    native_text_read(told, 100, &d);
    assert_int_equal(d.nnatives, 1);
    assert_string_equal(d.natives[0].where, "claim (effect_memory.c:32)");
    assert_string_equal(d.natives[0].trace, "claim (effect_memory.c:32)\n"
                                            "route_answer (route.c:167)");
    assert_close(d.natives[0].bytes_per_request, 260, 1e-9);
    assert_close(d.natives[0].count_per_request, 0.52, 1e-9);
    diagnosis_release(&d);
}

static void nonsense_is_no_site(void **state)
{
    static const char *const texts[] = {
        "",
        "\n\n",
        "==",
        "==1== ",
        "==1== (+",
        "==1== (+9 bytes in loss record ",
        "==1== 9 (+9) bytes in 1 (+1) blocks lost in loss record 1 of 1",
        "==1== 9 (+9) bytes in 1 (+1) blocks lost in loss record 1 of 1\n"
        "==1==    at 0x",
        "==1== 9 (+9) bytes in 1 (+1) blocks lost in loss record 1 of 1\n"
        "==1==    at 0x1: malloc (x.c:1)\n",
        "==1== 9 bytes (+ in loss record 1 of 1\n==1==    at 0x1: f (x.c:1)\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct diagnosis d = {.ran = false};

        native_text_read(texts[i], 1, &d);
        assert_int_equal(d.nnatives, 0);
        diagnosis_release(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_that_grew),
        cmocka_unit_test(nonsense_is_no_site),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
