/* Reads the words of valgrind's memcheck: which blocks there are more of than
 * at its last leak search, and by which stack they were allocated. Pure. */
#ifndef PLATEAU_CLI_NATIVE_TEXT_H
#define PLATEAU_CLI_NATIVE_TEXT_H

#include "harness/model/diagnosis.h"

/* Adds a native site per loss record in `text` that grew, divided by
 * `requests`; the same stack in another process is added to it. Hostile bytes
 * in names stay what they are: escape at the sink. */
void native_text_read(const char *text, double requests, struct diagnosis *out);

#endif
