/* What is said of a column's blocks is true of its numbers. */
#include "analyzers/words.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const double blocks[] = {1, 2, 3, 2, 1, 2, 3, 2};

static void say(struct finding *f, char *out, size_t size)
{
    struct barrier_words w = {
        .f = f, .blocks = 8, .d = blocks, .total_requests = 8000};

    words_barrier(&w, out, size);
}

/* An undecided interval beside its tolerance. */
static void sides_of_the_tolerance(void **state)
{
    static const struct {
        struct interval found;
        const char *says;
    } cases[] = {{{2, -1, 5}, "lies on both sides of the tolerance of 2.50"},
                 {{2, 1, 5}, "lies on both sides of the tolerance of 2.50"},
                 {{4, 3, 5}, "above the tolerance of 2.50, but"},
                 {{2, 1, 2.4}, "too little to accuse (the tolerance is 2.50)"},
                 {{0, -1, 2.4}, "below the tolerance of 2.50, but"},
                 {{0, 0, 0}, "Jumps, and what goes on between them is not "}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f;
        char out[512];

        finding_init(&f, metric_find("py_blocks"));
        f.per_request = cases[i].found;
        f.tolerance_per_request = 2.5;
        say(&f, out, sizeof out);
        if (strstr(out, cases[i].says) == NULL)
            print_error("case %zu: %s\n", i, out);
        assert_non_null(strstr(out, cases[i].says));
    }
}

/* What is not known is not given as a number. */
static void nothing_fits(void **state)
{
    struct finding f;
    char out[512];

    (void)state;
    finding_init(&f, metric_find("py_blocks"));
    say(&f, out, sizeof out);
    assert_non_null(strstr(out, "What goes on could not be told"));
    assert_null(strstr(out, "unknown"));
}

/* How surely more would settle it, where that is known. */
static void more_that_settles(void **state)
{
    static const struct {
        double value, half, chance;
        const char *says;
    } cases[] = {
        {9000, 4000, 0.75,
         " About 9,000 more requests would settle it in three of four cases "
         "(4,000 in one of two)."},
        {9000, 4000, 0.65, "in two of three cases (4,000 in one of two)."},
        {9000, 8000, 0.6, "in three of five cases (8,000 in one of two)."},
        {9000, 9000, 0.5, "would settle it in one of two cases."}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f;
        char out[512];

        finding_init(&f, metric_find("py_blocks"));
        f.more_requests = cases[i].value;
        f.more_requests_half = cases[i].half;
        f.more_chance = cases[i].chance;
        say(&f, out, sizeof out);
        if (strstr(out, cases[i].says) == NULL)
            print_error("case %zu: %s\n", i, out);
        assert_non_null(strstr(out, cases[i].says));
        f.more_requests = NAN;
        say(&f, out, sizeof out);
        assert_null(strstr(out, "more requests"));
    }
}

/* A cache would hold what the growth adds up to, although one block fell. */
static void what_a_cache_would_hold(void **state)
{
    struct finding f;
    char out[512];

    (void)state;
    finding_init(&f, metric_find("py_blocks"));
    f.outcome = OUTCOME_LEAK;
    f.per_request = (struct interval){1, 0.9, 1.1};
    f.grown = 30;
    say(&f, out, sizeof out);
    assert_non_null(strstr(out, "unless it holds more than 8,000."));
    f.grown = 7990;
    say(&f, out, sizeof out);
    assert_non_null(strstr(out, "unless it holds more than 7,990."));
}

/* Why nothing was decided: the first reason that holds. */
static void why_undecided(void **state)
{
    static const struct {
        bool fell, undone, few;
        double bends;
        const char *says;
    } cases[] = {{true, true, true, 1, "Fell by a third or more"},
                 {false, true, true, 1, "Rose and fell again"},
                 {false, false, true, 1, "it may yet bend"},
                 {false, false, true, 0, "8000 requests are too few"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f;
        struct barrier_words w = {.f = &f,
                                  .blocks = 8,
                                  .d = blocks,
                                  .total_requests = 8000,
                                  .unmarked_fall = cases[i].fell,
                                  .undone = cases[i].undone,
                                  .few = cases[i].few,
                                  .bends = cases[i].bends};
        char out[512] = "";

        finding_init(&f, metric_find("py_blocks"));
        f.per_request = (struct interval){4, 3, 5};
        f.tolerance_per_request = 2.5;
        words_barrier(&w, out, sizeof out);
        assert_non_null(strstr(out, cases[i].says));
    }
}

static void numbers(void **state)
{
    static const struct {
        double x;
        const char *says;
    } cases[] = {{0, "0"},          {1e-14, "0"},   {-1e-14, "0"},
                 {2e-9, "2.0e-09"}, {0.5, "0.500"}, {12, "12"},
                 {1236, "1,236"}};
    char out[WORDS_NUMBER];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(words_number(cases[i].x, out), cases[i].says);
}

/* A pass tells which way the level went before it came to rest. */
static void which_way_it_went(void **state)
{
    static const struct {
        enum shape shape;
        double grown;
        const char *says;
    } cases[] = {{SHAPE_SATURATING, 2 << 20, "Rose by 2.00 MiB and came"},
                 {SHAPE_SATURATING, -(2 << 20), "Fell by 2.00 MiB and came"},
                 {SHAPE_STEP, 100, "One jump, then still"},
                 {SHAPE_STEP, -100, "One fall, then still"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding f;
        char out[512];

        finding_init(&f, metric_find("rss_bytes"));
        f.outcome = OUTCOME_PASS;
        f.shape = cases[i].shape;
        f.grown = cases[i].grown;
        f.per_request = (struct interval){0, -1, 5};
        say(&f, out, sizeof out);
        assert_non_null(strstr(out, cases[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sides_of_the_tolerance),
        cmocka_unit_test(nothing_fits),
        cmocka_unit_test(more_that_settles),
        cmocka_unit_test(what_a_cache_would_hold),
        cmocka_unit_test(why_undecided),
        cmocka_unit_test(numbers),
        cmocka_unit_test(which_way_it_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
