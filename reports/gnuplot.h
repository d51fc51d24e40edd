/* Runs gnuplot: no shell, no start-up file of the user's, bounded in time. */
#ifndef PLATEAU_REPORTS_GNUPLOT_H
#define PLATEAU_REPORTS_GNUPLOT_H

#include "harness/base/buf.h"

#include <stddef.h>

/* Runs the scripts (file names in `dir`) in one gnuplot, started in `dir`.
 * What goes wrong becomes a line in `notice`; gnuplot's own words are then in
 * dir/gnuplot.log. */
void gnuplot_run(const char *dir, const char *const *scripts, size_t n,
                 struct buf *notice);

#endif
