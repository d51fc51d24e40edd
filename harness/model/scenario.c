#include "harness/model/scenario.h"

#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/suggest.h"
#include "harness/model/feeder.h"
#include "harness/model/scenario_reader.h"
#include "harness/model/sites.h"
#include "harness/model/url.h"
#include "harness/model/words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS = 16 }; /* unless the scenario says */

/* The file's name without folder and ending, made fit for a directory. */
static char *name_from_file(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *base = slash != NULL ? slash + 1 : file;
    char *name = mem_strndup(base, 64), *dot = strrchr(name, '.');

    if (dot != NULL && dot > name)
        *dot = '\0';
    for (char *p = name; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL)
            *p = '-';
    if (name[0] == '\0' || name[0] == '.' || strcmp(name, "-") == 0) {
        free(name);
        name = mem_strdup("scenario");
    }
    return name;
}

static bool section_holds(const struct ini_section *s, const char *key)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->at[i].key, key) == 0)
            return true;
    return false;
}

char *reader_fallback(struct reader *r, const struct key *key,
                      const struct ini_section *s, const char *name)
{
    const struct scenario_load *l = &r->sc->load;
    char text[32];

    if (key->fallback == NULL)
        return NULL;
    if (key->fallback[0] != '~')
        return mem_strdup(key->fallback);
    if (key->section == SECTION_SCENARIO && strcmp(key->name, "name") == 0)
        return name_from_file(r->sc->file);
    /* Of these two the one that is missing follows the other; a section's
       own keys are read before any default is. */
    if (key->section == SECTION_LOAD && strcmp(key->name, "users") == 0) {
        if (section_holds(s, "rate"))
            return NULL;
        snprintf(text, sizeof text, "%d",
                 l->connections > 0 ? l->connections : CONNECTIONS);
        return mem_strdup(text);
    }
    if (key->section == SECTION_LOAD && strcmp(key->name, "connections") == 0) {
        snprintf(text, sizeof text, "%d",
                 l->users > CONNECTIONS ? l->users : CONNECTIONS);
        return mem_strdup(text);
    }
    if (key->section == SECTION_LOAD && strcmp(key->name, "cookies") == 0)
        return mem_strdup(r->present[SECTION_FLOW] ? "on" : "off");
    if (key->section == SECTION_REQUEST && strcmp(key->name, "weight") == 0) {
        snprintf(text, sizeof text, "%d",
                 nameset_find(&r->stepped, name) == (size_t)-1);
        return mem_strdup(text);
    }
    return NULL;
}

/* What a section's title says. */
struct title {
    enum key_section kind;
    const char *name; /* of a request or flow; NULL: none */
};

static void unknown_title(struct reader *r, const struct ini_section *s,
                          size_t word)
{
    char *text = mem_strndup(s->name, word), *hint = NULL;
    const char *best = NULL;
    size_t distance = 0;

    for (int k = 0; k < SECTION_COUNT; k++)
        suggest_offer(text, section_name((enum key_section)k), &best,
                      &distance);
    if (best != NULL)
        hint = mem_printf("did you mean [%s%s]?", best, s->name + word);
    mistakes_add(r->m, r->file, s->line, hint, "unknown section [%s]",
                 shorten(s->name).text);
    free(hint);
    free(text);
}

static bool name_is_fit(const char *name)
{
    size_t n = strlen(name);

    for (const char *p = name; *p != '\0'; p++)
        if (*p == ' ' || *p == ',' || *p == '"' || *p == '\'' || *p == '\t')
            return false;
    return n > 0 && n <= 64;
}

static struct title read_title(struct reader *r, const struct ini_section *s)
{
    size_t word = strcspn(s->name, " ");
    struct title t = {.kind = section_find(s->name, word)};
    const char *rest = s->name + word + (s->name[word] != '\0');

    if (s->name[0] == '\0')
        return t; /* the INI reader has complained */
    if (t.kind == SECTION_COUNT) {
        unknown_title(r, s, word);
    } else if (section_is_named(t.kind) && *rest == '\0') {
        mistakes_add(r->m, r->file, s->line, "write [request browse]",
                     "[%s] needs a name", section_name(t.kind));
        t.kind = SECTION_COUNT;
    } else if (!section_is_named(t.kind) && *rest != '\0') {
        mistakes_add(r->m, r->file, s->line, NULL, "[%s] takes no name",
                     section_name(t.kind));
    } else if (section_is_named(t.kind) && !name_is_fit(rest)) {
        mistakes_add(r->m, r->file, s->line,
                     "at most 64 characters, no spaces, commas or quotes",
                     "'%s' is not a name", shorten(rest).text);
        t.kind = SECTION_COUNT;
    } else if (section_is_named(t.kind)) {
        t.name = rest;
    }
    return t;
}

/* Names in flows' steps decide the default weight of requests. */
static void note_steps(struct reader *r, const struct ini_section *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct words w;

        if (strcmp(s->at[i].key, "steps") != 0)
            continue;
        words_list(s->at[i].value, &w);
        for (size_t k = 0; k < w.n; k++) {
            if (nameset_find(&r->stepped, w.at[k]) != (size_t)-1)
                continue;
            r->step_words = mem_grow(r->step_words, r->nstep_words,
                                     &r->step_words_cap, sizeof(char *));
            r->step_words[r->nstep_words] = mem_strdup(w.at[k]);
            nameset_add(&r->stepped, r->step_words[r->nstep_words++], 0);
        }
        words_release(&w);
    }
}

static void survey(struct reader *r, struct title *titles, int *first)
{
    struct nameset seen = {0};

    for (size_t i = 0; i < r->doc.n; i++) {
        const struct ini_section *s = &r->doc.sections[i];
        size_t before;

        titles[i] = read_title(r, s);
        if (titles[i].kind == SECTION_COUNT)
            continue;
        before = nameset_add(&seen, s->name, i);
        if (before != i) {
            mistakes_add(r->m, r->file, s->line, NULL,
                         "[%s] stands twice, first on line %d",
                         shorten(s->name).text, r->doc.sections[before].line);
            titles[i].kind = SECTION_COUNT;
            continue;
        }
        r->present[titles[i].kind] = true;
        first[titles[i].kind]++;
        if (titles[i].kind == SECTION_FLOW)
            note_steps(r, s);
        for (size_t k = 0; titles[i].kind == SECTION_SAMPLE && k < s->n; k++)
            if (strncmp(s->at[k].key, "command.", 8) == 0 ||
                strncmp(s->at[k].key, "http.", 5) == 0)
                r->custom_metrics = true;
    }
    nameset_release(&seen);
}

static void read_named(struct reader *r, const struct ini_section *s,
                       const struct title *t)
{
    struct scenario *sc = r->sc;

    if (t->kind == SECTION_REQUEST) {
        struct request *q = &sc->requests[sc->nrequests];

        q->name = mem_strdup(t->name);
        q->line = s->line;
        nameset_add(&r->requests, q->name, sc->nrequests);
        reader_section(r, s, t->kind, q->name, q, sc->nrequests++);
        if (!section_holds(s, "path"))
            mistakes_add(r->m, r->file, s->line, "write path = /",
                         "[request %s] has no path", q->name);
    } else {
        struct flow *f = &sc->flows[sc->nflows];

        f->name = mem_strdup(t->name);
        f->line = s->line;
        if (nameset_find(&r->requests, t->name) != (size_t)-1)
            mistakes_add(r->m, r->file, s->line, NULL,
                         "a request has the name '%s' too", f->name);
        reader_section(r, s, t->kind, f->name, f, sc->nflows++);
        if (!section_holds(s, "steps"))
            mistakes_add(r->m, r->file, s->line, "write steps = login, browse",
                         "[flow %s] has no steps", f->name);
    }
}

/* Reads in a fixed order of kinds: feeders before the templates that use
 * them, requests before flows. */
static void reader_sections(struct reader *r)
{
    static const enum key_section order[] = {
        SECTION_SCENARIO, SECTION_TARGET,  SECTION_LOAD,
        SECTION_DATA,     SECTION_REQUEST, SECTION_FLOW,
        SECTION_REPLAY,   SECTION_SAMPLE,  SECTION_VERDICT};
    struct title *titles = mem_zalloc(r->doc.n, sizeof *titles);
    const struct ini_section none = {0};
    int counts[SECTION_COUNT] = {0};

    survey(r, titles, counts);
    r->sc->requests =
        mem_zalloc((size_t)counts[SECTION_REQUEST], sizeof *r->sc->requests);
    r->sc->flows =
        mem_zalloc((size_t)counts[SECTION_FLOW], sizeof *r->sc->flows);
    for (size_t o = 0; o < sizeof order / sizeof *order; o++) {
        for (size_t i = 0; i < r->doc.n; i++) {
            const struct ini_section *s = &r->doc.sections[i];

            if (titles[i].kind != order[o])
                continue;
            if (section_is_named(order[o]))
                read_named(r, s, &titles[i]);
            else
                reader_section(r, s, order[o], NULL, r->sc, 0);
        }
        /* Defaults of a section that is missing; a missing [replay] is not
           a replay with defaults. */
        if (!r->present[order[o]] && !section_is_named(order[o]) &&
            order[o] != SECTION_REPLAY)
            reader_section(r, &none, order[o], NULL, r->sc, 0);
    }
    free(titles);
}

void reader_release(struct reader *r)
{
    for (size_t i = 0; i < r->npending; i++)
        free(r->pending[i].text);
    free(r->pending);
    nameset_release(&r->requests);
    nameset_release(&r->flows);
    nameset_release(&r->stepped);
    words_free(r->step_words, r->nstep_words);
    template_compiler_release(&r->compiler);
    ini_release(&r->doc);
}

int scenario_load_text(const char *text, size_t len, const char *label,
                       char *const *sets, size_t nsets, unsigned flags,
                       struct scenario *out, struct mistakes *m)
{
    struct reader r = {.sc = out, .m = m, .flags = flags};
    size_t before = m->n + m->more;

    *out = (struct scenario){.file = mem_strdup(label)};
    policy_default(&out->policy);
    r.file = out->file;
    r.compiler.sc = out;
    r.compiler.m = m;
    for (size_t i = 0; i < KEY_COUNT_MAX; i++)
        r.seen[i] = -1;
    if (ini_read(text, len, r.file, &r.doc, m) == 0) {
        reader_apply_sets(&r, sets, nsets);
        reader_sections(&r);
        reader_finish_pending(&r);
        reader_cross_check(&r);
    }
    reader_release(&r);
    if (m->n + m->more == before) {
        scenario_index_kinds(out);
        return 0;
    }
    scenario_release(out);
    return -1;
}

size_t scenario_add_request(struct scenario *sc, const char *name,
                            const char *method, const char *path_template,
                            struct mistakes *m)
{
    struct template_compiler compiler = {.sc = sc, .m = m};
    const struct template_source src = {sc->file, 0, name};
    struct request *q;

    sc->requests =
        mem_realloc(sc->requests, sc->nrequests + 1, sizeof *sc->requests);
    q = &sc->requests[sc->nrequests];
    *q = (struct request){.name = mem_strdup(name),
                          .method = mem_strdup(method)};
    template_compile(&compiler, path_template, TEMPLATE_PATH, &src, &q->path);
    template_compiler_release(&compiler);
    return sc->nrequests++;
}

int scenario_load(const char *path, char *const *sets, size_t nsets,
                  struct scenario *out, struct mistakes *m)
{
    bool standard_input = strcmp(path, "-") == 0;
    const char *from = standard_input ? "/dev/stdin" : path;
    char *text = NULL;
    struct err err;
    size_t len;
    int rc;

    if (file_read(from, INI_FILE_MAX, &text, &len, &err) != 0) {
        size_t n = strlen(from);
        bool named = strncmp(err.msg, from, n) == 0 && err.msg[n] == ':';

        *out = (struct scenario){0};
        mistakes_add(m, path, 0, NULL, "cannot read the scenario%s%s",
                     named ? "" : ": ", named ? err.msg + n : err.msg);
        return -1;
    }
    rc = scenario_load_text(text, len, path, sets, nsets, 0, out, m);
    free(text);
    return rc;
}

static void release_request(struct request *q)
{
    free(q->name);
    free(q->method);
    template_release(&q->path);
    template_release(&q->body);
    for (size_t i = 0; i < q->nheaders; i++) {
        free(q->headers[i].name);
        template_release(&q->headers[i].value);
    }
    free(q->headers);
    free(q->expect.status);
    words_free(q->expect.body_contains, q->expect.nbody_contains);
    for (size_t i = 0; i < q->ncaptures; i++) {
        free(q->captures[i].name);
        free(q->captures[i].what);
    }
    free(q->captures);
}

static void release_target(struct scenario_target *t)
{
    url_release(&t->url);
    free(t->userinfo);
    free(t->command);
    for (size_t i = 0; t->argv != NULL && t->argv[i] != NULL; i++)
        free(t->argv[i]);
    free(t->argv);
    free(t->pidfile);
    free(t->cgroup);
    free(t->cwd);
    for (size_t i = 0; i < t->nenv; i++) {
        free(t->env[i].name);
        free(t->env[i].value);
    }
    free(t->env);
    free(t->ready.method);
    free(t->ready.path);
    words_free(t->allow_hosts, t->nallow_hosts);
    free(t->tls_ca);
}

static void release_effective(struct scenario *sc)
{
    for (size_t i = 0; i < sc->neffective; i++) {
        free(sc->effective[i].section);
        free(sc->effective[i].key);
        free(sc->effective[i].value);
        free(sc->effective[i].origin);
    }
    free(sc->effective);
    words_free(sc->secrets, sc->nsecrets);
}

void scenario_release(struct scenario *sc)
{
    free(sc->file);
    free(sc->name);
    release_target(&sc->target);
    for (size_t i = 0; i < sc->nrequests; i++)
        release_request(&sc->requests[i]);
    free(sc->requests);
    free(sc->kinds);
    sites_release(sc);
    for (size_t i = 0; i < sc->nflows; i++) {
        free(sc->flows[i].name);
        free(sc->flows[i].steps);
    }
    free(sc->flows);
    for (size_t i = 0; i < sc->nfeeders; i++)
        feeder_release(&sc->feeders[i]);
    free(sc->feeders);
    free(sc->replay.file);
    free(sc->replay.format);
    for (size_t i = 0; i < sc->replay.nentries; i++)
        free(sc->replay.entries[i].path);
    free(sc->replay.entries);
    for (size_t i = 0; i < sc->sample.ncustom; i++) {
        free(sc->sample.custom[i].name);
        free(sc->sample.custom[i].what);
        words_free(sc->sample.custom[i].only, sc->sample.custom[i].nonly);
    }
    free(sc->sample.custom);
    policy_release(&sc->policy);
    words_free(sc->captured, sc->ncaptured);
    release_effective(sc);
    *sc = (struct scenario){0};
}
