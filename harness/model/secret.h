/* What must never reach an artifact: which names carry credentials, where
 * they stand in a text, and how a text is masked. Masks are "***". */
#ifndef PLATEAU_MODEL_SECRET_H
#define PLATEAU_MODEL_SECRET_H

#include <stdbool.h>
#include <stddef.h>

struct scenario;

/* True for names of headers, variables, query parameters and JSON keys whose
 * values are credentials: Authorization, Cookie, X-Api-Key, *token*, ... */
bool secret_name(const char *name, size_t n);

/* What a text is, and so how names and values are joined in it: "token=abc"
 * everywhere, "--token abc" in commands, "password": "abc" and
 * "Authorization: Bearer abc" in all but paths. */
enum secret_place { SECRET_IN_TEXT, SECRET_IN_COMMAND, SECRET_IN_PATH };

/* Gives `s` with the values behind credential names replaced. Templates
 * ({{...}}) and ${...} stay: they hold no secret. Each value found is added to
 * the scenario's secrets (`sc` may be NULL). */
char *secret_mask_literals(const char *s, enum secret_place place,
                           struct scenario *sc);

/* Remembers that `text` must be masked. Empty text and masks are not kept. */
void secret_add(struct scenario *sc, const char *text, size_t n);

/* As secret_add for a header's value: also each part that is a secret of its
 * own (the token behind "Bearer", the values of a Cookie). */
void secret_add_header(struct scenario *sc, const char *value);

#endif
