/* Compiles template texts while a scenario is read. Callers outside the model
 * get their templates from scenario_load(). */
#ifndef PLATEAU_MODEL_TEMPLATE_COMPILE_H
#define PLATEAU_MODEL_TEMPLATE_COMPILE_H

#include "harness/model/nameset.h"
#include "harness/model/template.h"

struct mistakes;

struct template_compiler {
    struct scenario *sc; /* feeders are added to it as they are met */
    struct mistakes *m;
    struct nameset captures; /* name -> index into sc->captured */
    struct nameset feeders;  /* file or [data] name -> index into
                                sc->feeders, or FEEDER_BROKEN */
    char **names;            /* owned copies of the feeders' keys */
    size_t nnames, names_cap;
};

#define FEEDER_BROKEN ((size_t)-2)

/* Where a template stands, for its mistakes. */
struct template_source {
    const char *file;
    int line;
    const char *what; /* "path" */
};

/* Compiles `text` for `place`. Mistakes go to the compiler's list; what can
 * be compiled is. Gives a template to release. */
void template_compile(struct template_compiler *c, const char *text,
                      enum template_place place,
                      const struct template_source *src, struct template *out);

/* Loads the CSV `file` (found beside the scenario) once and knows it as
 * `name` too. Gives its index, or FEEDER_BROKEN after a mistake. */
size_t template_feeder(struct template_compiler *c, const char *name,
                       const char *file, const struct template_source *src);

/* Gives `file` as seen from here: what a line of the scenario names lies
 * beside it, what --set names (line 0) lies in the current folder. */
char *template_beside(const struct scenario *sc, const char *file, int line);

void template_compiler_release(struct template_compiler *c);

#endif
