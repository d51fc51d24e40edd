#include "harness/model/feeder.h"

#include "harness/base/file.h"
#include "harness/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct cursor {
    char *p, *end;
    int line;
};

/* Cuts one field out in place, NUL-terminated. `*last`: the row ends behind
 * it. A doubled quote inside quotes is one quote. */
static int cut_field(struct cursor *c, char **field, bool *last,
                     struct err *err)
{
    char *to = c->p, after;
    int opened = c->line;

    *field = c->p;
    if (c->p < c->end && *c->p == '"') {
        c->p++;
        for (;; c->p++) {
            if (c->p == c->end)
                return err_set(err, "line %d: a quote is never closed", opened);
            if (*c->p == '\n')
                c->line++;
            if (*c->p == '"' && *++c->p != '"')
                break;
            *to++ = *c->p;
        }
    } else {
        while (c->p < c->end && *c->p != ',' && *c->p != '\n')
            *to++ = *c->p++;
        if (to > *field && to[-1] == '\r')
            to--;
    }
    if (c->p < c->end && *c->p == '\r')
        c->p++;
    after = c->p < c->end ? *c->p : '\n';
    if (after != ',' && after != '\n')
        return err_set(err, "line %d: text behind a closing quote", c->line);
    *to = '\0';
    if (memchr(*field, '\0', (size_t)(to - *field)) != NULL)
        return err_set(err, "line %d: a NUL byte", c->line);
    *last = after == '\n';
    if (c->p < c->end)
        c->p++;
    return 0;
}

static bool skip_empty_line(struct cursor *c)
{
    char *p = c->p;

    if (p < c->end && *p == '\r')
        p++;
    if (p >= c->end || *p != '\n')
        return false;
    c->p = p + 1;
    c->line++;
    return true;
}

static int read_header(struct cursor *c, struct feeder *out, struct err *err)
{
    size_t cap = 0;
    bool last = false;

    while (!last) {
        char *name;

        if (cut_field(c, &name, &last, err) != 0)
            return -1;
        if (*name == '\0')
            return err_set(err, "line %d: column %zu has no name", c->line,
                           out->ncolumns + 1);
        if (feeder_column(out, name) >= 0)
            return err_set(err, "line %d: two columns named '%.100s'", c->line,
                           name);
        if (out->ncolumns == FEEDER_COLUMNS_MAX)
            return err_set(err, "line %d: more than %d columns", c->line,
                           FEEDER_COLUMNS_MAX);
        out->columns =
            mem_grow(out->columns, out->ncolumns, &cap, sizeof(char *));
        out->columns[out->ncolumns++] = name;
    }
    c->line++;
    return 0;
}

static int read_row(struct cursor *c, struct feeder *out, size_t *cap,
                    struct err *err)
{
    size_t n = out->nrows * out->ncolumns, got = 0;
    bool last = false;

    while (!last) {
        char *cell;

        if (cut_field(c, &cell, &last, err) != 0)
            return -1;
        if (++got > out->ncolumns)
            return err_set(err, "line %d: more fields than the header's %zu",
                           c->line, out->ncolumns);
        out->cells = mem_grow(out->cells, n, cap, sizeof(char *));
        out->cells[n++] = cell;
    }
    if (got < out->ncolumns)
        return err_set(err, "line %d: %zu fields, the header has %zu", c->line,
                       got, out->ncolumns);
    c->line++;
    out->nrows++;
    return 0;
}

static int feeder_parse(char *text, size_t len, struct feeder *out,
                        struct err *err)
{
    struct cursor c = {.p = text, .end = text + len, .line = 1};
    size_t cap = 0;
    int rc = -1;

    *out = (struct feeder){.text = text};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        c.p += 3;
    while (skip_empty_line(&c))
        continue;
    if (c.p == c.end) {
        err_set(err, "no header line");
        goto out;
    }
    if (read_header(&c, out, err) != 0)
        goto out;
    while (c.p < c.end) {
        if (skip_empty_line(&c))
            continue;
        if (read_row(&c, out, &cap, err) != 0)
            goto out;
    }
    if (out->nrows == 0)
        err_set(err, "no rows behind the header");
    else
        rc = 0;
out:
    if (rc != 0)
        feeder_release(out);
    return rc;
}

int feeder_load(const char *path, struct feeder *out, struct err *err)
{
    struct stat st;
    char *text;
    size_t len;

    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(err, "not a regular file");
    if (file_read(path, FEEDER_FILE_MAX, &text, &len, err) != 0)
        return -1;
    return feeder_parse(text, len, out, err);
}

int feeder_column(const struct feeder *f, const char *name)
{
    for (size_t i = 0; i < f->ncolumns; i++)
        if (strcmp(f->columns[i], name) == 0)
            return (int)i;
    return -1;
}

void feeder_release(struct feeder *f)
{
    free(f->file);
    free(f->columns);
    free(f->cells);
    free(f->text);
    *f = (struct feeder){0};
}
