/* The parts of report.html, for html*.c only. Everything foreign goes through
 * html_text(): there is no other way into the page. */
#ifndef PLATEAU_REPORTS_HTML_IMPL_H
#define PLATEAU_REPORTS_HTML_IMPL_H

#include "reports/view.h"

/* The page's one style sheet and one script; the page's content policy allows
 * exactly these, by their SHA-256 in base64. */
extern const char html_style[];
extern const char html_script[];
extern const char html_style_hash[];
extern const char html_script_hash[];

/* Appends foreign text, escaped; NULL is nothing. */
void html_text(struct buf *out, const char *s);

/* <td> with a text; <td class="n"> with a figure. */
void html_td(struct buf *out, const char *s);
void html_td_count(struct buf *out, double v);
void html_td_amount(struct buf *out, double v, enum metric_unit u);
void html_td_interval(struct buf *out, const struct interval *v,
                      enum metric_unit u);

/* Sections; each is left out when there is nothing to show. */
void html_charts(struct buf *out, const struct view *v);
void html_growth_charts(struct buf *out, const struct view *v);
void html_metrics(struct buf *out, const struct view *v);
void html_blames(struct buf *out, const struct view *v);
void html_types(struct buf *out, const struct view *v);
void html_diagnosis(struct buf *out, const struct view *v);
/* A drawing in the section of the object types. */
void html_type_bars(struct buf *out, const struct verdict *v);
void html_kinds(struct buf *out, const struct view *v);
void html_processes(struct buf *out, const struct view *v);
void html_events(struct buf *out, const struct view *v);
void html_run(struct buf *out, const struct view *v);

#endif
