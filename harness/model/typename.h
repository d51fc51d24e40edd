/* Names of object types as the censuses tell them: "module.qualname". */
#ifndef PLATEAU_MODEL_TYPENAME_H
#define PLATEAU_MODEL_TYPENAME_H

#include <stdbool.h>

/* Does the language itself bring the type ("builtins.dict")? */
bool typename_is_builtin(const char *type);

/* Is it what programs keep values in: numbers, texts, containers? Of the
 * language's types these are what caches and rings are made of; the others
 * (generators, frames, functions, exceptions) are at work or are forgotten. */
bool typename_is_data(const char *type);

/* What nobody has to be told: "dict" for "builtins.dict". Borrowed. */
const char *typename_short(const char *type);

/* Whose type it is, the one that tells most of the program's own doings
 * first. */
enum typename_origin {
    TYPENAME_OWN,      /* its module is the main script, or the command line
                          names it: "gunicorn shop:app" */
    TYPENAME_LIBRARY,  /* any other; by its name nobody can tell a package
                          that was installed from one of the program's own */
    TYPENAME_STANDARD, /* of the standard library */
    TYPENAME_LANGUAGE  /* builtin: a dict says less than the class whose dict
                          it is */
};

/* The origin of `type` in a program started by `command` (NULL: unknown). */
enum typename_origin typename_origin(const char *type, const char *command);

#endif
