/* What a command leaves on stdout: its result, whole, or a failure of ours.
 * With --json there is always exactly one document: where a command ended
 * without a result, one that says why. Not for progress and complaints (those
 * go to stderr) and not for help.
 *
 * The program has one stdout, so this has one state. Main thread only. */
#ifndef PLATEAU_CLI_RESULT_H
#define PLATEAU_CLI_RESULT_H

#include "harness/base/buf.h"

#include <stdbool.h>

/* Descriptors 0 to 2 that we were not given stand for /dev/null from now on:
 * nothing that we open may be taken for one of them. */
void result_open_standard(void);

/* Prints a result. A reader that went away is no fault of anybody's; anything
 * else that keeps it from being written is told once, and remembered. */
void result_print(const struct buf *text);

/* Remembers a message of stderr, of one or more lines, as a reason why there
 * may be no result. */
void result_remember(const char *message);

/* The end of a command that would exit with `code`: with `json`, and if
 * nothing was printed, prints the document that says why. Returns the exit
 * code: a pass whose result could not be written is none. */
int result_end(int code, bool json);

#endif
