/* The evidence in sentences, for view.c only. */
#ifndef PLATEAU_REPORTS_SENTENCES_H
#define PLATEAU_REPORTS_SENTENCES_H

#include "reports/view.h"

/* Fills v->lines; everything else of `v` is set. In order: what was seen, who
 * does it, how small a leak would have been seen, how long it can go on, and
 * what weakens the judgement. */
void sentences_add(struct view *v);

#endif
