#include "harness/model/csv.h"

#include "harness/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Cuts one cell out of the line at `s`, unquoting in place. Returns the start
 * of the next cell, or NULL behind the last. */
static char *cut_cell(char *s, char **cell)
{
    char *to = s;
    bool quoted = *s == '"';

    *cell = s;
    if (quoted)
        s++;
    for (; *s != '\0'; s++) {
        if (quoted && s[0] == '"' && s[1] == '"')
            s++;
        else if (quoted && s[0] == '"') {
            quoted = false;
            continue;
        } else if (!quoted && s[0] == ',') {
            *to = '\0';
            return s + 1;
        }
        *to++ = *s;
    }
    *to = '\0';
    return NULL;
}

bool csv_next(struct csv *c)
{
    while (c->at < c->end) {
        char *line = c->at;
        char *nl = memchr(line, '\n', (size_t)(c->end - line));

        if (nl == NULL)
            return false;
        *nl = '\0';
        if (nl > line && nl[-1] == '\r')
            nl[-1] = '\0';
        c->at = nl + 1;
        if (*line == '\0')
            continue;
        c->ncells = 0;
        while (line != NULL) {
            c->cells = mem_grow(c->cells, c->ncells, &c->cap, sizeof(char *));
            line = cut_cell(line, &c->cells[c->ncells++]);
        }
        return true;
    }
    return false;
}

void csv_init(struct csv *c, char *text, size_t len)
{
    *c = (struct csv){.at = text, .end = text + len};
    if (!csv_next(c))
        return;
    c->names = c->cells;
    c->nnames = c->ncells;
    c->cells = NULL;
    c->ncells = c->cap = 0;
}

int csv_column(const struct csv *c, const char *name)
{
    for (size_t i = 0; i < c->nnames; i++)
        if (strcmp(c->names[i], name) == 0)
            return (int)i;
    return -1;
}

const char *csv_text(const struct csv *c, int i)
{
    return i >= 0 && (size_t)i < c->ncells ? c->cells[i] : "";
}

double csv_number(const struct csv *c, int i)
{
    const char *s = csv_text(c, i);
    char *end;
    double v = strtod(s, &end);

    return end != s && *end == '\0' && isfinite(v) ? v : NAN;
}

void csv_release(struct csv *c)
{
    free(c->cells);
    free(c->names);
    *c = (struct csv){0};
}
