/* A diagnosis survives the way through its document. */
#include "harness/model/diagnosis.h"

#include "harness/base/buf.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "tests/unit/assert_close.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/plateau-test-%ld.json", (long)getpid());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static const struct diagnosis_chain order = {
    .type = "shop.Order",
    .text = "module shop -> history -> Order",
    .instances = 51204,
    .sampled = 5,
    .found = 4,
    .bound = {.container = "deque",
              .entry = "shop.Order",
              .size = 812,
              .limit = 5000,
              .share = 0.5},
    .deep = {.holder = "history",
             .bytes = 12897485,
             .whole = true,
             .least = true,
             .share = 0.5}};

static void round_trip(void **state)
{
    struct diagnosis d = {.ran = true, .seconds = 3.5, .requests = 500};
    struct diagnosis back;
    struct buf text;
    struct err err;

    (void)state;
    d.method = mem_strdup("from outside");
    diagnosis_add_chain(&d, &order);
    diagnosis_add_chain(&d, &(struct diagnosis_chain){.type = "shop.Cart",
                                                      .text = "C -> Cart"});
    diagnosis_add_site(
        &d, &(struct diagnosis_site){.where = "shop.py:41",
                                     .trace = "shop.py:41\nshop.py:9",
                                     .bytes_per_request = 2365.5,
                                     .count_per_request = 3});
    diagnosis_add_mapping(&d,
                          &(struct diagnosis_mapping){.name = "[heap]\033[31m",
                                                      .grown_bytes = 4096,
                                                      .resident_bytes = 8192});
    diagnosis_add_native(&d,
                         &(struct diagnosis_site){.where = "claim (heap.c:32)",
                                                  .trace = "claim (heap.c:32)",
                                                  .bytes_per_request = 512,
                                                  .count_per_request = 1});
    d.native_tool = mem_strdup("valgrind memcheck");
    d.native_requests = 200;
    d.flamegraph = mem_strdup(DIAGNOSIS_FLAMEGRAPH);
    diagnosis_note(&d, "no %s", "agent");
    buf_init(&text, 1 << 20);
    diagnosis_write(&d, &text);
    assert_int_equal(file_write(path, text.p, text.len, &err), 0);
    assert_int_equal(diagnosis_load(path, &back, &err), 0);
    assert_true(back.ran);
    assert_int_equal(back.nchains, 2);
    assert_string_equal(back.chains[0].bound.container, "deque");
    assert_string_equal(back.chains[0].bound.entry, "shop.Order");
    assert_close(back.chains[0].bound.size, 812, 0);
    assert_close(back.chains[0].bound.limit, 5000, 0);
    assert_close(back.chains[0].bound.share, 0.5, 0);
    assert_null(back.chains[1].bound.container);
    assert_string_equal(back.chains[0].deep.holder, "history");
    assert_close(back.chains[0].deep.bytes, 12897485, 0);
    assert_true(back.chains[0].deep.whole);
    assert_true(back.chains[0].deep.least);
    assert_close(back.chains[0].deep.share, 0.5, 0);
    assert_null(back.chains[1].deep.holder);
    assert_string_equal(back.chains[0].text, d.chains[0].text);
    assert_close(back.chains[0].instances, 51204, 0);
    assert_string_equal(back.sites[0].trace, d.sites[0].trace);
    assert_close(back.sites[0].bytes_per_request, 2365.5, 1e-6);
    assert_string_equal(back.mappings[0].name, d.mappings[0].name);
    assert_string_equal(back.notes[0], "no agent");
    assert_string_equal(back.native_tool, "valgrind memcheck");
    assert_close(back.native_requests, 200, 0);
    assert_int_equal(back.nnatives, 1);
    assert_string_equal(back.natives[0].where, "claim (heap.c:32)");
    assert_string_equal(back.flamegraph, DIAGNOSIS_FLAMEGRAPH);
    diagnosis_release(&back);
    diagnosis_release(&d);
    buf_release(&text);
}

static void a_missing_file_is_no_diagnosis(void **state)
{
    struct diagnosis d;
    struct err err;

    (void)state;
    assert_int_equal(diagnosis_load("/nonexistent/diagnosis.json", &d, &err),
                     0);
    assert_false(d.ran);
}

static void junk_is_an_error(void **state)
{
    struct diagnosis d;
    struct err err;

    (void)state;
    assert_int_equal(file_write(path, "{\"chains\":", 10, &err), 0);
    assert_int_equal(diagnosis_load(path, &d, &err), -1);
    assert_int_equal(file_write(path, "{\"chains\":[7,{}]}", 17, &err), 0);
    assert_int_equal(diagnosis_load(path, &d, &err), 0);
    assert_int_equal(d.nchains, 2);
    assert_string_equal(d.chains[1].text, "");
    diagnosis_release(&d);
    /* A link in a mailed directory leads to no other place. */
    assert_int_equal(
        file_write(path, "{\"flamegraph\":\"javascript:1\"}", 29, &err), 0);
    assert_int_equal(diagnosis_load(path, &d, &err), 0);
    assert_null(d.flamegraph);
    diagnosis_release(&d);
}

/* A service is at work while it is looked at: of its strings, some belong to
 * requests. */
static void what_holds_most_is_told_first(void **state)
{
    static const struct diagnosis_chain rows[] = {
        {.type = "str", .text = "frame", .sampled = 16, .found = 7},
        {.type = "str", .text = "C", .sampled = 16, .found = 9, .unheld = true},
        {.type = "tuple", .text = "peers", .sampled = 16, .found = 8},
        {.type = "tuple", .text = "frame", .sampled = 16, .found = 4},
        {.type = "dict", .text = "peers", .sampled = 16, .found = 16},
        {.type = "int", .text = "whole"},
    };
    static const size_t want[] = {2, 4, 5, 1, 0, 3};
    struct diagnosis d = {.ran = true};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        diagnosis_add_chain(&d, &rows[i]);
    diagnosis_rank(&d);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_string_equal(d.chains[i].type, rows[want[i]].type);
        assert_string_equal(d.chains[i].text, rows[want[i]].text);
    }
    diagnosis_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(a_missing_file_is_no_diagnosis),
        cmocka_unit_test(junk_is_an_error),
        cmocka_unit_test(what_holds_most_is_told_first),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
