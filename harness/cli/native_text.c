#include "harness/cli/native_text.h"

#include "harness/base/buf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { TRACE_MAX = 8192, WHERE_MAX = 512 };

/* One line without its end and without valgrind's "==4319== " in front. */
struct line {
    const char *at;
    size_t n;
};

static struct line next_line(const char **text)
{
    const char *end = strchr(*text, '\n');
    struct line l = {*text, end ? (size_t)(end - *text) : strlen(*text)};
    size_t i = 2;

    *text += l.n + (end ? 1 : 0);
    if (l.n < 4 || memcmp(l.at, "==", 2) != 0)
        return l;
    while (i < l.n && isdigit((unsigned char)l.at[i]))
        i++;
    if (i + 2 <= l.n && memcmp(l.at + i, "==", 2) == 0) {
        l.at += i + 2;
        l.n -= i + 2;
    }
    while (l.n > 0 && *l.at == ' ') {
        l.at++;
        l.n--;
    }
    return l;
}

static bool begins(struct line l, const char *word)
{
    size_t n = strlen(word);

    return l.n >= n && memcmp(l.at, word, n) == 0;
}

/* The number behind the next "(+" in `l`, commas left out; 0: none. Moves
 * past it. */
static double grown(struct line *l)
{
    double v = 0;
    size_t i = 0;

    while (i + 1 < l->n && !(l->at[i] == '(' && l->at[i + 1] == '+'))
        i++;
    for (i += 2; i < l->n && l->at[i] != ')'; i++)
        if (isdigit((unsigned char)l->at[i]))
            v = v * 10 + (l->at[i] - '0');
    if (i >= l->n)
        return 0; /* cut short */
    l->at += i;
    l->n -= i;
    return v;
}

/* "at 0x10DC70: claim (effect_memory.c:32)" without the address; empty when
 * that is all. */
static struct line place(struct line l)
{
    const char *colon = memchr(l.at, ':', l.n);

    if (colon == NULL || (size_t)(colon - l.at) + 2 >= l.n)
        return (struct line){l.at, 0};
    l.n -= (size_t)(colon - l.at) + 2;
    l.at = colon + 2;
    return l;
}

/* The allocator itself says nothing about who asked. */
static bool is_allocator(struct line l)
{
    static const char *const names[] = {
        "malloc",         "calloc",           "realloc",        "memalign",
        "posix_memalign", "aligned_alloc",    "operator new",   "_PyMem_Raw",
        "PyMem_",         "_PyObject_Malloc", "PyObject_Malloc"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (begins(l, names[i]))
            return true;
    return false;
}

static void add(struct diagnosis *d, const char *where, const char *trace,
                double bytes, double blocks)
{
    for (size_t i = 0; i < d->nnatives; i++)
        if (strcmp(d->natives[i].trace, trace) == 0) {
            d->natives[i].bytes_per_request += bytes;
            d->natives[i].count_per_request += blocks;
            return;
        }
    diagnosis_add_native(d,
                         &(struct diagnosis_site){.where = (char *)where,
                                                  .trace = (char *)trace,
                                                  .bytes_per_request = bytes,
                                                  .count_per_request = blocks});
}

/* The stack below a record's first line. */
static void read_stack(const char **text, struct buf *where, struct buf *trace)
{
    for (;;) {
        const char *before = *text;
        struct line l = next_line(text);

        if (!begins(l, "at 0x") && !begins(l, "by 0x")) {
            *text = before;
            return;
        }
        l = place(l);
        if (l.n == 0 || is_allocator(l))
            continue;
        if (where->len == 0)
            buf_add(where, l.at, l.n);
        if (trace->len > 0)
            buf_addc(trace, '\n');
        buf_add(trace, l.at, l.n);
    }
}

void native_text_read(const char *text, double requests, struct diagnosis *out)
{
    struct buf where, trace;

    buf_init(&where, WHERE_MAX);
    buf_init(&trace, TRACE_MAX);
    while (*text != '\0') {
        struct line l = next_line(&text);
        double bytes, blocks;

        if (memmem(l.at, l.n, " in loss record ", 16) == NULL)
            continue;
        bytes = grown(&l);
        blocks = grown(&l);
        buf_reset(&where);
        buf_reset(&trace);
        read_stack(&text, &where, &trace);
        if (bytes > 0 && where.len > 0)
            add(out, buf_str(&where), buf_str(&trace), bytes / requests,
                blocks / requests);
    }
    buf_release(&where);
    buf_release(&trace);
}
