#include "harness/model/secret.h"

#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/model/scenario.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool secret_name(const char *name, size_t n)
{
    static const char *const inside[] = {
        "token",      "secret",    "password",   "passwd",        "passphrase",
        "apikey",     "accesskey", "privatekey", "authorization", "cookie",
        "credential", "sessionid", "csrf",       "xsrf"};
    static const char *const whole[] = {
        "pwd", "pass", "auth",      "xauth",     "sid",
        "jwt", "sig",  "signature", "phpsessid", "otp"};
    char plain[64];
    size_t len = 0;

    for (size_t i = 0; i < n && len < sizeof plain - 1; i++)
        if (isalnum((unsigned char)name[i]))
            plain[len++] = (char)tolower((unsigned char)name[i]);
    plain[len] = '\0';
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (strstr(plain, inside[i]) != NULL)
            return true;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(plain, whole[i]) == 0)
            return true;
    return false;
}

void secret_add(struct scenario *sc, const char *text, size_t n)
{
    if (sc == NULL || n == 0 || (n == 3 && memcmp(text, "***", 3) == 0))
        return;
    for (size_t i = 0; i < sc->nsecrets && i < 64; i++)
        if (strlen(sc->secrets[i]) == n && memcmp(sc->secrets[i], text, n) == 0)
            return;
    if ((sc->nsecrets & (sc->nsecrets - 1)) == 0)
        sc->secrets =
            mem_realloc(sc->secrets, sc->nsecrets > 0 ? sc->nsecrets * 2 : 1,
                        sizeof *sc->secrets);
    sc->secrets[sc->nsecrets++] = mem_strndup(text, n);
}

/* "Bearer", "Basic", ...: the word in front of a token. */
static size_t scheme_length(const char *s)
{
    static const char *const schemes[] = {"Bearer ", "Basic ", "Token ",
                                          "Digest ", "ApiKey "};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncasecmp(s, schemes[i], strlen(schemes[i])) == 0)
            return strlen(schemes[i]);
    return 0;
}

void secret_add_header(struct scenario *sc, const char *value)
{
    size_t scheme = scheme_length(value);

    if (strstr(value, "{{") != NULL)
        return;
    secret_add(sc, value, strlen(value));
    if (scheme > 0)
        secret_add(sc, value + scheme, strlen(value + scheme));
    for (const char *eq = value; (eq = strchr(eq, '=')) != NULL;) {
        size_t n = strcspn(++eq, "; ,=");

        if (n >= 4)
            secret_add(sc, eq, n);
    }
}

static bool name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static size_t blanks(const char *s)
{
    return strspn(s, " \t");
}

/* `s` stands behind a credential name. Gives where its value begins, or NULL
 * when no value follows; `*quote` is the quote the value is in, or NUL. */
static const char *find_value(const char *s, enum secret_place place, bool flag,
                              char *quote)
{
    const char *p = s;

    if (*p == '"' || *p == '\'')
        p++;
    p += blanks(p);
    if (*p == '=' || (*p == ':' && place != SECRET_IN_PATH))
        p++;
    else if (place != SECRET_IN_COMMAND || !flag || p == s || *p == '-')
        return NULL;
    p += blanks(p);
    *quote = *p == '"' || *p == '\'' ? *p : '\0';
    return *quote != '\0' ? p + 1 : p;
}

static size_t value_length_at(const char *p, char quote)
{
    size_t scheme = scheme_length(p);
    size_t n = 0;

    if (quote == '\0')
        return scheme + strcspn(p + scheme, "&;, \t\"'}])");
    while (p[n] != '\0' && p[n] != quote)
        n += p[n] == '\\' && p[n + 1] != '\0' ? 2 : 1;
    return n;
}

static bool is_harmless(const char *p, size_t n)
{
    static const char *const words[] = {"null", "true", "false", "***"};

    if (strspn(p, "0123456789") >= n && n < 6)
        return true; /* a count: {"max_tokens": 100} */
    if (n == 0 || strncmp(p, "{{", 2) == 0 || strncmp(p, "${", 2) == 0)
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == n && memcmp(p, words[i], n) == 0)
            return true;
    return false;
}

char *secret_mask_literals(const char *s, enum secret_place place,
                           struct scenario *sc)
{
    struct buf out;

    buf_init(&out, SIZE_MAX / 2);
    while (*s != '\0') {
        size_t n = 0, len;
        const char *value;
        char quote;

        while (!name_byte(s[n]) && s[n] != '\0')
            n++;
        buf_add(&out, s, n);
        s += n;
        for (n = 0; name_byte(s[n]); n++)
            continue;
        value = n > 0 && secret_name(s, n)
                    ? find_value(s + n, place, s[0] == '-', &quote)
                    : NULL;
        len = value != NULL ? value_length_at(value, quote) : 0;
        if (value == NULL || is_harmless(value, len)) {
            buf_add(&out, s, n);
            s += n;
            continue;
        }
        buf_add(&out, s, (size_t)(value - s));
        buf_adds(&out, "***");
        secret_add(sc, value + scheme_length(value),
                   len - scheme_length(value));
        s = value + len;
    }
    return buf_take(&out);
}
