/* Names of object types as the censuses tell them: "module.qualname". */
#ifndef PLATEAU_MODEL_TYPENAME_H
#define PLATEAU_MODEL_TYPENAME_H

#include <stdbool.h>

/* Does the language itself bring the type ("builtins.dict")? */
bool typename_is_builtin(const char *type);

/* What nobody has to be told: "dict" for "builtins.dict". Borrowed. */
const char *typename_short(const char *type);

#endif
