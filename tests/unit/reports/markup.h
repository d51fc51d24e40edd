/* Is this well-formed XML? Elements, attributes, references, comments and
 * declarations; no DTD. Enough to judge what the reporters write. */
#ifndef PLATEAU_TESTS_REPORTS_MARKUP_H
#define PLATEAU_TESTS_REPORTS_MARKUP_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define MARKUP_DEPTH 64

static inline bool markup_reference(const char **s, const char *end)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;",
                                        "&#39;"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i]);

        if ((size_t)(end - *s) >= n && memcmp(*s, known[i], n) == 0) {
            *s += n;
            return true;
        }
    }
    return false;
}

static inline size_t markup_name(const char *s, const char *end)
{
    size_t n = 0;

    while (s + n < end && (isalnum((unsigned char)s[n]) ||
                           (n > 0 && strchr("-_:.", s[n]) != NULL)))
        n++;
    return n;
}

/* Behind the name of a start tag: attributes up to '>' or '/>'. */
static inline bool markup_attributes(const char **at, const char *end,
                                     bool *closed)
{
    const char *s = *at;

    for (;;) {
        size_t n, space = 0;

        while (s < end && isspace((unsigned char)*s))
            s++, space++;
        if (s + 1 < end && s[0] == '/' && s[1] == '>') {
            *closed = true;
            *at = s + 2;
            return true;
        }
        if (s < end && *s == '>') {
            *at = s + 1;
            return true;
        }
        n = markup_name(s, end);
        if (space == 0 || n == 0 || end - s < (long)n + 3 || s[n] != '=' ||
            s[n + 1] != '"')
            return false;
        for (s += n + 2; s < end && *s != '"';) {
            if (*s == '<' || (*s == '&' && !markup_reference(&s, end)))
                return false;
            if (*s != '"' && *s != '&' && *s != '<')
                s++;
        }
        s++;
    }
}

static inline bool markup_well_formed(const char *s, size_t len)
{
    struct {
        const char *name;
        size_t n;
    } open[MARKUP_DEPTH];
    const char *end = s + len;
    int depth = 0;
    bool root = false;

    if (len > 5 && memcmp(s, "<?xml", 5) == 0)
        s = strstr(s, "?>") + 2;
    while (s < end) {
        if (*s == '&' && !markup_reference(&s, end))
            return false;
        if (s < end && *s != '<' && *s != '&') {
            if (depth == 0 && !isspace((unsigned char)*s))
                return false;
            if ((unsigned char)*s < 0x20 && !isspace((unsigned char)*s))
                return false;
            s++;
            continue;
        }
        if (s >= end || *s == '&')
            continue;
        if (s[1] == '/') {
            size_t n = markup_name(s + 2, end);

            if (depth == 0 || open[depth - 1].n != n ||
                memcmp(open[depth - 1].name, s + 2, n) != 0 || s[2 + n] != '>')
                return false;
            depth--;
            s += n + 3;
            continue;
        }
        size_t n = markup_name(s + 1, end);
        bool closed = false;
        const char *name = s + 1;

        if (n == 0 || depth == MARKUP_DEPTH || (depth == 0 && root))
            return false;
        s += n + 1;
        if (!markup_attributes(&s, end, &closed))
            return false;
        root = true;
        if (!closed) {
            open[depth].name = name;
            open[depth++].n = n;
        }
    }
    return depth == 0 && root;
}

#endif
