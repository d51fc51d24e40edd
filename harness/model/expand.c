#include "harness/model/expand.h"

#include "harness/base/buf.h"
#include "harness/base/mem.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool has_control(const char *s)
{
    for (; *s != '\0'; s++)
        if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
            return true;
    return false;
}

static size_t name_length(const char *s)
{
    size_t n = 0;

    while (isalnum((unsigned char)s[n]) || s[n] == '_')
        n++;
    return isdigit((unsigned char)s[0]) ? 0 : n;
}

/* Adds the value of the reference at `s` ("${...}"). Gives its end. */
static const char *one(const char *s, struct buf *text, struct expanded *out,
                       struct err *err)
{
    size_t n = name_length(s + 2);
    const char *after = s + 2 + n, *close = strchr(after, '}');
    char *name;
    const char *value;

    if (close == NULL) {
        err_set(err, "has a '${' that is never closed");
        return NULL;
    }
    if (n == 0 || (after != close && strncmp(after, ":-", 2) != 0)) {
        err_set(err, "has a malformed '${': write ${NAME} or "
                     "${NAME:-default}; $${ for a plain ${");
        return NULL;
    }
    name = mem_strndup(s + 2, n);
    value = getenv(name);
    if (value != NULL && *value == '\0' && after != close)
        value = NULL; /* as the shell's ':-' has it */
    if (value == NULL && after == close) {
        err_set(err, "needs %.100s, which is not in the environment", name);
        close = NULL;
    } else if (value == NULL) {
        buf_add(text, after + 2, (size_t)(close - after - 2));
    } else if (has_control(value)) {
        err_set(err, "needs %.100s, which holds control characters", name);
        close = NULL;
    } else {
        buf_adds(text, value);
        out->secrets = mem_grow(out->secrets, out->nsecrets, &out->cap,
                                sizeof *out->secrets);
        out->secrets[out->nsecrets++] = mem_strdup(value);
    }
    free(name);
    return close != NULL ? close + 1 : NULL;
}

int expand_env(const char *s, struct expanded *out, struct err *err)
{
    struct buf text;
    int rc = 0;

    *out = (struct expanded){0};
    buf_init(&text, SIZE_MAX / 2);
    while (rc == 0 && *s != '\0') {
        const char *dollar = strchr(s, '$');

        if (dollar == NULL)
            dollar = s + strlen(s);
        buf_add(&text, s, (size_t)(dollar - s));
        s = dollar;
        if (strncmp(s, "$${", 3) == 0) {
            buf_adds(&text, "${");
            s += 3;
        } else if (strncmp(s, "${", 2) == 0) {
            s = one(s, &text, out, err);
            rc = s != NULL ? 0 : -1;
        } else if (*s == '$') {
            buf_addc(&text, *s++);
        }
    }
    out->text = buf_take(&text);
    buf_release(&text);
    return rc;
}

void expand_release(struct expanded *e)
{
    free(e->text);
    for (size_t i = 0; i < e->nsecrets; i++)
        free(e->secrets[i]);
    free(e->secrets);
    *e = (struct expanded){0};
}
