/* Reporters, for callers: from a judged run to its artifacts. Pure in content
 * (same record and verdict, same bytes), writing each artifact under a
 * temporary name and renaming. Not judging: analyzers/verdict.h. */
#ifndef PLATEAU_REPORTS_REPORT_H
#define PLATEAU_REPORTS_REPORT_H

#include "analyzers/verdict.h"
#include "harness/base/buf.h"
#include "harness/base/err.h"
#include "harness/model/record.h"

#include <stdbool.h>

struct graph;

struct report_input {
    const struct record *record;
    const struct verdict *verdict;
    int exit_code;       /* what the program will exit with */
    const char *out_dir; /* where artifacts go */
    bool gnuplot;        /* found; else plots are left out with a notice */
    const struct graph *graph; /* the diagnosis' chains, laid out; NULL: they
                                  are drawn one by one */
};

/* Writes every artifact: verdict.json, summary.md, junit.xml, plots/, and
 * report.html last. A reporter's failure does not stop the others; the first
 * one's message is in `err`. `notice` gets lines for people (no gnuplot). */
int report_all(const struct report_input *in, struct buf *notice,
               struct err *err);

/* The verdict for a terminal: the sentence, the table, where the report is.
 * `color` adds ANSI colours; `width` in columns (0: 80). */
void report_text(const struct report_input *in, bool color, int width,
                 struct buf *out);

/* The one JSON document of --json: the same bytes as verdict.json. */
void report_json(const struct report_input *in, struct buf *out);

#endif
