/* Where requests vary: each place gets the name a person would use, and what
 * is rendered there is counted. */
#include "harness/model/sites.h"

#include "harness/base/mem.h"
#include "harness/model/distinct.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/model/scenario_fixture.h"

static void load(struct scenario *sc, const char *requests)
{
    char *text = mem_printf("[target]\nurl=http://127.0.0.1:1\n%s", requests);
    char *mistakes = load_text(text, NULL, 0, sc);

    assert_string_equal(mistakes, "");
    free(mistakes);
    free(text);
}

static void test_names(void **state)
{
    static const struct {
        const char *request, *want;
    } cases[] = {
        {"path=/x", ""},
        {"path=/x?q={{uuid}}", "q"},
        {"path=/x?a=1&q={{seq}}&page={{int 1 3}}", "q page url"},
        {"path=/x?q={{choice a b}}-{{int 1 3}}", "q"},
        {"path=/p/{{int 1 9}}", "path"},
        {"path=/p/{{int 1 9}}/of/{{int 1 9}}", "path"},
        {"path=/p/{{int 1 9}}?q={{seq}}", "q url"},
        {"path=/x?{{rand 4}}", "query"},
        {"path=/x\nheader=X-Tenant: t{{int 1 9}}", "X-Tenant"},
        {"path=/x\nbody={\"sku\": \"{{choice a b}}\", \"n\":{{int 1 9}}}",
         "sku n"},
        {"path=/x\nbody={\"ids\": [{{int 1 9}}, {{int 1 9}}]}", "ids"},
        {"path=/x\nbody=user={{uuid}}&pw={{rand 9}}", "user pw"},
        {"path=/x\nbody=<id>{{seq}}</id>", "id"},
        {"path=/x\nbody={{uuid}}", "body"},
        {"path=/x\nbody=\"{{uuid}}\": 1", "body"},
        {"path=/x\nbody=:\"{{uuid}}", "body"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = mem_printf("[request r]\n%s\n", cases[i].request);
        struct scenario sc;
        struct buf got;

        load(&sc, text);
        buf_init(&got, 1000);
        for (size_t s = 0; s < sc.nsites; s++)
            buf_addf(&got, "%s%s", s > 0 ? " " : "", sc.sites[s].name);
        assert_string_equal(buf_str(&got), cases[i].want);
        buf_release(&got);
        scenario_release(&sc);
        free(text);
    }
}

static void test_groups_and_values(void **state)
{
    struct scenario sc;

    (void)state;
    load(&sc, "[request a]\npath=/s?q={{uuid}}\n"
              "[request b]\npath=/s?q={{choice x y z}}{{int 1 5}}\n"
              "[request c]\npath=/t?q={{rand 2}}\n");
    assert_int_equal(sc.nsites, 3);
    assert_int_equal(sc.sites[1].group, sc.sites[0].group);
    assert_int_not_equal(sc.sites[2].group, sc.sites[0].group);
    assert_true(sc.sites[0].fresh && !sc.sites[1].fresh && !sc.sites[2].fresh);
    assert_close(sc.sites[1].most, 15, 0);
    assert_close(sc.sites[2].most, 3844, 0);
    scenario_release(&sc);
}

static void test_too_many(void **state)
{
    struct scenario sc;
    struct buf text;

    (void)state;
    buf_init(&text, 1 << 20);
    for (int i = 0; i < 100; i++)
        buf_addf(&text, "[request r%d]\npath=/%d?q={{seq}}\n", i, i);
    load(&sc, buf_str(&text));
    assert_int_equal(sc.nsites, SITES_MAX);
    scenario_release(&sc);
    buf_release(&text);
}

/* Renders request 0 `times` times, counting. */
static void render(struct scenario *sc, struct distinct *d, int times)
{
    struct rng rng;
    struct template_context ctx = {.sc = sc, .rng = &rng, .distinct = d};
    struct buf out;

    rng_init(&rng, 3);
    buf_init(&out, 1000);
    for (int i = 0; i < times; i++) {
        ctx.seq++;
        buf_reset(&out);
        assert_int_equal(template_render(&sc->requests[0].path, &ctx, &out), 0);
    }
    buf_release(&out);
}

static void test_counting(void **state)
{
    struct scenario sc;
    struct distinct *d;

    (void)state;
    load(&sc, "[request r]\n"
              "path=/x?a={{int 1 7}}&b={{choice x y}}.{{choice 1 2}}&s={{seq}}"
              "\n");
    d = distinct_new(&sc, 500);
    render(&sc, d, 500);
    assert_int_equal(sc.nsites, 4);
    assert_close(distinct_count(d, 1), 7, 0);
    assert_close(distinct_count(d, 2), 4, 0);
    assert_close(distinct_count(d, 3), 500, 0);
    assert_close(distinct_count(d, 4), 500, 0); /* url: all three */
    render(&sc, NULL, 10);                      /* nobody counts */
    distinct_free(d);
    scenario_release(&sc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_groups_and_values),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_counting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
