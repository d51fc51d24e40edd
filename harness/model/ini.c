/* inih 55 cuts lines at 200 bytes and section names at 49, merges repeated
 * sections, knows no line numbers, treats an indented line as a continuation
 * and " ;" as a comment (each was seen). So the lines are fed to it one at a
 * time by a reader of our own, which counts newlines, sees section headers
 * itself, drops comments and refuses what inih would misread; and the
 * run-time switches of Debian's build are set before each use. */
#include "harness/model/ini.h"

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/model/scenario.h"

#include <ctype.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

struct feed {
    const char *p, *end; /* what is left of the text */
    const char *now;     /* the line being handed over, NULL between lines */
    size_t left;         /* of it, newline not counted */
    int line;
    const char *file;
    struct ini_doc *doc;
    struct mistakes *m;
    bool complained; /* of keys in front of the first section */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **s, size_t *n)
{
    while (*n > 0 && is_space((*s)[0])) {
        (*s)++;
        (*n)--;
    }
    while (*n > 0 && is_space((*s)[*n - 1]))
        (*n)--;
}

struct ini_section *ini_add_section(struct ini_doc *doc, const char *name,
                                    size_t n, int line)
{
    struct ini_section *s;
    size_t len = 0;

    doc->sections =
        mem_grow(doc->sections, doc->n, &doc->cap, sizeof *doc->sections);
    s = &doc->sections[doc->n++];
    *s = (struct ini_section){.name = mem_strndup(name, n), .line = line};
    for (const char *p = s->name; *p != '\0'; p++) {
        bool space = is_space(*p);

        if (!space || (len > 0 && s->name[len - 1] != ' '))
            s->name[len++] = space ? ' ' : *p;
    }
    s->name[len] = '\0';
    return s;
}

void ini_add_entry(struct ini_section *s, char *key, char *value, int line)
{
    s->at = mem_grow(s->at, s->n, &s->cap, sizeof *s->at);
    s->at[s->n++] = (struct ini_entry){key, value, line};
}

void ini_drop_entry(struct ini_section *s, size_t i)
{
    free(s->at[i].key);
    free(s->at[i].value);
    s->n--;
    memmove(&s->at[i], &s->at[i + 1], (s->n - i) * sizeof *s->at);
}

/* "[request browse]": read here, because inih keeps 49 bytes of it. */
static void take_section(struct feed *f, const char *s, size_t n)
{
    const char *close = memchr(s, ']', n);
    const char *name = s + 1;
    size_t len;

    if (close == NULL) {
        mistakes_add(f->m, f->file, f->line, NULL,
                     "the section's name has no ']'");
        close = s + n;
    } else if (close + 1 < s + n) {
        mistakes_add(f->m, f->file, f->line, "a comment needs its own line",
                     "text behind the section's ']'");
    }
    len = (size_t)(close - name);
    trim(&name, &len);
    if (len == 0)
        mistakes_add(f->m, f->file, f->line, NULL, "a section without a name");
    ini_add_section(f->doc, name, len, f->line);
}

/* Control characters reach headers, logs and terminals: none is taken. */
static bool has_control(struct feed *f, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            mistakes_add(f->m, f->file, f->line, NULL,
                         c == 0 ? "the line holds a NUL byte"
                                : "the line holds a control character "
                                  "(byte 0x%02x)",
                         c);
            return true;
        }
    }
    return false;
}

/* True when the line is "key = value" and may go to inih. inih would also
 * split at a ':' in front of the '='. */
static bool is_entry(struct feed *f, const char *s, size_t n)
{
    const char *eq = memchr(s, '=', n);
    const char *colon = memchr(s, ':', eq != NULL ? (size_t)(eq - s) : n);
    const char *bad = NULL, *hint = "write key = value";

    if (eq == s)
        bad = "there is no key in front of the '='";
    else if (colon != NULL) {
        bad = "a key ends with '=', not with ':'";
    } else if (eq == NULL) {
        bad = "neither a section, a key nor a comment";
        hint = "write key = value; a value cannot go on in the next line";
    } else if (f->doc->n == 0) {
        bad = f->complained ? NULL : "a key in front of the first section";
        hint = "begin with a line like [scenario]";
        f->complained = true;
        if (bad == NULL)
            return false;
    }
    if (bad == NULL)
        return true;
    mistakes_add(f->m, f->file, f->line, hint, "%s", bad);
    return false;
}

/* Moves to the next line that inih may see. False at the end. */
static bool next_line(struct feed *f)
{
    while (f->p < f->end) {
        const char *s = f->p;
        const char *nl = memchr(s, '\n', (size_t)(f->end - s));
        size_t n = (size_t)((nl != NULL ? nl : f->end) - s);

        f->p = nl != NULL ? nl + 1 : f->end;
        f->line++;
        trim(&s, &n);
        if (n == 0 || *s == ';' || *s == '#')
            continue;
        if (n > INI_LINE_MAX) {
            mistakes_add(f->m, f->file, f->line, NULL,
                         "the line is longer than %d bytes", INI_LINE_MAX);
            continue;
        }
        if (has_control(f, s, n))
            continue;
        if (*s == '[') {
            take_section(f, s, n);
            continue;
        }
        if (!is_entry(f, s, n))
            continue;
        f->now = s;
        f->left = n;
        return true;
    }
    return false;
}

/* inih's fgets: at most `size` - 1 bytes of one line; it asks again for the
 * rest of a long one. */
static char *feed_line(char *out, int size, void *user)
{
    struct feed *f = user;
    size_t n, room = (size_t)size - 1;

    if (size < 2 || (f->now == NULL && !next_line(f)))
        return NULL;
    n = f->left < room ? f->left : room;
    memcpy(out, f->now, n);
    f->now += n;
    f->left -= n;
    if (n < room) {
        out[n++] = '\n';
        f->now = NULL;
    }
    out[n] = '\0';
    return out;
}

static int take_entry(void *user, const char *section, const char *name,
                      const char *value)
{
    struct feed *f = user;

    (void)section;
    if (f->doc->n > 0)
        ini_add_entry(&f->doc->sections[f->doc->n - 1], mem_strdup(name),
                      mem_strdup(value), f->line);
    return 1;
}

/* The switches are variables in Debian's build only. */
static void set_switches(void)
{
    static char no_prefixes[] = ";#";

    ini_use_stack = false;
    ini_allow_realloc = true;
    ini_initial_alloc = 512;
    ini_max_line = INI_LINE_MAX + 8;
    ini_allow_inline_comments = false;
    ini_allow_multiline = false;
    ini_allow_no_value = false;
    ini_stop_on_first_error = false;
    ini_start_comment_prefixes = no_prefixes;
}

enum { PROBE = 5000 };

/* Checks that the installed inih reads long lines whole; refuses a build that
 * cuts them. */
static int ini_self_check(struct err *err)
{
    static bool fit;
    char text[PROBE + 8], *value;
    struct ini_doc doc = {0};
    struct feed f = {.p = text, .end = text + sizeof text, .doc = &doc};

    if (fit)
        return 0;
    memset(text, 'x', sizeof text);
    memcpy(text, "k = ", 4);
    memcpy(text + 100, " ; ", 3);
    ini_add_section(&doc, "probe", 5, 0);
    set_switches();
    if (ini_parse_stream(feed_line, &f, take_entry, &f) == 0 &&
        doc.sections[0].n == 1) {
        value = doc.sections[0].at[0].value;
        fit = strlen(value) == sizeof text - 4 &&
              memcmp(value, text + 4, sizeof text - 4) == 0;
    }
    ini_release(&doc);
    return fit ? 0
               : err_set(err, "the installed libinih cuts long lines: Plateau "
                              "needs Debian's build of version 55 or later");
}

int ini_read(const char *text, size_t len, const char *file,
             struct ini_doc *out, struct mistakes *m)
{
    struct feed f = {
        .p = text, .end = text + len, .file = file, .doc = out, .m = m};
    struct err err;

    *out = (struct ini_doc){0};
    if (ini_self_check(&err) != 0) {
        mistakes_add(m, file, 0, NULL, "%s", err.msg);
        return -1;
    }
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        f.p += 3;
    if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 ||
                     memcmp(text, "\xfe\xff", 2) == 0)) {
        mistakes_add(m, file, 1, NULL, "the file is UTF-16: save it as UTF-8");
        return -1;
    }
    set_switches();
    if (ini_parse_stream(feed_line, &f, take_entry, &f) == -2) {
        mistakes_add(m, file, f.line, NULL, "out of memory");
        return -1;
    }
    return 0;
}

void ini_release(struct ini_doc *doc)
{
    for (size_t i = 0; i < doc->n; i++) {
        struct ini_section *s = &doc->sections[i];

        for (size_t k = 0; k < s->n; k++) {
            free(s->at[k].key);
            free(s->at[k].value);
        }
        free(s->at);
        free(s->name);
    }
    free(doc->sections);
    *doc = (struct ini_doc){0};
}
