/* What the conductor and its guardian say to each other, over one socket
 * (the guardian's descriptor GUARD_FD).
 *
 * Conductor to guardian: four bytes, the length of what follows in host
 * order; then NUL-terminated strings: the grace in ms, the working directory
 * ("" for ours), the number of arguments, the arguments, the environment
 * ("NAME=value", all of it). After that: the letter GUARD_STOP. The end of
 * the stream means that the conductor is gone and is GUARD_STOP as well.
 *
 * Guardian to conductor, a line each:
 *   started PID START   the command runs
 *   failed ERRNO        it could not be executed; nothing runs
 *   exited STATUS LEFT  it ended (as waitpid tells); LEFT is 1 when some
 *                       descendant lives on
 *   empty               the last descendant has ended
 *   stopped LEFT        after GUARD_STOP: nothing is left, or LEFT processes
 *                       that could not be ended; the guardian exits */
#ifndef PLATEAU_TARGET_GUARD_H
#define PLATEAU_TARGET_GUARD_H

#define GUARD_FD 3
#define GUARD_STOP 'S'
#define GUARD_ORDERS_MAX (16u << 20) /* more than exec takes */

#endif
