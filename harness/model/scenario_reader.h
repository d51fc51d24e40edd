/* The inside of scenario_load(): what its files share. Not for callers. */
#ifndef PLATEAU_MODEL_SCENARIO_READER_H
#define PLATEAU_MODEL_SCENARIO_READER_H

#include "harness/model/ini.h"
#include "harness/model/keys.h"
#include "harness/model/nameset.h"
#include "harness/model/scenario.h"
#include "harness/model/template_compile.h"

/* Work that has to wait until every section is read: templates need the
 * captured names, steps need the requests. */
struct pending {
    enum { PENDING_PATH, PENDING_HEADER, PENDING_BODY, PENDING_STEPS } what;
    size_t index; /* request or flow */
    size_t header;
    char *text;
    const char *file;
    int line;
};

struct reader {
    struct scenario *sc;
    struct mistakes *m;
    const char *file; /* for messages */
    unsigned flags;   /* enum scenario_flag */
    struct ini_doc doc;
    struct template_compiler compiler;
    struct nameset requests, flows;
    struct nameset stepped; /* names that stand in some flow's steps */
    char **step_words;
    size_t nstep_words, step_words_cap;
    struct pending *pending;
    size_t npending, pending_cap;
    size_t effective_cap;
    /* Line of each key of the sections that come once; -1: missing. */
    int seen[KEY_COUNT_MAX];
    bool present[SECTION_COUNT];
    bool custom_metrics;  /* [sample] has sources of the user's own */
    bool weight_mistaken; /* some weight is not known */
};

/* One value on its way into its field. */
struct taking {
    struct reader *r;
    const struct key *key;
    const char *arg;   /* NAME of a pattern key */
    const char *value; /* environment filled in */
    const char *shown; /* as it may be printed */
    const char *file;
    int line;
    bool secret;  /* holds something from the environment */
    void *base;   /* struct scenario, request or flow */
    size_t index; /* of the request or flow */
};

/* Adds the mistake "key: 'value' <text>". */
void taking_bad(struct taking *t, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Makes room for one more in an array of `n`: doubles at powers of two, so
 * that no capacity has to be kept. */
void *reader_push(void *at, size_t n, size_t size);

/* Cuts a foreign value to a length that a message can hold. */
struct shown {
    char text[96];
};
struct shown shorten(const char *s);

/* Puts the word list's nearest word into a hint; NULL-safe. Gives a string or
 * NULL. */
char *suggest_word(const char *word, const char *words);

/* What stands for `key` in the given section when it is missing. Gives a
 * string, or NULL for nothing. */
char *reader_fallback(struct reader *r, const struct key *key,
                      const struct ini_section *s, const char *name);

/* Applies `--set` texts to the document. */
void reader_apply_sets(struct reader *r, char *const *sets, size_t nsets);

/* Compiles what had to wait. */
void reader_finish_pending(struct reader *r);

/* Checks what no single key can know. */
void reader_cross_check(struct reader *r);

/* Reads the entries of one section into `base` and fills in its defaults. */
void reader_section(struct reader *r, const struct ini_section *s,
                    enum key_section kind, const char *name, void *base,
                    size_t index);

void reader_release(struct reader *r);

#define TYPE(name, title, plain, repeats) void take_##name(struct taking *t);
#include "harness/model/key_types.def"
#undef TYPE

#endif
