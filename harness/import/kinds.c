#include "harness/import/kinds.h"

#include "harness/base/mem.h"
#include "harness/model/secret.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A path taken apart: its key, and the values that fill the key's slots. */
struct parts {
    char key[KEY_MAX];
    size_t len;
    char *path; /* the same without secrets */
    size_t path_len;
    struct part {
        enum slot_type type;
        const char *s;
        size_t n;
    } slots[SLOTS_MAX];
    size_t nslots;
    size_t secrets;
    bool too_long;
};

static void add_key(struct parts *p, const char *s, size_t n)
{
    if (p->len + n >= sizeof p->key) {
        p->too_long = true;
        return;
    }
    memcpy(p->key + p->len, s, n);
    p->len += n;
    p->key[p->len] = '\0';
}

static void add_path(struct parts *p, const char *s, size_t n)
{
    if (p->path_len + n >= RECORDED_PATH_MAX)
        return; /* never longer than the recorded one, which fits */
    memcpy(p->path + p->path_len, s, n);
    p->path_len += n;
    p->path[p->path_len] = '\0';
}

static bool is_number(const char *s, size_t n)
{
    if (n == 0 || n > 18 || (s[0] == '0' && n > 1))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)s[i]))
            return false;
    return true;
}

static bool is_uuid(const char *s, size_t n)
{
    if (n != 36)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
            return false;
    }
    return true;
}

/* Long, without a word in it: an id of a session or of a reset link. Names
 * of files have a dot and are kept, but for JSON web tokens. */
static bool is_token(const char *s, size_t n)
{
    size_t letters = 0, numbers = 0, dots = 0;

    if (n >= 16 && memcmp(s, "eyJ", 3) == 0)
        return true;
    for (size_t i = 0; i < n; i++) {
        letters += isalpha((unsigned char)s[i]) != 0;
        numbers += isdigit((unsigned char)s[i]) != 0;
        dots += s[i] == '.';
    }
    return n >= 20 && dots == 0 && letters > 0 && numbers * 8 >= n;
}

static void add_slot(struct parts *p, enum slot_type type, const char *s,
                     size_t n)
{
    static const char *const marks[] = {"{n}", "{u}", "{t}", "{v}"};

    if (p->nslots == SLOTS_MAX) {
        p->too_long = true;
        return;
    }
    p->slots[p->nslots++] = (struct part){type, s, n};
    add_key(p, marks[type], 3);
}

/* A piece of the path, or a parameter's value when `value`. */
static void add_piece(struct parts *p, const char *s, size_t n, bool value)
{
    add_path(p, s, n);
    if (is_number(s, n))
        add_slot(p, SLOT_NUMBER, s, n);
    else if (is_uuid(s, n))
        add_slot(p, SLOT_UUID, s, n);
    else if (is_token(s, n))
        add_slot(p, SLOT_TOKEN, s, n);
    else if (value && n > 0)
        add_slot(p, SLOT_TEXT, s, n);
    else
        add_key(p, s, n);
}

static void add_query(struct parts *p, const char *s)
{
    char mark = '?';

    while (*s != '\0') {
        size_t n = strcspn(s, "&");
        const char *eq = memchr(s, '=', n);
        size_t name = eq != NULL ? (size_t)(eq - s) : n;

        if (eq != NULL && secret_name(s, name)) {
            p->secrets++;
        } else if (n > 0) {
            add_key(p, &mark, 1);
            add_path(p, &mark, 1);
            add_key(p, s, name + (eq != NULL));
            add_path(p, s, name + (eq != NULL));
            if (eq != NULL)
                add_piece(p, eq + 1, n - name - 1, true);
            mark = '&';
        }
        s += n + (s[n] == '&');
    }
}

static void take_apart(struct parts *p, const char *method, const char *path)
{
    const char *s = path;

    p->path[0] = '\0';
    add_key(p, method, strlen(method));
    add_key(p, " ", 1);
    while (*s != '\0' && *s != '?') {
        size_t n = strcspn(s + 1, "/?");

        add_key(p, "/", 1);
        add_path(p, "/", 1);
        add_piece(p, s + 1, n, false);
        s += n + 1;
    }
    if (*s == '?')
        add_query(p, s + 1);
}

/* "products-n", "post-orders": letters, digits and dashes of the key. */
static char *make_name(struct kinds *k, const char *method, const char *key)
{
    char text[48], *name;
    size_t len = 0;

    if (strcmp(method, "GET") != 0)
        for (; method[len] != '\0'; len++)
            text[len] = (char)tolower((unsigned char)method[len]);
    for (const char *p = strchr(key, ' ') + 1; *p != '\0' && *p != '?'; p++) {
        bool word = isalnum((unsigned char)*p) || *p == '_' || *p == '.';

        if (len >= sizeof text - 8)
            break;
        if (word)
            text[len++] = (char)tolower((unsigned char)*p);
        else if (len > 0 && text[len - 1] != '-')
            text[len++] = '-';
    }
    while (len > 0 && text[len - 1] == '-')
        len--;
    text[len] = '\0';
    name = mem_strdup(len > 0 && text[0] != '.' ? text : "root");
    for (int i = 2; nameset_find(&k->names, name) != (size_t)-1; i++) {
        free(name);
        name =
            mem_printf("%s-%d", len > 0 && text[0] != '.' ? text : "root", i);
    }
    return name;
}

static struct kind *new_kind(struct kinds *k, const struct parts *p,
                             const struct recorded *r)
{
    struct kind *kind;

    k->at = mem_grow(k->at, k->n, &k->cap, sizeof *k->at);
    kind = &k->at[k->n];
    *kind = (struct kind){.key = mem_strdup(p->key),
                          .method = r->method,
                          .nslots = p->nslots,
                          .slots = mem_zalloc(p->nslots, sizeof(struct slot))};
    kind->name = make_name(k, r->method, p->key);
    if (r->origin != NULL)
        kind->origin = mem_strdup(r->origin);
    nameset_add(&k->keys, kind->key, k->n);
    nameset_add(&k->names, kind->name, k->n);
    k->n++;
    return kind;
}

static void fill_slot(struct slot *s, const struct part *v, bool first)
{
    s->type = v->type;
    if (v->type == SLOT_TOKEN) {
        s->length = first ? v->n : s->length;
        return;
    }
    if (v->type == SLOT_NUMBER) {
        int64_t x = strtoll(v->s, NULL, 10);

        s->min = first || x < s->min ? x : s->min;
        s->max = first || x > s->max ? x : s->max;
    }
    for (size_t i = 0; i < s->nvalues; i++)
        if (strlen(s->values[i]) == v->n &&
            memcmp(s->values[i], v->s, v->n) == 0)
            return;
    if (s->nvalues == SLOT_VALUES || v->n > 256)
        s->more = true;
    else
        s->values[s->nvalues++] = mem_strndup(v->s, v->n);
}

static void note_status(struct kind *kind, int status)
{
    for (size_t i = 0; i < kind->nstatuses; i++)
        if (kind->statuses[i] == status)
            return;
    if (status > 0 && kind->nstatuses < STATUSES_MAX)
        kind->statuses[kind->nstatuses++] = status;
}

static void keep(char **to, const char *s)
{
    if (*to == NULL && s != NULL)
        *to = mem_strdup(s);
}

static void note_content(struct kinds *k, struct kind *kind,
                         const struct recorded *r)
{
    for (size_t i = 0; i < r->nheaders; i++) {
        const struct recorded_header *h = &r->headers[i];

        if (secret_name(h->name, strlen(h->name)))
            k->secrets++;
        else if (strcasecmp(h->name, "Content-Type") == 0)
            keep(&kind->content_type, h->value);
        else if (strcasecmp(h->name, "Accept") == 0)
            keep(&kind->accept, h->value);
    }
    keep(&kind->body, r->body);
}

size_t kinds_count(struct kinds *k, const struct recorded *r, char *path)
{
    struct parts p = {.path = path};
    struct kind *kind;
    size_t place;

    take_apart(&p, r->method, r->path);
    k->secrets += p.secrets;
    if (p.too_long)
        return (size_t)-1;
    place = nameset_find(&k->keys, p.key);
    if (place == (size_t)-1 && k->n >= k->most)
        return place;
    kind = place != (size_t)-1 ? &k->at[place] : new_kind(k, &p, r);
    for (size_t i = 0; i < p.nslots; i++)
        fill_slot(&kind->slots[i], &p.slots[i], kind->count == 0);
    note_status(kind, r->status);
    note_content(k, kind, r);
    kind->count++;
    return (size_t)(kind - k->at);
}

static void slot_template(const struct slot *s, struct buf *out)
{
    if (s->type == SLOT_TOKEN) {
        buf_addf(out, "{{rand %zu}}", s->length);
    } else if (s->type == SLOT_NUMBER && s->more) {
        buf_addf(out, "{{int %lld %lld}}", (long long)s->min,
                 (long long)s->max);
    } else if (s->nvalues == 1 && !s->more) {
        buf_adds(out, s->values[0]);
    } else if (s->nvalues == 0) {
        buf_adds(out, s->type == SLOT_UUID ? "{{uuid}}" : "{{rand 8}}");
    } else {
        buf_adds(out, "{{choice");
        for (size_t i = 0; i < s->nvalues; i++)
            buf_addf(out, " %s", s->values[i]);
        buf_adds(out, "}}");
    }
}

/* Braces of a recorded path are percent-encoded, so each '{' in the key is a
 * slot's mark. */
void kind_template(const struct kind *k, struct buf *out)
{
    size_t slot = 0;

    for (const char *p = strchr(k->key, ' ') + 1; *p != '\0'; p++) {
        if (*p != '{') {
            buf_addc(out, *p);
            continue;
        }
        slot_template(&k->slots[slot++], out);
        p += 2;
    }
}

void kind_expect(const struct kind *k, struct buf *out)
{
    bool any = false;

    for (size_t i = 0; i < k->nstatuses; i++) {
        if (k->statuses[i] >= 200 && k->statuses[i] <= 399)
            continue;
        buf_addf(out, "%s%d", any ? " " : "2xx 3xx ", k->statuses[i]);
        any = true;
    }
}

void kinds_release(struct kinds *k)
{
    for (size_t i = 0; i < k->n; i++) {
        struct kind *kind = &k->at[i];

        for (size_t s = 0; s < kind->nslots; s++)
            for (size_t v = 0; v < kind->slots[s].nvalues; v++)
                free(kind->slots[s].values[v]);
        free(kind->slots);
        free(kind->name);
        free(kind->key);
        free(kind->body);
        free(kind->content_type);
        free(kind->accept);
        free(kind->origin);
    }
    free(k->at);
    nameset_release(&k->keys);
    nameset_release(&k->names);
    *k = (struct kinds){0};
}
