/* libcurl's multi interface on a libuv loop, done once for all engines. A
 * socket's watch may also be taken over, when somebody else than libcurl
 * talks on it. One thread: the loop's.
 *
 * Four things about the pair that are not in their manuals:
 * - libcurl may have results after any call, and may want to be called again
 *   at once (a timer of 0 ms). That call waits for the loop's next turn: made
 *   on the spot it would serve the connection that answers fastest over and
 *   over again while others starve, and a uv_timer of 0 ms set from its own
 *   callback runs again before any socket is looked at.
 * - A kept connection stays registered for reading when libcurl lets go of
 *   it, which saves two system calls per request; an event on it then only
 *   means that the peer closed it, and the watch sleeps until asked for.
 * - A socket that never got connected is closed behind our back, without a
 *   callback, and its number may come again at once: whoever opens a socket
 *   for libcurl tells multi_opened_socket.
 * - A timer that fires early by rounding is never set again by libcurl: ours
 *   are set a millisecond later than asked. */
#ifndef PLATEAU_LOAD_MULTI_H
#define PLATEAU_LOAD_MULTI_H

#include "harness/base/err.h"

#include <curl/curl.h>
#include <stdbool.h>

struct uv_loop_s;
struct multi;
struct watch;

/* Opens one. `done` is called for each transfer that ended, its handle already
 * removed unless `keep` (then the callee removes it when it likes). */
struct multi *multi_open(struct uv_loop_s *loop, bool keep,
                         void (*done)(void *user, CURL *easy, CURLcode rc),
                         void *user, struct err *err);

/* The CURLM, to add and remove handles and set options. */
CURLM *multi_curlm(struct multi *m);

/* Sockets open now. */
int multi_sockets(const struct multi *m);

/* Call it with each descriptor that CURLOPT_OPENSOCKETFUNCTION opened. */
void multi_opened_socket(struct multi *m, curl_socket_t fd);

/* Ends `fd`'s watch and closes the descriptor. Set as
 * CURLOPT_CLOSESOCKETFUNCTION with the multi as its data, or called from
 * there. */
int multi_close_socket(void *multi, curl_socket_t fd);

/* From now on events on `fd` go to `fn`, no longer to libcurl; waits for
 * readability. NULL: the loop does not take the descriptor. */
struct watch *multi_take_watch(struct multi *m, int fd,
                               void (*fn)(void *user, int events), void *user);

/* What a taken watch waits for: UV_READABLE, with or without UV_WRITABLE. */
void watch_for(struct watch *w, int events);

/* After all handles were removed and cleaned up: closes what libcurl still
 * keeps, then calls `closed` from the loop; the memory is gone then. */
void multi_close(struct multi *m, void (*closed)(void *user), void *user);

#endif
