#include "reports/chain_words.h"

#include "analyzers/bound.h"
#include "analyzers/explain.h"
#include "reports/say.h"

#include <math.h>
#include <stdlib.h>

void chain_words(struct buf *out, const struct view *v,
                 const struct diagnosis_chain *c)
{
    buf_adds(out, c->text);
    if (c->sampled > 0 && c->found < c->sampled) {
        buf_adds(out, " (");
        say_percent(out, c->found / c->sampled);
        buf_addf(out, " of %s)", c->type != NULL ? c->type : "them");
    }
    if (!explain_proven(v->in->verdict, c->type))
        buf_adds(out, "; it is not proven to grow");
}

void chain_deep_words(struct buf *out, const struct diagnosis_chain *c)
{
    if (c->deep.holder == NULL || !(c->deep.bytes > 0))
        return;
    buf_addf(out, "%s holds %s%s", c->deep.holder,
             c->deep.least ? "at least " : "", c->deep.whole ? "" : "about ");
    say_amount(out, c->deep.bytes, METRIC_BYTES);
    buf_addf(out, "%s%s (pympler%s%s)", c->deep.least ? "" : " in all",
             c->deep.share < 1 ? ", in one of the processes" : "",
             c->deep.whole ? "" : ", from a part of its entries",
             c->deep.least ? ", which does not see into all of it" : "");
}

/* 8,376 requests are "about 8,400": two digits are known at best. */
static double rounded(double n)
{
    double step = n >= 1 ? pow(10, floor(log10(n)) - 1) : 1;

    return step > 1 ? ceil(n / step) * step : ceil(n);
}

static void say_more(struct buf *out, const struct view *v, double more)
{
    const struct verdict *d = v->in->verdict;
    char *kind = NULL;

    if (d->types_per_hour) {
        say_time(out, more * 3600);
        buf_adds(out, " more");
        return;
    }
    say_count(out, rounded(more));
    buf_adds(out, " more requests");
    if (d->types_kind >= 0 && (size_t)d->types_kind < v->in->record->nkinds) {
        kind = view_kind_name(v->in->record, d->types_kind);
        buf_addf(out, " of %s", kind);
        free(kind);
    }
}

void chain_bound_words(struct buf *out, const struct view *v,
                       const struct diagnosis_chain *c)
{
    double more;

    if (!bound_found(c))
        return;
    more = bound_more(v->in->verdict, c);
    buf_addf(out, "the %s holds ", c->bound.container);
    say_count(out, c->bound.size);
    buf_adds(out, " of at most ");
    say_count(out, c->bound.limit);
    if (more <= 0) {
        buf_adds(out, ", and is full now: if that is what filled, the growth "
                      "has ended; a longer run tells");
        return;
    }
    buf_adds(out, ": if that is what fills, the growth ends ");
    if (isfinite(more)) {
        buf_adds(out, "after about ");
        say_more(out, v, more);
        buf_adds(out, "; run that long to tell");
    } else {
        buf_adds(out, "when it is full; run until then to tell");
    }
}
