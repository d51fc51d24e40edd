/* How a process ended, in words for people. */
#ifndef PLATEAU_BASE_ENDED_H
#define PLATEAU_BASE_ENDED_H

#include <stddef.h>

/* Writes "exited with status 1", "killed by SIGSEGV (core dumped)", for a
 * status as waitpid gives it. */
void ended_text(int wait_status, char *out, size_t size);

#endif
