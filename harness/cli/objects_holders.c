#include "harness/cli/objects_holders.h"

#include "harness/base/escape.h"
#include "harness/base/jsonw.h"

#include <inttypes.h>
#include <string.h>

static void as_json(int64_t pid, const char *type, const struct holders *h,
                    struct buf *out)
{
    struct jsonw w;

    jsonw_init(&w, out, false);
    jsonw_object(&w, NULL);
    jsonw_int(&w, "pid", pid);
    jsonw_string(&w, "type", type);
    jsonw_int(&w, "instances", (int64_t)h->instances);
    jsonw_int(&w, "sampled", h->sampled);
    jsonw_int(&w, "lone", h->lone);
    jsonw_int(&w, "cycles", h->cycles);
    jsonw_int(&w, "unseen", h->unseen);
    jsonw_bool(&w, "partial", h->partial);
    jsonw_double(&w, "wall_ms", (double)h->wall_ns / 1e6);
    jsonw_array(&w, "chains");
    for (size_t i = 0; i < h->nchains; i++) {
        jsonw_object(&w, NULL);
        jsonw_string(&w, "chain", h->chains[i].text);
        jsonw_int(&w, "found", h->chains[i].found);
        jsonw_bool(&w, "rooted", h->chains[i].rooted);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
}

void objects_holders(int64_t pid, const char *type, const struct holders *h,
                     bool json, struct buf *out)
{
    if (json) {
        as_json(pid, type, h, out);
        return;
    }
    buf_addf(out, "process %" PRId64 "  ", pid);
    escape_text(out, type, strlen(type));
    buf_addf(out, "  %" PRIu64 " instances, %u followed\n", h->instances,
             h->sampled);
    for (size_t i = 0; i < h->nchains; i++) {
        buf_addf(out, "  %3u of %u  ", h->chains[i].found, h->sampled);
        escape_text(out, h->chains[i].text, strlen(h->chains[i].text));
        buf_addc(out, '\n');
    }
    if (h->lone > 0)
        buf_addf(out, "  %3u of %u  nothing in the heap points at them\n",
                 h->lone, h->sampled);
    if (h->cycles > 0)
        buf_addf(out, "  %3u of %u  a cycle: nothing but what they hold\n",
                 h->cycles, h->sampled);
    if (h->unseen > 0)
        buf_addf(out,
                 "  %3u of %u  no holder was seen: malloc is replaced, and its "
                 "large blocks cannot be searched\n",
                 h->unseen, h->sampled);
    if (h->partial)
        buf_adds(out, "  the time limit came first: these are parts\n");
}
