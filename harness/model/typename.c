#include "harness/model/typename.h"

#include <string.h>

static const char language[] = "builtins.";

bool typename_is_builtin(const char *type)
{
    return strncmp(type, language, sizeof language - 1) == 0;
}

const char *typename_short(const char *type)
{
    return typename_is_builtin(type) ? type + sizeof language - 1 : type;
}
