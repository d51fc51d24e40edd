/* Chains as one graph; what dot is asked, and what of its answer is taken. */
#include "reports/graph_plain.h"
#include "reports/html_draw.h"

#include "harness/base/mem.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/load/edge.h"
#include "tests/unit/reports/markup.h"

#include <stdio.h>
#include <stdlib.h>

#define TYPES_MAX 10

/* Rows of type and chain; the verdict is sure of the types in `grows`. */
static struct graph *graph_of(const char *const (*rows)[2], size_t n,
                              const char *grows)
{
    static struct diagnosis_chain chains[TYPES_MAX];
    struct diagnosis d = {.chains = chains, .nchains = n};
    struct type_growth t = {.significant = true,
                            .count_per_request = {.value = 1}};
    struct verdict v = {.types = &t, .ntypes = 1};

    assert_true(n <= TYPES_MAX);
    snprintf(t.type, sizeof t.type, "%s", grows);
    for (size_t i = 0; i < n; i++)
        chains[i] = (struct diagnosis_chain){.type = (char *)rows[i][0],
                                             .text = (char *)rows[i][1]};
    return graph_new(&d, &v);
}

/* "a>b b>c" with the nodes' texts, in the order of the edges. */
static char *edges_of(const struct graph *g)
{
    struct buf out;

    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < g->nedges; i++) {
        const struct graph_node *a = &g->nodes[g->edges[i].from];
        const struct graph_node *b = &g->nodes[g->edges[i].to];

        buf_addf(&out, "%s%.*s>%.*s", i > 0 ? " " : "", (int)a->n, a->text,
                 (int)b->n, b->text);
    }
    return buf_take(&out);
}

static void what_chains_share_is_there_once(void **state)
{
    static const struct {
        const char *chains[4][2]; /* type and text */
        const char *edges;
        size_t nodes;
        bool line;
    } rows[] = {
        {{{"O", "m -> h -> O"}}, "m>h h>O", 3, true},
        {{{"O", "O"}}, "", 1, true},
        /* Under one container. */
        {{{"O", "m -> h -> O"}, {"C", "m -> h -> C"}}, "m>h h>O h>C", 4, false},
        /* In one another, the long chain first. */
        {{{"C", "m -> h -> O -> C"}, {"O", "m -> h -> O"}},
         "m>h h>O O>C",
         4,
         true},
        /* One type in two containers, and what hangs from it. */
        {{{"C", "m -> h -> O -> C"},
          {"O", "m -> h -> O"},
          {"O", "k -> i -> O"}},
         "m>h h>O k>i i>O O>C",
         6,
         false},
        /* Grown meanwhile; but a place without a name may be another. */
        {{{"O", "m -> h: list[7] -> O"}, {"C", "m -> h: list[9,001] -> C"}},
         "m>h: list[7] h: list[7]>O h: list[7]>C",
         4,
         false},
        {{{"O", "m -> list[7] -> O"}, {"C", "m -> list[9] -> C"}},
         "m>list[7] list[7]>O m>list[9] list[9]>C",
         5,
         false},
        {{{"O", "m -> h: list -> O"}, {"C", "m -> h: list[9] -> C"}},
         "m>h: list h: list>O m>h: list[9] h: list[9]>C",
         5,
         false},
        /* Alike in name, below another holder: two. */
        {{{"O", "m -> h -> O"}, {"C", "k -> h -> C"}},
         "m>h h>O k>h h>C",
         6,
         false},
        /* What grows is held by what it holds. */
        {{{"O", "m -> O"}, {"C", "m -> O -> C"}, {"O", "m -> O -> C -> O"}},
         "m>O O>C C>O",
         3,
         false},
        {{{"O", NULL}, {"O", ""}, {"O", "m -> O"}}, "m>O", 2, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = 0;
        struct graph *g;
        char *edges;

        while (n < 4 && rows[i].chains[n][0] != NULL)
            n++;
        g = graph_of(rows[i].chains, n, "O");
        assert_non_null(g);
        edges = edges_of(g);
        assert_string_equal(edges, rows[i].edges);
        assert_int_equal(g->nnodes, rows[i].nodes);
        assert_int_equal(graph_is_line(g), rows[i].line);
        for (size_t k = 0; k < g->nnodes; k++)
            assert_int_equal(g->nodes[k].grows,
                             g->nodes[k].n == 1 && *g->nodes[k].text == 'O');
        free(edges);
        graph_free(g);
    }
}

static void too_much_is_no_graph(void **state)
{
    static const char *const none[][2] = {{"O", NULL}};
    const char *chain[1][2] = {{"O", NULL}};
    struct buf text;

    (void)state;
    assert_null(graph_of(none, 1, "O"));
    assert_null(graph_of(none, 0, "O"));
    for (int steps = GRAPH_NODES; steps <= GRAPH_NODES + 1; steps++) {
        struct graph *g;

        buf_init(&text, 1 << 16);
        for (int i = 0; i < steps; i++)
            buf_addf(&text, "%sn%d", i > 0 ? " -> " : "", i);
        chain[0][1] = buf_str(&text);
        g = graph_of(chain, 1, "O");
        assert_int_equal(g != NULL, steps == GRAPH_NODES);
        graph_free(g);
        buf_release(&text);
    }
}

static const char *const two_holders[][2] = {
    {"O", "module shop -> history: list[9] -> O"},
    {"O", "module shop -> by_id: dict[9] -> O"}};

static void no_word_of_the_target_is_asked(void **state)
{
    static const char *const rows[][2] = {
        {"x\"]; n0",
         "module \"]\n};system(x) -> h\\N: <b>\xff -> n0 [label=y"}};
    struct graph *g = graph_of(rows, 1, "O");
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 16);
    graph_ask(g, 10, true, &g->wide, &out);
    assert_string_equal(
        buf_str(&out),
        "digraph g {\n"
        "graph [rankdir=TB,nodesep=0.1944,ranksep=0.4167]\n"
        "node [shape=box,fixedsize=true,label=\"\",height=0.3889]\n"
        "edge [arrowhead=none]\n"
        "n0 [width=1.2778]\nn1 [width=1.1750]\nn2 [width=1.2778]\n"
        "n0 -> n1\nn1 -> n2\n}\n");
    assert_int_equal(g->wide.at[0].most, 10);
    buf_release(&out);
    graph_free(g);
}

/* What dot 2.43 says of two_holders. */
#define HEAD "graph 1 4.6389 0.97222\n"
#define N0                                                                     \
    "node n0 0.6875 0.48611 1.375 0.38889 \"\" solid box black lightgrey\n"
#define N1                                                                     \
    "node n1 2.75 0.77778 1.9167 0.38889 \"\" solid box black lightgrey\n"
#define N2 "node n2 4.4583 0.48611 0.36111 0.38889 \"\" solid box black x\n"
#define N3                                                                     \
    "node n3 2.75 0.19444 1.7222 0.38889 \"\" solid box black lightgrey\n"
#define E01                                                                    \
    "edge n0 n1 4 1.3772 0.58 1.5 0.59 1.65 0.61 1.7884 0.63197 solid x\n"
#define E12 "edge n1 n2 4 3.71 0.62 3.9 0.59 4.1 0.57 4.27 0.55 solid black\n"
#define E03                                                                    \
    "edge n0 n3 4 1.3772 0.39 1.5 0.38 1.7 0.36 1.8884 0.34 solid black\n"
#define E32 "edge n3 n2 4 3.61 0.34 3.8 0.36 4.1 0.38 4.27 0.4 solid black\n"
#define NODES N0 N1 N2 N3
#define EDGES E01 E12 E03 E32

static bool take(struct graph *g, const char *text)
{
    size_t n = strlen(text);
    struct edge e;
    bool taken;

    edge_init(&e, text, n);
    taken = graph_take(g, e.p, n, GRAPH_WIDE, &g->wide);
    assert_int_equal(taken, g->wide.placed);
    edge_release(&e);
    return taken;
}

static struct graph *asked(void)
{
    struct graph *g = graph_of(two_holders, 2, "O");
    struct buf out;

    buf_init(&out, 1 << 16);
    graph_ask(g, 40, false, &g->wide, &out);
    buf_release(&out);
    return g;
}

static void an_answer_is_drawn(void **state)
{
    struct graph *g = asked();
    struct buf out;

    (void)state;
    assert_true(take(g, HEAD NODES EDGES "stop\n"));
    assert_close(g->wide.width, 4.6389 * 72 + 4, 0.01);
    assert_close(g->wide.at[0].x + g->wide.at[0].width / 2, 0.6875 * 72 + 2,
                 0.01);
    /* It counts from below. */
    assert_close(g->wide.at[1].y, 2, 0.01);
    assert_close(g->wide.at[3].y, (0.97222 - 0.38889) * 72 + 2, 0.01);
    assert_int_equal(g->wide.curves[0].n, 4);
    buf_init(&out, 1 << 20);
    html_graph(&out, g, &g->wide, false);
    assert_true(markup_well_formed(out.p, out.len));
    assert_non_null(strstr(out.p, ">history: list[9]</text>"));
    assert_non_null(strstr(out.p, "class=\"box end\""));
    assert_non_null(strstr(out.p, "class=\"box root\""));
    buf_release(&out);
    graph_free(g);
}

static const char *const strange[] = {
    "",
    "\n",
    "stop\n",
    HEAD "stop\n",
    HEAD NODES EDGES,        /* no end */
    HEAD NODES EDGES "stop", /* cut */
    HEAD NODES EDGES "stop\nstop\n",
    HEAD NODES EDGES "stop\n" E01,
    HEAD NODES EDGES "<script>\nstop\n",
    HEAD N0 N1 N2 EDGES "stop\n",    /* a node is missing */
    HEAD NODES E01 E12 E03 "stop\n", /* an edge is */
    HEAD NODES EDGES E01 "stop\n",   /* one twice */
    HEAD NODES N0 EDGES "stop\n",
    HEAD HEAD NODES EDGES "stop\n",
    NODES EDGES "stop\n", /* without a size */
    "graph 2 4.6389 0.97222\n" NODES EDGES "stop\n",
    "graph 1 14 0.97222\n" NODES EDGES "stop\n", /* too wide */
    "graph 1 4.6389 99\n" NODES EDGES "stop\n",
    "graph 1 4.6389 nan\n" NODES EDGES "stop\n",
    "graph 1 4.6389 inf\n" NODES EDGES "stop\n",
    "graph 1 4.6389 1e999\n" NODES EDGES "stop\n",
    "graph 1 4.6389 0x1p0\n" NODES EDGES "stop\n",
    "graph 1 4,6389 0,97222\n" NODES EDGES "stop\n",
    "graph 1 -4.6389 0.97222\n" NODES EDGES "stop\n",
    "graph 1 1e-3 1e-3\n" NODES EDGES "stop\n",
    HEAD "node n4 1 0.5 1 1\n" NODES EDGES "stop\n",
    HEAD "node n18446744073709551616 1 0.5\n" N1 N2 N3 EDGES "stop\n",
    HEAD "node n 0.6875 0.48611\n" N1 N2 N3 EDGES "stop\n",
    HEAD "node n0x 0.6875 0.48611\n" N1 N2 N3 EDGES "stop\n",
    HEAD "node n0 0.6875\n" N1 N2 N3 EDGES "stop\n",
    HEAD "node n0 0.1 0.48611\n" N1 N2 N3 EDGES "stop\n", /* outside */
    HEAD "node n0 0.6875 0.9\n" N1 N2 N3 EDGES "stop\n",
    HEAD "node n0 2.6 0.7\n" N1 N2 N3 EDGES "stop\n", /* on another */
    HEAD N0 N1 N2 "node n3 2.75 0.6\n" E01 E12
                  "edge n0 n3 4 1.38 .5 1.5 .5 1.6 .55 1.88 .6\n"
                  "edge n3 n2 4 3.61 .6 3.8 .5 4.1 .5 4.27 .5\nstop\n",
    HEAD NODES E01 "edge n1 n2 4 3.71 .62 3.5 .6 3.2 .5 3 .45\n" E03 E32
                   "stop\n", /* ends nowhere */
    HEAD NODES "edge n0 n2 4 1 .5 1 .5 1 .5 1 .5\n" EDGES "stop\n",
    HEAD NODES "edge n0 n1 3 1 .5 1 .5 1 .5\n" E12 E03 E32 "stop\n",
    HEAD NODES "edge n0 n1 5 1 .5 1 .5 1 .5 1 .5 1 .5\n" E12 E03 E32 "stop\n",
    HEAD NODES "edge n0 n1 1 1 .5\n" E12 E03 E32 "stop\n",
    HEAD NODES "edge n0 n1 -2 1 .5\n" E12 E03 E32 "stop\n",
    HEAD NODES "edge n0 n1 67 1 .5\n" E12 E03 E32 "stop\n",
    HEAD NODES "edge n0 n1 99999999999999999999 1 .5\n" E12 E03 E32 "stop\n",
    HEAD NODES "edge n0 n1 4 1.37 .58 1.5 .5 9 .5 1.78 .63\n" E12 E03 E32
               "stop\n", /* leaves the drawing */
    HEAD NODES "edge n0 n1 4 1.78 .63 1.6 .6 1.5 .6 1.37 .58\n" E12 E03 E32
               "stop\n", /* the wrong way round */
    HEAD NODES "edge n0 n1 4 1.37 .58\n" E12 E03 E32 "stop\n",
    HEAD NODES "edge n0 n1 4 "
               "111111111111111111111111111111111111111111111111111 .5\n"
               "stop\n",
};

static void what_cannot_be_drawn_is_not_taken(void **state)
{
    struct graph *g = asked();

    (void)state;
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        if (take(g, strange[i]))
            fail_msg("row %zu was taken: %s", i, strange[i]);
    /* A phone's room is smaller; and bytes that are no text. */
    assert_true(take(g, HEAD NODES EDGES "stop\n"));
    assert_false(graph_take(g, HEAD NODES EDGES "stop\n",
                            strlen(HEAD NODES EDGES "stop\n"), 300, &g->wide));
    assert_false(graph_take(g, "graph\0 1\n", 9, GRAPH_WIDE, &g->wide));
    graph_free(g);
}

static void endless_answers_end(void **state)
{
    struct graph *g = asked();
    struct buf text;

    (void)state;
    buf_init(&text, 1 << 20);
    while (buf_adds(&text, "\n") == 0)
        continue;
    assert_false(graph_take(g, text.p, text.len, GRAPH_WIDE, &g->wide));
    memset(text.p, ' ', text.len);
    assert_false(graph_take(g, text.p, text.len, GRAPH_WIDE, &g->wide));
    buf_release(&text);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_chains_share_is_there_once),
        cmocka_unit_test(too_much_is_no_graph),
        cmocka_unit_test(no_word_of_the_target_is_asked),
        cmocka_unit_test(an_answer_is_drawn),
        cmocka_unit_test(what_cannot_be_drawn_is_not_taken),
        cmocka_unit_test(endless_answers_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
