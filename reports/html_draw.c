#include "reports/html_draw.h"

#include "harness/base/escape.h"
#include "reports/html_impl.h"
#include "reports/say.h"

#include <math.h>
#include <string.h>

enum {
    ROW = 26, /* of bars, wide; a phone has the label above the bar */
    ROW_NARROW = 40,
    LABEL = 330, /* room for labels, wide */
    VALUE = 190, /* room for the figures behind the bars, wide */
    VALUE_NARROW = 150,
};

void html_clipped(struct buf *out, const char *s, size_t n, size_t most)
{
    size_t chars = graph_characters(s, n), head = most / 3;
    size_t tail = most - head - 1, seen = 0;
    bool gap = false;

    if (chars <= most) {
        escape_html(out, s, n);
        return;
    }
    for (size_t i = 0; i < n;) {
        size_t len = 1;

        while (i + len < n && ((unsigned char)s[i + len] & 0xc0) == 0x80)
            len++;
        if (seen < head || seen >= chars - tail)
            escape_html(out, s + i, len);
        else if (!gap)
            buf_adds(out, "\xE2\x80\xA6");
        gap = gap || (seen >= head && seen < chars - tail);
        seen++;
        i += len;
    }
}

void html_drawing(struct buf *out, const char *what, bool narrow, double height)
{
    buf_addf(out,
             "<svg class=\"draw %s\" viewBox=\"0 0 %d %.0f\" role=\"img\" "
             "aria-label=\"%s\">",
             narrow ? "narrow" : "wide", narrow ? GRAPH_NARROW : GRAPH_WIDE,
             height, what);
}

/* ---- bars ---- */

struct scale {
    double left, width; /* of the bars, px */
    double low, high;   /* values at both ends; 0 lies between them */
};

static double place(const struct scale *s, double v)
{
    double share = (v - s->low) / (s->high - s->low);

    return s->left + s->width * fmin(fmax(share, 0), 1);
}

static bool find_scale(const struct bar *bars, size_t n, bool narrow,
                       struct scale *s)
{
    s->low = s->high = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(bars[i].value))
            continue;
        s->low = fmin(s->low, bars[i].value);
        s->high = fmax(s->high, bars[i].value);
        if (isfinite(bars[i].low) && isfinite(bars[i].high)) {
            s->low = fmin(s->low, bars[i].low);
            s->high = fmax(s->high, bars[i].high);
        }
    }
    s->left = narrow ? 2 : LABEL;
    s->width =
        narrow ? GRAPH_NARROW - VALUE_NARROW : GRAPH_WIDE - LABEL - VALUE;
    return s->high > s->low;
}

static void draw_bar(struct buf *out, const struct bar *b,
                     const struct scale *s, enum metric_unit unit, double y,
                     bool narrow)
{
    double zero = place(s, 0), end = place(s, b->value);
    double mid = y + (narrow ? 28 : 13);
    size_t most = narrow ? 44 : 43;

    buf_adds(out, "<g><title>");
    html_text(out, b->label);
    buf_addf(out, "</title><text class=\"m\" x=\"%d\" y=\"%.1f\">", 2,
             narrow ? y + 13 : mid + 4);
    html_clipped(out, b->label, strlen(b->label), most);
    buf_addf(out,
             "</text><rect class=\"hb%s\" x=\"%.1f\" y=\"%.1f\" "
             "width=\"%.1f\" height=\"12\"/>",
             b->strong ? " bad" : "", fmin(zero, end), mid - 6,
             fmax(fabs(end - zero), 1));
    if (isfinite(b->low) && isfinite(b->high))
        buf_addf(
            out,
            "<path class=\"whisk\" d=\"M%.1f %.1fV%.1fM%.1f %.1fH%.1fM%.1f "
            "%.1fV%.1f\"/>",
            place(s, b->low), mid - 4, mid + 4, place(s, b->low), mid,
            place(s, b->high), place(s, b->high), mid - 4, mid + 4);
    buf_addf(out, "<text x=\"%.1f\" y=\"%.1f\">", s->left + s->width + 10,
             mid + 4);
    say_amount(out, b->value, unit);
    if (isfinite(b->low) && isfinite(b->high)) {
        buf_adds(out, " (");
        say_amount(out, b->low, unit);
        buf_adds(out, " .. ");
        say_amount(out, b->high, unit);
        buf_addc(out, ')');
    }
    buf_adds(out, "</text></g>");
}

void html_bars(struct buf *out, const char *what, const struct bar *bars,
               size_t n, enum metric_unit unit)
{
    for (int narrow = 0; narrow < 2; narrow++) {
        double row = narrow ? ROW_NARROW : ROW, y = 0;
        struct scale s;
        size_t shown = 0;

        if (!find_scale(bars, n, narrow, &s))
            return;
        for (size_t i = 0; i < n; i++)
            shown += isfinite(bars[i].value);
        html_drawing(out, what, narrow, row * (double)shown + 4);
        buf_addf(out, "<path class=\"axis\" d=\"M%.1f 0V%.1f\"/>", place(&s, 0),
                 row * (double)shown);
        for (size_t i = 0; i < n; i++) {
            if (!isfinite(bars[i].value))
                continue;
            draw_bar(out, &bars[i], &s, unit, y, narrow);
            y += row;
        }
        buf_adds(out, "</svg>\n");
    }
}
