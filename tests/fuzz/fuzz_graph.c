/* Any bytes as what graphviz's dot says; what is taken is drawn. */
#include "reports/graph_plain.h"
#include "reports/html_draw.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct diagnosis_chain chains[] = {
        {.text = (char *)"module shop -> history: list[9] -> Order",
         .type = (char *)"shop.Order"},
        {.text = (char *)"module shop -> by_id: dict[9] -> Order",
         .type = (char *)"shop.Order"}};
    static const struct verdict v;
    struct diagnosis d = {.chains = chains, .nchains = 2};
    struct graph *g = graph_new(&d, &v);
    struct buf out;

    buf_init(&out, 1 << 20);
    graph_ask(g, 40, false, &g->wide, &out);
    if (graph_take(g, (const char *)data, size, GRAPH_WIDE, &g->wide))
        html_graph(&out, g, &g->wide, false);
    assert(!out.overflow);
    buf_release(&out);
    graph_free(g);
    return 0;
}
