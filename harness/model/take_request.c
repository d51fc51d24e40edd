/* Keys of [request NAME] and [flow NAME]. */
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/suggest.h"
#include "harness/model/scenario_reader.h"
#include "harness/model/secret.h"
#include "harness/model/value.h"
#include "harness/model/words.h"

#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { BODY_FILE_MAX = 64 << 20, NAME_MAX_LEN = 64 };

static struct request *request_of(struct taking *t)
{
    return t->base;
}

/* Puts off what needs the whole scenario. Takes `text`. */
static struct pending *put_off(struct taking *t, int what, char *text)
{
    struct reader *r = t->r;
    struct pending *p;

    r->pending =
        mem_grow(r->pending, r->npending, &r->pending_cap, sizeof *r->pending);
    p = &r->pending[r->npending++];
    *p = (struct pending){.what = what,
                          .index = t->index,
                          .text = text,
                          .file = t->file,
                          .line = t->line};
    return p;
}

void take_method(struct taking *t)
{
    static const char known[] =
        "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE PURGE QUERY PROPFIND "
        "PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH LINK UNLINK";
    struct request *q = request_of(t);
    struct words w;
    bool ok = false;
    char *hint;

    words_list(known, &w);
    for (size_t i = 0; i < w.n; i++)
        ok = ok || strcmp(w.at[i], t->value) == 0;
    words_release(&w);
    if (ok) {
        free(q->method);
        q->method = mem_strdup(t->value);
        return;
    }
    hint = suggest_word(t->value, known);
    taking_bad(t, hint, "is not a method");
    free(hint);
}

void take_path(struct taking *t)
{
    if (strncasecmp(t->value, "http://", 7) == 0 ||
        strncasecmp(t->value, "https://", 8) == 0)
        taking_bad(t, "scheme and host belong into target.url",
                   "is not a path");
    else if (t->value[0] != '/' && strncmp(t->value, "{{", 2) != 0)
        taking_bad(t, NULL, "does not begin with '/'");
    else
        put_off(t, PENDING_PATH, mem_strdup(t->value));
}

static bool is_token(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) &&
            (s[i] == '\0' || strchr("!#$%&'*+-.^_`|~", s[i]) == NULL))
            return false;
    return n > 0;
}

void take_header(struct taking *t)
{
    static const char *const ours[] = {"Content-Length", "Transfer-Encoding",
                                       "Connection"};
    struct request *q = request_of(t);
    const char *colon = strchr(t->value, ':'), *value;
    size_t n = colon != NULL ? (size_t)(colon - t->value) : 0;

    while (n > 0 && t->value[n - 1] == ' ')
        n--;
    if (colon == NULL || !is_token(t->value, n)) {
        taking_bad(t, NULL, "is not a header: write Name: value");
        return;
    }
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (strlen(ours[i]) == n && strncasecmp(t->value, ours[i], n) == 0) {
            taking_bad(t, NULL, "is set by Plateau itself");
            return;
        }
    }
    value = colon + 1 + strspn(colon + 1, " \t");
    q->headers = reader_push(q->headers, q->nheaders, sizeof *q->headers);
    q->headers[q->nheaders] = (struct request_header){
        .name = mem_strndup(t->value, n),
        .secret = t->secret || secret_name(t->value, n)};
    put_off(t, PENDING_HEADER, mem_strdup(value))->header = q->nheaders++;
}

void take_body(struct taking *t)
{
    struct request *q = request_of(t);

    if (q->has_body) {
        taking_bad(t, NULL, "comes beside body_file: only one can be sent");
        return;
    }
    q->has_body = true;
    put_off(t, PENDING_BODY, mem_strdup(t->value));
}

void take_body_file(struct taking *t)
{
    struct request *q = request_of(t);
    char *path, *text;
    struct stat st;
    struct err err;
    size_t len;

    if (q->has_body) {
        taking_bad(t, NULL, "comes beside body: only one can be sent");
        return;
    }
    if (t->value[0] == '\0') {
        taking_bad(t, NULL, "is empty");
        return;
    }
    path = template_beside(t->r->sc, t->value, t->line);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        taking_bad(t, NULL, "is not a regular file");
    } else if (file_read(path, BODY_FILE_MAX, &text, &len, &err) != 0) {
        taking_bad(t, "files are looked for beside the scenario",
                   "cannot be read: %s", err.msg);
    } else if (memchr(text, '\0', len) != NULL) {
        taking_bad(t, NULL, "holds a NUL byte");
        free(text);
    } else {
        q->has_body = true;
        put_off(t, PENDING_BODY, text);
    }
    free(path);
}

void take_expect(struct taking *t)
{
    static const char phrase[] = "body contains ";
    struct request *q = request_of(t);
    struct expect *e = &q->expect;
    const char *contains = strstr(t->value, phrase);
    size_t front = contains ? (size_t)(contains - t->value) : strlen(t->value);
    char *statuses = mem_strndup(t->value, front);
    struct words w;

    words_list(statuses, &w);
    if (w.n == 0 && contains == NULL)
        taking_bad(t, NULL,
                   "is not an expectation: write 201, 200..299 404 "
                   "or body contains TEXT");
    for (size_t i = 0; i < w.n; i++) {
        struct status_range range;
        struct err err;

        if (strcmp(w.at[i], "status") == 0)
            continue;
        if (value_status(w.at[i], &range, &err) != 0) {
            taking_bad(t, NULL, "holds '%.40s', which %s", w.at[i], err.msg);
            break;
        }
        e->status = reader_push(e->status, e->nstatus, sizeof *e->status);
        e->status[e->nstatus++] = range;
    }
    if (contains != NULL) {
        e->body_contains =
            reader_push(e->body_contains, e->nbody_contains, sizeof(char *));
        e->body_contains[e->nbody_contains++] =
            mem_strdup(contains + strlen(phrase));
    }
    words_release(&w);
    free(statuses);
}

static bool is_name(const char *s)
{
    size_t n = 0;

    for (; isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '-'; n++)
        continue;
    return n > 0 && s[n] == '\0' && n <= NAME_MAX_LEN;
}

static bool check_capture(struct taking *t, enum capture_from from,
                          const char *what)
{
    char message[200];
    regex_t re;
    int rc;

    if (from == CAPTURE_JSON && *what != '\0' && *what != '/') {
        taking_bad(t, NULL, "is not a JSON pointer: write json /id");
        return false;
    }
    if (from == CAPTURE_HEADER && !is_token(what, strlen(what))) {
        taking_bad(t, NULL, "is not a header's name: write header Location");
        return false;
    }
    if (from != CAPTURE_REGEX)
        return true;
    rc = regcomp(&re, what, REG_EXTENDED);
    if (rc == 0 && *what != '\0') {
        regfree(&re);
        return true;
    }
    if (rc != 0)
        regerror(rc, &re, message, sizeof message);
    else
        regfree(&re);
    taking_bad(t, NULL, "is not a regular expression: %s",
               rc != 0 ? message : "it is empty");
    return false;
}

static void add_captured_name(struct reader *r, const char *name)
{
    struct scenario *sc = r->sc;

    if (nameset_find(&r->compiler.captures, name) != (size_t)-1)
        return;
    sc->captured =
        reader_push(sc->captured, sc->ncaptured, sizeof *sc->captured);
    sc->captured[sc->ncaptured] = mem_strdup(name);
    nameset_add(&r->compiler.captures, sc->captured[sc->ncaptured],
                sc->ncaptured);
    sc->ncaptured++;
}

void take_capture(struct taking *t)
{
    static const char *const froms[] = {"json", "header", "regex"};
    static const char functions[] = "int choice seq uuid rand csv now";
    struct request *q = request_of(t);
    size_t n = strcspn(t->value, " \t");
    const char *what = t->value + n + strspn(t->value + n, " \t");
    int from = -1;
    char *word, *hint;

    for (int i = 0; i < 3; i++)
        if (strlen(froms[i]) == n && memcmp(froms[i], t->value, n) == 0)
            from = i;
    if (from < 0) {
        word = mem_strndup(t->value, n);
        hint = suggest_word(word, "json header regex");
        taking_bad(t, hint,
                   "is not a capture: write json /id, header NAME or "
                   "regex PATTERN");
        free(hint);
        free(word);
        return;
    }
    if (!is_name(t->arg)) {
        taking_bad(t, NULL, "has a name that is not letters, digits, '_', '-'");
        return;
    }
    for (const char *p = functions; (p = strstr(p, t->arg)) != NULL; p++)
        if ((p == functions || p[-1] == ' ') &&
            (p[strlen(t->arg)] == ' ' || p[strlen(t->arg)] == '\0')) {
            taking_bad(t, NULL, "has the name of a template function");
            return;
        }
    if (!check_capture(t, (enum capture_from)from, what))
        return;
    q->captures = reader_push(q->captures, q->ncaptures, sizeof *q->captures);
    q->captures[q->ncaptures++] =
        (struct capture){.name = mem_strdup(t->arg),
                         .from = (enum capture_from)from,
                         .what = mem_strdup(what)};
    add_captured_name(t->r, t->arg);
}

void take_steps(struct taking *t)
{
    put_off(t, PENDING_STEPS, mem_strdup(t->value));
}
