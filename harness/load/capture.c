#include "harness/load/capture.h"

#include "harness/load/json_find.h"

#include <string.h>
#include <strings.h>

int capturer_init(struct capturer *cr, const struct scenario *sc,
                  const struct capture *c, struct err *err)
{
    char why[200];
    int rc;

    *cr = (struct capturer){.capture = c};
    while (cr->slot < sc->ncaptured &&
           strcmp(sc->captured[cr->slot], c->name) != 0)
        cr->slot++;
    if (cr->slot == sc->ncaptured)
        return err_set(err, "capture '%s' has no name in the scenario",
                       c->name);
    if (c->from != CAPTURE_REGEX)
        return 0;
    rc = regcomp(&cr->regex, c->what, REG_EXTENDED);
    if (rc == 0)
        return 0;
    regerror(rc, &cr->regex, why, sizeof why);
    return err_set(err, "capture '%s': bad pattern: %s", c->name, why);
}

void capturer_release(struct capturer *cr)
{
    if (cr->capture != NULL && cr->capture->from == CAPTURE_REGEX)
        regfree(&cr->regex);
    cr->capture = NULL;
}

static int take_regex(const regex_t *regex, const char *body, size_t len,
                      struct buf *out)
{
    /* REG_STARTEND: the text is a range, it need not end in a NUL. */
    regmatch_t m[2] = {{.rm_so = 0, .rm_eo = (regoff_t)len}};
    int use;

    if (body == NULL || regexec(regex, body, 2, m, REG_STARTEND) != 0)
        return -1;
    use = regex->re_nsub > 0 ? 1 : 0;
    if (m[use].rm_so < 0)
        return -1;
    return buf_add(out, body + m[use].rm_so,
                   (size_t)(m[use].rm_eo - m[use].rm_so));
}

int capturer_take(const struct capturer *cr, const char *headers,
                  size_t headers_len, const char *body, size_t body_len,
                  struct buf *out)
{
    const char *value;
    size_t len;

    switch (cr->capture->from) {
    case CAPTURE_JSON:
        return json_find(body, body_len, cr->capture->what, out);
    case CAPTURE_REGEX:
        return take_regex(&cr->regex, body, body_len, out);
    case CAPTURE_HEADER:
        value =
            header_find(headers, headers_len, cr->capture->what, &len, NULL);
        return value != NULL ? buf_add(out, value, len) : -1;
    }
    return -1;
}

bool expect_status(const struct expect *e, int status)
{
    if (e->nstatus == 0)
        return status >= 200 && status <= 399;
    for (size_t i = 0; i < e->nstatus; i++)
        if (status >= e->status[i].low && status <= e->status[i].high)
            return true;
    return false;
}

bool expect_body(const struct expect *e, const char *body, size_t len)
{
    for (size_t i = 0; i < e->nbody_contains; i++) {
        const char *want = e->body_contains[i];
        size_t n = strlen(want);

        if (n > 0 && (len < n || memmem(body, len, want, n) == NULL))
            return false;
    }
    return true;
}

const char *header_find(const char *block, size_t block_len, const char *name,
                        size_t *len, const char **from)
{
    const char *end = block + block_len;
    const char *p = from != NULL && *from != NULL ? *from : block;
    size_t n = strlen(name);

    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        const char *stop = eol != NULL ? eol : end;
        const char *line = p;

        p = eol != NULL ? eol + 1 : end;
        if ((size_t)(stop - line) <= n || line[n] != ':' ||
            strncasecmp(line, name, n) != 0)
            continue;
        line += n + 1;
        while (line < stop && (*line == ' ' || *line == '\t'))
            line++;
        while (stop > line &&
               (stop[-1] == ' ' || stop[-1] == '\t' || stop[-1] == '\r'))
            stop--;
        *len = (size_t)(stop - line);
        if (from != NULL)
            *from = p;
        return line;
    }
    return NULL;
}
