/* Tables of counted rates, as Markdown on stdout. */
#ifndef PLATEAU_TESTS_CALIBRATE_RATES_H
#define PLATEAU_TESTS_CALIBRATE_RATES_H

/* Opens a table of rates, titled `title`. */
void rates_head(const char *title);

/* One row: `k` of `n`, the share with its 95 % interval (Wilson 1927), and
 * what was promised, or "". */
void rates_line(const char *what, int k, int n, const char *goal);

#endif
