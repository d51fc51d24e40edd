/* One error message on its way up.
 *
 * A fallible function returns 0 or -1 and takes `struct err *err` last. The
 * message is set once, where the cause is known, wrapped with context on the
 * way up, and printed only in harness/cli. On success `err` is untouched.
 * A NULL `err` is legal everywhere and drops the message. */
#ifndef PLATEAU_BASE_ERR_H
#define PLATEAU_BASE_ERR_H

struct err {
    char msg[1024]; /* NUL-terminated, one line, no trailing newline */
};

/* Formats the message into `err`. Always returns -1, so that a caller can
 * write `return err_set(err, ...)`. Too long a message is cut. */
int err_set(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts formatted context and ": " in front of the message already in `err`.
 * Always returns -1. */
int err_wrap(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
