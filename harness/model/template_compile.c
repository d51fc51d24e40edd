#include "harness/model/template_compile.h"

#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/suggest.h"
#include "harness/model/feeder.h"
#include "harness/model/scenario.h"
#include "harness/model/value.h"
#include "harness/model/words.h"

#include <stdlib.h>
#include <string.h>

enum { RAND_MAX_LEN = 65536, CALL_MAX = 4096 };

/* One {{call}} being compiled. */
struct call {
    struct template_compiler *c;
    const struct template_source *src;
    struct words args; /* at[0] is the function */
    struct piece *out;
};

#define SAY(call, hint, ...)                                                   \
    mistakes_add((call)->c->m, (call)->src->file, (call)->src->line, hint,     \
                 __VA_ARGS__)

char *template_beside(const struct scenario *sc, const char *file, int line)
{
    const char *slash = sc->file != NULL ? strrchr(sc->file, '/') : NULL;

    if (*file == '/' || slash == NULL || line == 0)
        return mem_strdup(file);
    return mem_printf("%.*s/%s", (int)(slash - sc->file), sc->file, file);
}

static size_t remember(struct template_compiler *c, const char *name,
                       size_t index)
{
    if (nameset_find(&c->feeders, name) != (size_t)-1)
        return index;
    c->names = mem_grow(c->names, c->nnames, &c->names_cap, sizeof *c->names);
    c->names[c->nnames] = mem_strdup(name);
    return nameset_add(&c->feeders, c->names[c->nnames++], index);
}

size_t template_feeder(struct template_compiler *c, const char *name,
                       const char *file, const struct template_source *src)
{
    struct scenario *sc = c->sc;
    size_t index = nameset_find(&c->feeders, file);
    struct feeder f;
    struct err err;
    char *path;

    if (index != (size_t)-1)
        return remember(c, name, index);
    path = template_beside(sc, file, src->line);
    if (feeder_load(path, &f, &err) == 0) {
        f.file = mem_strdup(file);
        sc->feeders =
            mem_realloc(sc->feeders, sc->nfeeders + 1, sizeof *sc->feeders);
        index = sc->nfeeders++;
        sc->feeders[index] = f;
    } else {
        /* file_read names the path itself; the CSV reader gives the line. */
        size_t n = strlen(path);
        bool named = strncmp(err.msg, path, n) == 0 && err.msg[n] == ':';

        mistakes_add(c->m, src->file, src->line,
                     "files are looked for beside the scenario",
                     "cannot read %s%s%s", named ? "" : path, named ? "" : ": ",
                     err.msg);
        index = FEEDER_BROKEN;
    }
    free(path);
    remember(c, file, index);
    return remember(c, name, index);
}

static int whole_arg(struct call *k, size_t i, int64_t *out)
{
    if (value_whole(k->args.at[i], out, NULL) == 0)
        return 0;
    SAY(k, NULL, "%s: {{%s}}: '%.60s' is not a whole number", k->src->what,
        k->args.at[0], k->args.at[i]);
    return -1;
}

static int do_int(struct call *k)
{
    if (whole_arg(k, 1, &k->out->a) != 0 || whole_arg(k, 2, &k->out->b) != 0)
        return -1;
    if (k->out->a <= k->out->b)
        return 0;
    SAY(k, NULL, "%s: {{int %s %s}} ends before it begins", k->src->what,
        k->args.at[1], k->args.at[2]);
    return -1;
}

static int do_choice(struct call *k)
{
    k->out->choices = mem_zalloc(k->args.n, sizeof *k->out->choices);
    for (size_t i = 1; i < k->args.n; i++)
        k->out->choices[k->out->nchoices++] = mem_strdup(k->args.at[i]);
    return 0;
}

static int do_rand(struct call *k)
{
    if (whole_arg(k, 1, &k->out->a) != 0)
        return -1;
    if (k->out->a >= 1 && k->out->a <= RAND_MAX_LEN)
        return 0;
    SAY(k, NULL, "%s: {{rand %s}}: the length must be 1..%d", k->src->what,
        k->args.at[1], RAND_MAX_LEN);
    return -1;
}

static int do_csv(struct call *k)
{
    const char *file = k->args.at[1], *column = k->args.at[2];
    size_t index = nameset_find(&k->c->feeders, file);
    const char *best = NULL;
    size_t distance = 0;
    struct feeder *f;
    char *hint;

    if (index == (size_t)-1)
        index = template_feeder(k->c, file, file, k->src);
    if (index == FEEDER_BROKEN)
        return -1;
    f = &k->c->sc->feeders[index];
    k->out->a = (int64_t)index;
    k->out->b = feeder_column(f, column);
    if (k->out->b >= 0)
        return 0;
    for (size_t i = 0; i < f->ncolumns; i++)
        suggest_offer(column, f->columns[i], &best, &distance);
    hint = best != NULL
               ? mem_printf("did you mean '%s'?", best)
               : mem_printf("its first column is '%.60s'", f->columns[0]);
    SAY(k, hint, "%s: %.100s has no column '%.60s'", k->src->what, file,
        column);
    free(hint);
    return -1;
}

static int do_nothing(struct call *k)
{
    (void)k;
    return 0;
}

static const struct function {
    const char *name, *use;
    enum piece_what what;
    size_t least, most; /* arguments */
    int (*compile)(struct call *k);
} functions[] = {
    {"int", "int A B", PIECE_INT, 2, 2, do_int},
    {"choice", "choice a b c", PIECE_CHOICE, 1, 10000, do_choice},
    {"seq", "seq", PIECE_SEQ, 0, 0, do_nothing},
    {"uuid", "uuid", PIECE_UUID, 0, 0, do_nothing},
    {"rand", "rand N", PIECE_RAND, 1, 1, do_rand},
    {"csv", "csv FILE COLUMN", PIECE_CSV, 2, 2, do_csv},
    {"now", "now", PIECE_NOW, 0, 0, do_nothing},
};

enum { NFUNCTIONS = sizeof functions / sizeof *functions };

static int compile_name(struct call *k)
{
    const char *name = k->args.at[0], *best = NULL;
    size_t index = nameset_find(&k->c->captures, name), distance = 0;
    const char *captured;
    char *hint = NULL;

    if (index != (size_t)-1 && k->args.n == 1) {
        k->out->what = PIECE_CAPTURE;
        k->out->a = (int64_t)index;
        return 0;
    }
    for (size_t i = 0; i < NFUNCTIONS; i++)
        suggest_offer(name, functions[i].name, &best, &distance);
    captured = best == NULL ? nameset_suggest(&k->c->captures, name) : NULL;
    if (best != NULL || captured != NULL)
        hint = mem_printf("did you mean '%s'?", best ? best : captured);
    SAY(k,
        hint != NULL ? hint
                     : "known: int, choice, seq, uuid, rand, csv, now and "
                       "captured names",
        "%s: {{%.60s}} is neither a function nor a captured name", k->src->what,
        name);
    free(hint);
    return -1;
}

static int compile_call(struct call *k)
{
    if (k->args.n == 0) {
        SAY(k, "for two literal braces write {{'{{'}}", "%s: {{}} is empty",
            k->src->what);
        return -1;
    }
    if (k->args.n == 1 && k->args.quoted[0]) {
        k->out->what = PIECE_TEXT;
        k->out->text = mem_strdup(k->args.at[0]);
        k->out->len = strlen(k->out->text);
        return 0;
    }
    for (size_t i = 0; i < NFUNCTIONS; i++) {
        const struct function *f = &functions[i];

        if (strcmp(k->args.at[0], f->name) != 0)
            continue;
        if (k->args.n - 1 < f->least || k->args.n - 1 > f->most) {
            SAY(k, NULL, "%s: {{%s}} takes %s: write {{%s}}", k->src->what,
                f->name,
                f->most == 0   ? "no argument"
                : f->most == 1 ? "one argument"
                : f->most == 2 ? "two arguments"
                               : "at least one argument",
                f->use);
            return -1;
        }
        k->out->what = f->what;
        return f->compile(k);
    }
    return compile_name(k);
}

static void add_piece(struct template *t, size_t *cap, struct piece piece)
{
    t->pieces = mem_grow(t->pieces, t->n, cap, sizeof *t->pieces);
    t->pieces[t->n++] = piece;
}

/* What a URL cannot hold is encoded now, once. */
static void add_text(struct template *t, size_t *cap, const char *s, size_t n)
{
    struct buf b;

    if (n == 0)
        return;
    buf_init(&b, n * 3);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if (t->place == TEMPLATE_PATH &&
            (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}#", c) != NULL))
            buf_addf(&b, "%%%02X", c);
        else
            buf_addc(&b, (char)c);
    }
    n = b.len;
    add_piece(
        t, cap,
        (struct piece){.what = PIECE_TEXT, .text = buf_take(&b), .len = n});
}

/* Compiles what stands between "{{" and "}}". */
static void add_call(struct template_compiler *c, const char *s, size_t n,
                     const struct template_source *src, struct template *out,
                     size_t *cap)
{
    char *inside = mem_strndup(s, n);
    struct piece piece = {0};
    struct call k = {.c = c, .src = src, .out = &piece};
    struct err err;

    if (words_split(inside, &k.args, &err) != 0)
        SAY(&k, NULL, "%s: {{%.60s}}: %s", src->what, inside, err.msg);
    else if (compile_call(&k) == 0) {
        add_piece(out, cap, piece);
        piece = (struct piece){0};
    }
    for (size_t i = 0; i < piece.nchoices; i++)
        free(piece.choices[i]);
    free(piece.choices);
    words_release(&k.args);
    free(inside);
}

/* The "}}" that closes a call: not one inside quotes. NULL: none. */
static const char *find_close(const char *s)
{
    char quote = '\0';

    for (size_t i = 0; i < CALL_MAX && s[i] != '\0'; i++) {
        if (quote != '\0')
            quote = s[i] == quote ? '\0' : quote;
        else if (s[i] == '\'' || s[i] == '"')
            quote = s[i];
        else if (s[i] == '}' && s[i + 1] == '}')
            return s + i;
    }
    return NULL;
}

void template_compile(struct template_compiler *c, const char *text,
                      enum template_place place,
                      const struct template_source *src, struct template *out)
{
    size_t cap = 0;

    *out = (struct template){.place = place};
    for (;;) {
        const char *open = strstr(text, "{{");
        const char *close = open != NULL ? find_close(open + 2) : NULL;

        if (open != NULL && close == NULL) {
            mistakes_add(c->m, src->file, src->line,
                         "for two literal braces write {{'{{'}}",
                         "%s: a '{{' is never closed", src->what);
            return;
        }
        add_text(out, &cap, text, open ? (size_t)(open - text) : strlen(text));
        if (open == NULL)
            return;
        add_call(c, open + 2, (size_t)(close - open - 2), src, out, &cap);
        text = close + 2;
    }
}

void template_compiler_release(struct template_compiler *c)
{
    nameset_release(&c->captures);
    nameset_release(&c->feeders);
    words_free(c->names, c->nnames);
}
