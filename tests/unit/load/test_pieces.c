/* The store of small pieces: sizes, alignment, what is kept on resizing, and
 * that given back pieces serve again. */
#include "harness/base/rng.h"
#include "harness/load/pieces.h"
#include "tests/unit/assert_close.h"

#include <stdlib.h>
#include <string.h>

static void pieces_serve_again(void **state)
{
    struct pieces *s = pieces_new();
    void *p = pieces_take(s, 100), *q;

    (void)state;
    pieces_give(s, p);
    q = pieces_take(s, 70); /* of the same size class */
    assert_ptr_equal(p, q);
    assert_ptr_not_equal(pieces_take(s, 70), q);
    pieces_give(s, q);
    assert_ptr_not_equal(pieces_take(s, 500), q);
    pieces_give(s, NULL);
    pieces_free(s);
    pieces_free(NULL);
}

static void zeroed(void **state)
{
    struct pieces *s = pieces_new();
    static const char none[300];

    (void)state;
    for (int i = 0; i < 3; i++) {
        char *p = pieces_take_zero(s, 3, 100);

        assert_memory_equal(p, none, 300);
        memset(p, 'x', 300);
        pieces_give(s, p);
    }
    pieces_free(s);
}

static void resize_keeps_the_bytes(void **state)
{
    struct pieces *s = pieces_new();
    char *p = pieces_resize(s, NULL, 3);

    (void)state;
    memcpy(p, "abc", 3);
    for (size_t n = 4; n < 3 * PIECES_LARGEST; n = n * 3 / 2) {
        p = pieces_resize(s, p, n);
        assert_memory_equal(p, "abc", 3);
        memset(p + 3, 'x', n - 3);
    }
    p = pieces_resize(s, p, 2);
    assert_memory_equal(p, "ab", 2);
    pieces_give(s, p);
    pieces_free(s);
}

/* Many of all sizes, in any order: none touches another. */
static void none_touches_another(void **state)
{
    enum { N = 500 };
    static unsigned char *p[N];
    static size_t size[N];
    struct pieces *s = pieces_new();
    struct rng rng;

    (void)state;
    rng_init(&rng, 7);
    for (int round = 0; round < 40000; round++) {
        size_t i = (size_t)(rng_unit(&rng) * N);

        if (p[i] == NULL) {
            size[i] = (size_t)(rng_unit(&rng) * 6000);
            p[i] = pieces_take(s, size[i]);
            assert_int_equal((uintptr_t)p[i] % 16, 0);
            memset(p[i], (int)(i & 255), size[i]);
            continue;
        }
        for (size_t k = 0; k < size[i]; k++)
            if (p[i][k] != (i & 255))
                fail_msg("byte %zu of %zu is another's", k, size[i]);
        pieces_give(s, p[i]);
        p[i] = NULL;
    }
    for (size_t i = 0; i < N; i++)
        pieces_give(s, p[i]);
    pieces_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_serve_again),
        cmocka_unit_test(zeroed),
        cmocka_unit_test(resize_keeps_the_bytes),
        cmocka_unit_test(none_touches_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
