/* What a started target printed last. */
#ifndef PLATEAU_TARGET_OUTPUT_H
#define PLATEAU_TARGET_OUTPUT_H

/* Gives the last `lines` lines (at most 8 KiB) of the file behind `log_fd`,
 * which may be open for appending only; "" for none, and for -1. Final white
 * space is removed; foreign bytes stay. */
char *output_tail(int log_fd, int lines);

#endif
