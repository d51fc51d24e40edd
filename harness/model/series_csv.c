/* Reads CSV line by line, so that a file of any size costs its columns and
 * one line. Numbers of up to 19 digits and a small exponent are exact by one
 * multiplication or division (Clinger 1990); the rest go through strtod, which
 * sees only what the grammar here let through (no hex, no locale). */
#include "harness/model/series.h"

#include "harness/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 1 << 20,
    COLUMNS_MAX = 4096,
    CHUNK_BYTES = 1 << 18,
    NUMBER_MAX = 400,
};

/* Where a field of the line goes. */
enum sink {
    SINK_IGNORE,
    SINK_T,
    SINK_REQUESTS,
    SINK_STARTS,
    SINK_PHASE,
    SINK_COLUMN,
};

struct field {
    enum sink sink;
    size_t column;
    size_t bad, numbers; /* cells seen: words, and numbers */
};

struct reader {
    struct series *s;
    const char *label;
    size_t line, cap;
    struct field *fields;
    size_t nfields;
    bool header_done;
};

static const char *const phase_names[PHASE_COUNT] = {
    "",       "start",   "warmup",   "load", "drain",
    "settle", "barrier", "diagnose", "stop",
};

const char *phase_name(enum phase p)
{
    return (unsigned)p < PHASE_COUNT ? phase_names[p] : "";
}

enum phase phase_parse(const char *s, size_t n)
{
    if (n == 0)
        return PHASE_NONE;
    for (int p = PHASE_START; p < PHASE_COUNT; p++)
        if (strlen(phase_names[p]) == n && memcmp(phase_names[p], s, n) == 0)
            return (enum phase)p;
    return PHASE_LOAD;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Powers of ten that a double holds exactly. */
static const double tens[] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

static bool number_slow(const char *s, size_t n, double *out)
{
    char text[NUMBER_MAX];

    if (n >= sizeof text)
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    *out = strtod(text, NULL);
    if (!isfinite(*out))
        *out = NAN;
    return true;
}

struct digits {
    uint64_t mantissa;
    int count; /* digits read, leading zeros not counted */
    int shift; /* digits behind the point */
    bool any;
};

static const char *take_digits(const char *p, const char *end, bool behind,
                               struct digits *d)
{
    for (; p < end && is_digit(*p); p++) {
        d->any = true;
        if (d->count > 0 || *p != '0')
            d->count++;
        if (d->count <= 19)
            d->mantissa = d->mantissa * 10 + (uint64_t)(*p - '0');
        if (behind)
            d->shift++;
    }
    return p;
}

/* A decimal number that fills s[0..n); "inf" and "nan" are not numbers
 * here. True with *out set, or false. */
static bool number_parse(const char *s, size_t n, double *out)
{
    const char *p = s, *end = s + n;
    struct digits d = {0};
    bool negative = false, exp_negative = false;
    int exponent = 0;

    if (p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    p = take_digits(p, end, false, &d);
    if (p < end && *p == '.')
        p = take_digits(p + 1, end, true, &d);
    if (!d.any)
        return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '-' || *p == '+'))
            exp_negative = *p++ == '-';
        if (p >= end || !is_digit(*p))
            return false;
        for (; p < end && is_digit(*p); p++)
            if (exponent < 100000)
                exponent = exponent * 10 + (*p - '0');
    }
    if (p != end)
        return false;
    exponent = (exp_negative ? -exponent : exponent) - d.shift;
    if (d.count > 19 || d.mantissa > (UINT64_C(1) << 53) || exponent > 22 ||
        exponent < -22)
        return number_slow(s, n, out);
    double v = (double)d.mantissa;
    v = exponent < 0 ? v / tens[-exponent] : v * tens[exponent];
    *out = negative ? -v : v;
    return true;
}

static bool same_word(const char *s, size_t n, const char *word)
{
    if (strlen(word) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((s[i] | 0x20) != word[i])
            return false;
    return true;
}

/* "inf", "-Infinity", "nan", "null", ...: a word for "no value". */
static bool is_no_value(const char *s, size_t n)
{
    static const char *const words[] = {"nan",  "inf", "infinity", "null",
                                        "none", "na",  "n/a"};

    if (n > 0 && (*s == '-' || *s == '+')) {
        s++;
        n--;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (same_word(s, n, words[i]))
            return true;
    return n == 0;
}

/* Cuts the next field out of [*p, end): spaces and quotes taken off. False
 * behind the last. A doubled quote stays doubled: numbers hold none, and a
 * column's name with quotes inside is not one of ours. */
static bool next_field(const char **p, const char *end, const char **s,
                       size_t *n)
{
    const char *a = *p, *b;

    if (a == NULL)
        return false;
    while (a < end && is_space(*a))
        a++;
    if (a < end && *a == '"') {
        b = ++a;
        while (b < end && !(*b == '"' && (b + 1 >= end || b[1] != '"')))
            b += *b == '"' ? 2 : 1;
        if (b > end)
            b = end;
        const char *comma = memchr(b, ',', (size_t)(end - b));
        *p = comma != NULL ? comma + 1 : NULL;
    } else {
        const char *comma = memchr(a, ',', (size_t)(end - a));
        b = comma != NULL ? comma : end;
        *p = comma != NULL ? comma + 1 : NULL;
    }
    while (a < b && is_space(*a))
        a++;
    while (b > a && is_space(b[-1]))
        b--;
    *s = a;
    *n = (size_t)(b - a);
    return true;
}

static bool has_sink(const struct reader *r, enum sink sink)
{
    for (size_t i = 0; i < r->nfields; i++)
        if (r->fields[i].sink == sink)
            return true;
    return false;
}

static enum sink sink_of(const struct reader *r, const char *name)
{
    static const struct {
        const char *name;
        enum sink sink;
    } special[] = {
        {"t_s", SINK_T},
        {"requests", SINK_REQUESTS},
        {"proc_starts", SINK_STARTS},
        {"phase", SINK_PHASE},
    };

    if (*name == '\0')
        return SINK_IGNORE;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (strcmp(name, special[i].name) == 0)
            return has_sink(r, special[i].sink) ? SINK_IGNORE : special[i].sink;
    for (size_t i = 0; i < r->s->ncolumns; i++)
        if (strcmp(r->s->columns[i].name, name) == 0)
            return SINK_IGNORE;
    return SINK_COLUMN;
}

/* False for a name that stands there already. */
static bool add_field(struct reader *r, const char *s, size_t n)
{
    struct series *out = r->s;
    char *name = mem_strndup(s, n);
    struct field f = {.sink = sink_of(r, name)};

    if (f.sink == SINK_COLUMN) {
        f.column = out->ncolumns++;
        out->columns =
            mem_realloc(out->columns, out->ncolumns, sizeof *out->columns);
        struct column *c = &out->columns[f.column];
        *c = (struct column){.name = name};
        metric_describe(c->name, &c->metric);
    } else {
        free(name);
    }
    r->fields = mem_realloc(r->fields, r->nfields + 1, sizeof *r->fields);
    r->fields[r->nfields++] = f;
    return f.sink != SINK_IGNORE || n == 0;
}

/* Why a header of one name may hold none of ours. */
static const char *other_separator(const struct reader *r, const char *p,
                                   const char *end)
{
    size_t n = (size_t)(end - p);

    if (r->nfields != 1)
        return "";
    return memchr(p, ';', n) != NULL
               ? ": it is separated by semicolons, and commas are wanted"
           : memchr(p, '\t', n) != NULL
               ? ": it is separated by tabs, and commas are wanted"
               : "";
}

static int read_header(struct reader *r, const char *p, const char *end,
                       struct err *err)
{
    const char *s, *head = p;
    size_t n;

    if (end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    while (next_field(&p, end, &s, &n)) {
        if (r->nfields >= COLUMNS_MAX)
            return err_set(err, "%s:%zu: more than %d columns", r->label,
                           r->line, COLUMNS_MAX);
        if (!add_field(r, s, n))
            return err_set(err, "%s:%zu: the header line names %.*s twice",
                           r->label, r->line, (int)(n < 64 ? n : 64), s);
    }
    r->header_done = true;
    if (!has_sink(r, SINK_T))
        return err_set(err, "%s:%zu: the header line names no column t_s%s",
                       r->label, r->line, other_separator(r, head, end));
    if (r->s->ncolumns == 0)
        return err_set(err, "%s:%zu: the header line names no metric", r->label,
                       r->line);
    return 0;
}

static void grow_rows(struct reader *r)
{
    struct series *s = r->s;

    if (s->n < r->cap)
        return;
    r->cap = r->cap ? r->cap * 2 : 256;
    s->t_s = mem_realloc(s->t_s, r->cap, sizeof(double));
    if (has_sink(r, SINK_REQUESTS))
        s->requests = mem_realloc(s->requests, r->cap, sizeof(double));
    if (has_sink(r, SINK_STARTS))
        s->proc_starts = mem_realloc(s->proc_starts, r->cap, sizeof(double));
    if (has_sink(r, SINK_PHASE))
        s->phase = mem_realloc(s->phase, r->cap, 1);
    for (size_t i = 0; i < s->ncolumns; i++)
        s->columns[i].v = mem_realloc(s->columns[i].v, r->cap, sizeof(double));
}

/* The row behind the last holds no value until its line is read. */
static void clear_row(struct series *s)
{
    size_t at = s->n;

    s->t_s[at] = NAN;
    if (s->requests != NULL)
        s->requests[at] = NAN;
    if (s->proc_starts != NULL)
        s->proc_starts[at] = NAN;
    if (s->phase != NULL)
        s->phase[at] = PHASE_NONE;
    for (size_t i = 0; i < s->ncolumns; i++)
        s->columns[i].v[at] = NAN;
}

static void put_cell(struct series *s, struct field *f, const char *p, size_t n)
{
    double v = NAN;
    size_t at = s->n;

    if (f->sink == SINK_IGNORE)
        return;
    if (f->sink == SINK_PHASE) {
        s->phase[at] = (unsigned char)phase_parse(p, n);
        return;
    }
    if (number_parse(p, n, &v))
        f->numbers += !isnan(v);
    else if (!is_no_value(p, n))
        f->bad++;
    switch (f->sink) {
    case SINK_T:
        s->t_s[at] = v;
        break;
    case SINK_REQUESTS:
        s->requests[at] = v;
        break;
    case SINK_STARTS:
        s->proc_starts[at] = v;
        break;
    default:
        s->columns[f->column].v[at] = v;
    }
}

/* More values than the header has names: whichever is meant, the numbers
 * would stand under the wrong names. A comma at the end is forgiven. */
static int check_rest(const struct reader *r, const char *p, const char *end,
                      struct err *err)
{
    const char *s;
    size_t n;

    while (next_field(&p, end, &s, &n))
        if (n > 0)
            return err_set(err,
                           "%s:%zu: more values than the header has names: "
                           "is it a decimal comma?",
                           r->label, r->line);
    return 0;
}

static int read_row(struct reader *r, const char *p, const char *end,
                    struct err *err)
{
    const char *s;
    size_t n;

    grow_rows(r);
    clear_row(r->s);
    for (size_t i = 0; i < r->nfields && next_field(&p, end, &s, &n); i++)
        put_cell(r->s, &r->fields[i], s, n);
    if (check_rest(r, p, end, err) != 0)
        return -1;
    if (isnan(r->s->t_s[r->s->n]))
        r->s->dropped_rows++;
    else
        r->s->n++;
    return 0;
}

static bool is_blank(const char *p, const char *end)
{
    while (p < end && is_space(*p))
        p++;
    return p == end;
}

static int read_line(struct reader *r, const char *p, const char *end,
                     struct err *err)
{
    r->line++;
    if (end - p > LINE_MAX_BYTES)
        return err_set(err, "%s:%zu: the line is longer than %d bytes",
                       r->label, r->line, LINE_MAX_BYTES);
    if (memchr(p, '\0', (size_t)(end - p)) != NULL)
        return err_set(err, "%s:%zu: not a text file (a NUL byte)", r->label,
                       r->line);
    if (is_blank(p, end))
        return 0;
    if (!r->header_done)
        return read_header(r, p, end, err);
    return read_row(r, p, end, err);
}

/* Reads the whole lines of [p, p + n) and returns the bytes used up, or -1. */
static ssize_t read_lines(struct reader *r, const char *p, size_t n,
                          struct err *err)
{
    const char *at = p, *end = p + n, *nl;

    while (at < end && (nl = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (read_line(r, at, nl, err) != 0)
            return -1;
        at = nl + 1;
    }
    return at - p;
}

/* A column of words ("note") is no metric; one that is empty throughout
 * stays, so that its absence can be told. */
static void drop_words(struct reader *r)
{
    struct series *s = r->s;
    size_t kept = 0;

    for (size_t i = 0; i < r->nfields; i++) {
        struct field *f = &r->fields[i];

        if (f->sink != SINK_COLUMN) {
            s->bad_cells += f->sink == SINK_IGNORE ? 0 : f->bad;
            continue;
        }
        struct column c = s->columns[f->column];
        if (f->bad > 0 && f->numbers == 0) {
            /* Words are no fault, but memory told in words ("50 MiB") is. */
            s->bad_cells += c.metric.role != METRIC_CUSTOM ? f->bad : 0;
            free(c.name);
            free(c.v);
            continue;
        }
        s->bad_cells += f->bad;
        s->columns[kept++] = c;
    }
    s->ncolumns = kept;
}

static void shrink(struct series *s)
{
    s->t_s = mem_realloc(s->t_s, s->n, sizeof(double));
    if (s->requests != NULL)
        s->requests = mem_realloc(s->requests, s->n, sizeof(double));
    if (s->proc_starts != NULL)
        s->proc_starts = mem_realloc(s->proc_starts, s->n, sizeof(double));
    if (s->phase != NULL)
        s->phase = mem_realloc(s->phase, s->n, 1);
    for (size_t i = 0; i < s->ncolumns; i++)
        s->columns[i].v = mem_realloc(s->columns[i].v, s->n, sizeof(double));
}

/* `rest` is what stands behind the last newline. A cut line is no data, but a
 * file that is only a header may lack its newline. */
static int finish(struct reader *r, const char *rest, size_t n, struct err *err)
{
    if (n > 0 && memchr(rest, '\0', n) != NULL)
        return err_set(err, "%s:%zu: not a text file (a NUL byte)", r->label,
                       r->line + 1);
    if (!r->header_done && n > 0 && read_line(r, rest, rest + n, err) != 0)
        return -1;
    if (!r->header_done)
        return err_set(err, "%s:1: empty: a header line was expected",
                       r->label);
    for (size_t i = 0; i < r->nfields; i++)
        if (r->fields[i].sink == SINK_T && r->fields[i].bad > 0 &&
            r->fields[i].numbers == 0)
            return err_set(err,
                           "%s: no t_s is a number: seconds are wanted, with "
                           "a decimal point",
                           r->label);
    grow_rows(r);
    drop_words(r);
    shrink(r->s);
    return 0;
}

int series_parse(const char *text, size_t len, const char *label,
                 struct series *out, struct err *err)
{
    struct reader r = {.s = out, .label = label};
    ssize_t used;
    int rc = -1;

    *out = (struct series){0};
    used = read_lines(&r, text, len, err);
    if (used >= 0)
        rc = finish(&r, text + used, len - (size_t)used, err);
    free(r.fields);
    if (rc != 0)
        series_release(out);
    return rc;
}

/* Reads `fd` to its end through a buffer that holds at most one line more
 * than a chunk. */
static int read_stream(struct reader *r, int fd, struct err *err)
{
    size_t cap = CHUNK_BYTES, len = 0;
    char *buf = mem_zalloc(cap, 1);
    int rc = -1;

    for (;;) {
        if (cap - len < CHUNK_BYTES / 2) {
            cap += CHUNK_BYTES;
            buf = mem_realloc(buf, cap, 1);
        }
        ssize_t got = read(fd, buf + len, cap - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_set(err, "%s: %s", r->label, strerror(errno));
            break;
        }
        if (got == 0) {
            rc = finish(r, buf, len, err);
            break;
        }
        len += (size_t)got;
        ssize_t used = read_lines(r, buf, len, err);
        if (used < 0)
            break;
        len -= (size_t)used;
        memmove(buf, buf + used, len);
        if (len > LINE_MAX_BYTES) {
            err_set(err, "%s:%zu: the line is longer than %d bytes", r->label,
                    r->line + 1, LINE_MAX_BYTES);
            break;
        }
    }
    free(buf);
    return rc;
}

int series_load(const char *path, struct series *out, struct err *err)
{
    bool standard = strcmp(path, "-") == 0;
    struct reader r = {.s = out, .label = standard ? "standard input" : path};
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int rc;

    *out = (struct series){0};
    if (fd < 0)
        return err_set(err, "%s: %s", path, strerror(errno));
    rc = read_stream(&r, fd, err);
    if (!standard)
        close(fd);
    free(r.fields);
    if (rc != 0)
        series_release(out);
    return rc;
}
