#include "harness/model/words.h"

#include "harness/base/mem.h"

#include <stdlib.h>
#include <string.h>

static void add(struct words *w, char *word, bool quoted)
{
    if (w->n + 1 >= w->cap) {
        w->cap = w->cap ? w->cap * 2 : 8;
        w->at = mem_realloc(w->at, w->cap, sizeof *w->at);
        w->quoted = mem_realloc(w->quoted, w->cap, sizeof *w->quoted);
    }
    w->quoted[w->n] = quoted;
    w->at[w->n++] = word;
    w->at[w->n] = NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copies one word to `to`. Gives its end, or NULL when a quote stays open. */
static const char *one_word(const char *p, char *to, size_t *len, bool *quoted)
{
    char quote = '\0';

    *len = 0;
    *quoted = false;
    for (; *p != '\0'; p++) {
        if (quote == '\0' && is_blank(*p))
            break;
        if (quote == '\0' && (*p == '\'' || *p == '"')) {
            quote = *p;
            *quoted = true;
        } else if (quote != '\0' && *p == quote) {
            quote = '\0';
        } else if (*p == '\\' && p[1] != '\0' &&
                   (quote == '\0' ||
                    (quote == '"' && (p[1] == '"' || p[1] == '\\')))) {
            to[(*len)++] = *++p;
        } else {
            to[(*len)++] = *p;
        }
    }
    return quote == '\0' ? p : NULL;
}

int words_split(const char *s, struct words *out, struct err *err)
{
    char *to = mem_zalloc(strlen(s) + 1, 1);
    const char *p = s;
    int rc = 0;

    *out = (struct words){0};
    for (;;) {
        size_t len;
        bool quoted;

        while (is_blank(*p))
            p++;
        if (*p == '\0')
            break;
        p = one_word(p, to, &len, &quoted);
        if (p == NULL) {
            rc = err_set(err, "a quote is never closed");
            break;
        }
        add(out, mem_strndup(to, len), quoted);
    }
    free(to);
    return rc;
}

void words_list(const char *s, struct words *out)
{
    *out = (struct words){0};
    for (;;) {
        size_t n;

        s += strspn(s, " \t,");
        n = strcspn(s, " \t,");
        if (n == 0)
            break;
        add(out, mem_strndup(s, n), false);
        s += n;
    }
}

char **words_take(struct words *w, size_t *n)
{
    char **at = w->at;

    *n = w->n;
    free(w->quoted);
    *w = (struct words){0};
    return at;
}

void words_release(struct words *w)
{
    words_free(w->at, w->n);
    free(w->quoted);
    *w = (struct words){0};
}

void words_free(char **at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(at[i]);
    free(at);
}
