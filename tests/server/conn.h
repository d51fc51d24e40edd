/* Connections: HTTP/1.1 in, replies out, one epoll loop, no allocation.
 *
 * Two system calls per request: one recv, one send, and one epoll_wait for
 * all that are ready at a time. */
#ifndef PLATEAU_TESTS_SERVER_CONN_H
#define PLATEAU_TESTS_SERVER_CONN_H

/* Serves on the listening descriptor until SIGTERM or SIGINT, or, with
 * options.recycle, until that many requests were answered and their
 * connections closed. `shared` says that other processes accept, too. */
void conn_serve(int listener, int shared);

/* Tells a loop to end; may be called from a signal handler. */
void conn_stop(void);

#endif
