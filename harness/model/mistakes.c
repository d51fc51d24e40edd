#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/model/scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1000, LONGEST_TEXT = 1000 };

void mistakes_init(struct mistakes *m)
{
    *m = (struct mistakes){0};
}

void mistakes_add(struct mistakes *m, const char *file, int line,
                  const char *hint, const char *fmt, ...)
{
    char text[LONGEST_TEXT];
    va_list ap;

    if (m->n >= MOST) {
        m->more++;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (m->at == NULL)
        m->at = mem_zalloc(MOST, sizeof *m->at);
    m->at[m->n++] = (struct mistake){
        .file = mem_strdup(file),
        .line = line,
        .text = mem_strdup(text),
        .hint = hint != NULL ? mem_strdup(hint) : NULL,
    };
}

/* Mistakes without a line (from --set, or a missing section) come last. */
static int by_place(const void *va, const void *vb)
{
    const struct mistake *a = va, *b = vb;
    int c;

    if ((a->line == 0) != (b->line == 0))
        return a->line == 0 ? 1 : -1;
    c = strcmp(a->file, b->file);
    if (c == 0)
        c = (a->line > b->line) - (a->line < b->line);
    return c != 0 ? c : strcmp(a->text, b->text);
}

void mistakes_write(struct mistakes *m, struct buf *out)
{
    if (m->n > 1)
        qsort(m->at, m->n, sizeof *m->at, by_place);
    for (size_t i = 0; i < m->n; i++) {
        const struct mistake *x = &m->at[i];

        escape_text(out, x->file, strlen(x->file));
        if (x->line > 0)
            buf_addf(out, ":%d", x->line);
        buf_adds(out, ": ");
        escape_text(out, x->text, strlen(x->text));
        if (x->hint != NULL) {
            buf_adds(out, " (");
            escape_text(out, x->hint, strlen(x->hint));
            buf_addc(out, ')');
        }
        buf_addc(out, '\n');
    }
    if (m->more > 0)
        buf_addf(out, "... and %zu more mistakes\n", m->more);
}

void mistakes_release(struct mistakes *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->at[i].file);
        free(m->at[i].text);
        free(m->at[i].hint);
    }
    free(m->at);
    mistakes_init(m);
}
