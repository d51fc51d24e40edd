/* The effective scenario as text, and masking. */
#include "harness/base/mem.h"
#include "harness/model/scenario.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void scenario_write_effective(const struct scenario *sc, struct buf *out,
                              bool with_origin)
{
    const char *section = "";

    for (size_t i = 0; i < sc->neffective; i++) {
        const struct effective *e = &sc->effective[i];

        if (strcmp(section, e->section) != 0) {
            buf_addf(out, "%s[%s]\n", i > 0 ? "\n" : "", e->section);
            section = e->section;
        }
        /* A comment needs a line of its own: behind the value it would be a
           part of it. */
        if (with_origin)
            buf_addf(out, "; %s\n", e->origin);
        buf_adds(out, e->key);
        buf_adds(out, " = ");
        buf_adds(out, e->value);
        buf_addc(out, '\n');
    }
}

/* Secrets too short or too common to be told from other text: "8000", "on".
 * Longer ones are replaced wherever they stand, short ones as words only. */
static bool is_maskable(const char *s)
{
    size_t n = strlen(s), digits = strspn(s, "0123456789");

    return n >= 3 && (digits < n || n >= 6);
}

static bool word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool matches(const char *text, const char *at, const char *secret,
                    size_t n)
{
    if (strncmp(at, secret, n) != 0)
        return false;
    if (n >= 6)
        return true;
    return (at == text || !word_byte(at[-1])) && !word_byte(at[n]);
}

static int longest_first(const void *va, const void *vb)
{
    const char *const *a = va, *const *b = vb;
    size_t na = strlen(*a), nb = strlen(*b);

    return (na < nb) - (na > nb);
}

char *scenario_mask(const struct scenario *sc, const char *text)
{
    const char **secrets = mem_zalloc(sc->nsecrets, sizeof *secrets);
    bool first[256] = {false};
    struct buf out;
    size_t n = 0;

    for (size_t i = 0; i < sc->nsecrets; i++)
        if (is_maskable(sc->secrets[i])) {
            first[(unsigned char)sc->secrets[i][0]] = true;
            secrets[n++] = sc->secrets[i];
        }
    if (n > 1)
        qsort(secrets, n, sizeof *secrets, longest_first);
    buf_init(&out, SIZE_MAX / 2);
    for (const char *p = text; *p != '\0';) {
        size_t hit = 0;

        for (size_t i = 0; first[(unsigned char)*p] && hit == 0 && i < n; i++)
            if (matches(text, p, secrets[i], strlen(secrets[i])))
                hit = strlen(secrets[i]);
        if (hit > 0)
            buf_adds(&out, "***");
        else
            buf_addc(&out, *p);
        p += hit > 0 ? hit : 1;
    }
    free(secrets);
    return buf_take(&out);
}
