/* From a run directory to a printed verdict and an exit code: what `run`,
 * `observe`, `analyze`, `report` and `demo` have in common. */
#ifndef PLATEAU_CLI_JUDGE_H
#define PLATEAU_CLI_JUDGE_H

#include "analyzers/verdict.h"
#include "harness/cli/options.h"
#include "harness/model/record.h"
#include "reports/report.h"

#include <stdbool.h>

/* The exit code that a record and its verdict stand for: 4 when the target
 * failed, 128+n after a signal, else 0, 1 or 3. */
int judge_exit_code(const struct record *r, const struct verdict *v);

/* True when the run in `dir` may stop now: its verdict is certain by the
 * sequential rule and, unless its policy asks for no more, the request that
 * leaks is known. Quiet about errors (false). */
bool judge_is_certain(const char *dir);

/* Writes every artifact, as report_all does, with what this machine has to
 * draw: in->gnuplot and in->graph are found out here. */
int judge_write(const struct report_input *in, struct buf *notice,
                struct err *err);

/* Prints the result on stdout: the JSON document or the text. */
void judge_print(const struct report_input *in, const struct options *o);

/* Loads `dir`, judges, writes all artifacts into it, prints the verdict (or
 * the JSON document) on stdout. Returns the exit code. */
int judge_and_report(const char *dir, const struct options *o);

#endif
