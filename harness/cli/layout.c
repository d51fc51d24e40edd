#include "harness/cli/layout.h"

#include "harness/base/clock.h"
#include "harness/cli/tool_run.h"
#include "reports/graph_plain.h"

enum {
    LONGEST_S = 3, /* for all attempts */
    QUESTION_MAX = 16 << 10,
    ANSWER_MAX = 256 << 10,
};

/* What is asked, until an answer fits the page: boxes that show many
 * characters before those that show few. */
struct attempt {
    size_t most; /* characters shown of a box's text */
    bool down;   /* holders above what they hold */
};

static const struct attempt for_wide[] = {
    {46, false}, {46, true}, {30, false}, {30, true}, {20, true}};
static const struct attempt for_narrow[] = {{41, true}, {19, true}};

static bool ask(const struct graph *g, const struct attempt *a, double room,
                int64_t until_ns, struct graph_layout *l)
{
    static const char *const argv[] = {"dot", "-Tplain", NULL};
    int64_t left = until_ns - clock_now_ns();
    struct buf question, answer;
    struct err err;

    buf_init(&question, QUESTION_MAX);
    buf_init(&answer, ANSWER_MAX);
    graph_ask(g, a->most, a->down, l, &question);
    if (left > 0 && !question.overflow &&
        tool_run(argv, NULL, &question, left, &answer, &err) == 0 &&
        !answer.overflow)
        graph_take(g, buf_str(&answer), answer.len, room, l);
    buf_release(&question);
    buf_release(&answer);
    return l->placed;
}

/* A single chain that is too long for a row: our own rows are shorter than a
 * column. */
static bool suits(const struct graph *g, const struct attempt *a, bool narrow)
{
    return narrow || !a->down || !graph_is_line(g);
}

static void lay_out(const struct graph *g, const struct attempt *a, size_t n,
                    bool narrow, int64_t until_ns, struct graph_layout *l)
{
    double room = narrow ? GRAPH_NARROW : GRAPH_WIDE;

    for (size_t i = 0; i < n && !l->placed; i++)
        if (suits(g, &a[i], narrow))
            ask(g, &a[i], room, until_ns, l);
}

struct graph *layout_chains(const struct diagnosis *d, const struct verdict *v)
{
    int64_t until_ns = clock_now_ns() + LONGEST_S * CLOCK_NS_PER_S;
    struct graph *g = tool_found("dot") ? graph_new(d, v) : NULL;

    if (g == NULL)
        return NULL;
    lay_out(g, for_wide, sizeof for_wide / sizeof *for_wide, false, until_ns,
            &g->wide);
    lay_out(g, for_narrow, sizeof for_narrow / sizeof *for_narrow, true,
            until_ns, &g->narrow);
    if (g->wide.placed || g->narrow.placed)
        return g;
    graph_free(g);
    return NULL;
}
