/* plots/: per group of metrics a .dat with the readings, a .gp that draws
 * them, and the .svg that gnuplot made of it. */
#ifndef PLATEAU_REPORTS_PLOTS_H
#define PLATEAU_REPORTS_PLOTS_H

#include "reports/report.h"

/* Writes out_dir/plots. Without gnuplot (in->gnuplot is false, or it cannot
 * be started) data and scripts are written all the same and `notice` says so;
 * that is no error, and neither is a gnuplot that fails or takes longer than
 * 20 s (it is killed then). Returns -1 only when a file cannot be written. */
int plots_write(const struct report_input *in, struct buf *notice,
                struct err *err);

#endif
