/* What no single key can know: templates, steps, captures along a flow, and
 * keys that need or exclude each other. */
#include "harness/base/mem.h"
#include "harness/model/scenario_reader.h"
#include "harness/model/secret.h"
#include "harness/model/url.h"
#include "harness/model/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- what had to wait ---- */

static void finish_steps(struct reader *r, const struct pending *p)
{
    struct flow *f = &r->sc->flows[p->index];
    struct words w;

    words_list(p->text, &w);
    if (w.n == 0)
        mistakes_add(r->m, p->file, p->line, "write steps = login, browse",
                     "steps is empty");
    f->steps = mem_zalloc(w.n, sizeof *f->steps);
    for (size_t i = 0; i < w.n; i++) {
        size_t index = nameset_find(&r->requests, w.at[i]);
        const char *near;
        char *hint;

        if (index != (size_t)-1) {
            f->steps[f->nsteps++] = (int)index;
            continue;
        }
        near = nameset_suggest(&r->requests, w.at[i]);
        hint = near != NULL ? mem_printf("did you mean '%s'?", near) : NULL;
        mistakes_add(r->m, p->file, p->line, hint,
                     "steps: there is no [request %s]", shorten(w.at[i]).text);
        free(hint);
    }
    words_release(&w);
}

void reader_finish_pending(struct reader *r)
{
    for (size_t i = 0; i < r->npending; i++) {
        const struct pending *p = &r->pending[i];
        struct template_source src = {p->file, p->line, "path"};
        struct request *q = NULL;

        if (p->what == PENDING_STEPS) {
            finish_steps(r, p);
            continue;
        }
        q = &r->sc->requests[p->index];
        if (p->what == PENDING_PATH) {
            template_compile(&r->compiler, p->text, TEMPLATE_PATH, &src,
                             &q->path);
        } else if (p->what == PENDING_BODY) {
            src.what = "body";
            template_compile(&r->compiler, p->text, TEMPLATE_BODY, &src,
                             &q->body);
        } else {
            src.what = "header";
            template_compile(&r->compiler, p->text, TEMPLATE_HEADER, &src,
                             &q->headers[p->header].value);
        }
    }
}

/* ---- keys of one section against each other ---- */

/* The line of a key of a section that comes once; -1: it is not set. */
static int line_of(const struct reader *r, enum key_section s, const char *name)
{
    const char *arg;
    const struct key *k = key_find(s, name, &arg);

    return r->seen[k - key_at(0)];
}

static void bad(struct reader *r, int line, const char *hint, const char *text)
{
    mistakes_add(r->m, line == 0 ? "--set" : r->file, line > 0 ? line : 0, hint,
                 "%s", text);
}

static void check_target_choice(struct reader *r)
{
    static const char *const ways[] = {"command", "pid", "pidfile", "port",
                                       "cgroup"};
    const char *first = NULL;

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        int line = line_of(r, SECTION_TARGET, ways[i]);
        char text[128];

        if (line < 0)
            continue;
        if (first != NULL) {
            snprintf(text, sizeof text,
                     "%s and %s both say what to measure: keep one", first,
                     ways[i]);
            bad(r, line, NULL, text);
        }
        first = first != NULL ? first : ways[i];
    }
}

static void check_host(struct reader *r, int line, const char *host,
                       const char *what)
{
    char text[256], hint[256];

    if (url_is_allowed(&r->sc->target, host))
        return;
    snprintf(text, sizeof text,
             "%s: %.100s is not this machine, and only loopback is loaded "
             "unless a host is named",
             what, host);
    snprintf(hint, sizeof hint, "if you mean it: allow_host = %.100s", host);
    bad(r, line, hint, text);
}

static void check_url(struct reader *r)
{
    struct scenario_target *t = &r->sc->target;
    int line = line_of(r, SECTION_TARGET, "url");
    char *userinfo;
    char text[48];

    if (line < 0 && t->port > 0) {
        snprintf(text, sizeof text, "http://127.0.0.1:%d", t->port);
        url_parse(text, &t->url, &userinfo, NULL);
    }
    if (t->url.host != NULL)
        check_host(r, line, t->url.host, "url");
    else if (line < 0 && !(r->flags & SCENARIO_NO_LOAD))
        bad(r, -1, "in [target] write url = http://127.0.0.1:8000",
            "the scenario does not say where the service is");
    if (t->url.host != NULL && t->command == NULL && t->pid == 0 &&
        t->pidfile == NULL && t->port == 0 && t->cgroup == NULL)
        t->port = t->url.port;
}

static void split_command(struct reader *r)
{
    struct scenario_target *t = &r->sc->target;
    int line = line_of(r, SECTION_TARGET, "command");
    struct words w;
    struct err err;

    if (t->command == NULL) {
        if (t->shell)
            bad(r, line_of(r, SECTION_TARGET, "shell"), NULL,
                "shell = on without a command");
        return;
    }
    if (t->shell) {
        t->argv = mem_zalloc(4, sizeof *t->argv);
        t->argv[0] = mem_strdup("/bin/sh");
        t->argv[1] = mem_strdup("-c");
        t->argv[2] = mem_strdup(t->command);
        return;
    }
    if (words_split(t->command, &w, &err) != 0)
        mistakes_add(r->m, r->file, line, NULL, "command: %s", err.msg);
    else if (strpbrk(t->command, "|;<>`") != NULL || strstr(t->command, "&&"))
        for (size_t i = 0; i < w.n; i++)
            if (!w.quoted[i] &&
                (strcmp(w.at[i], "|") == 0 || strcmp(w.at[i], "&&") == 0 ||
                 strcmp(w.at[i], ";") == 0 || strcmp(w.at[i], ">") == 0)) {
                bad(r, line, "set shell = on",
                    "command: it has shell syntax, but no shell runs it");
                break;
            }
    if (w.n > 0) {
        size_t n;

        for (size_t i = 0; i + 1 < w.n; i++)
            if (w.at[i][0] == '-' && strchr(w.at[i], '=') == NULL &&
                w.at[i + 1][0] != '-' && secret_name(w.at[i], strlen(w.at[i])))
                secret_add(r->sc, w.at[i + 1], strlen(w.at[i + 1]));
        t->argv = words_take(&w, &n);
    }
    words_release(&w);
}

static void check_load(struct reader *r)
{
    struct scenario_load *l = &r->sc->load;
    int rate = line_of(r, SECTION_LOAD, "rate");
    int users = line_of(r, SECTION_LOAD, "users");
    int think = line_of(r, SECTION_LOAD, "think");
    int ramp = line_of(r, SECTION_LOAD, "ramp");

    if (rate >= 0 && users >= 0)
        bad(r, users,
            "rate: requests come whatever the target does; users: "
            "each waits for its answer",
            "rate and users exclude each other: keep one");
    else if (rate >= 0 && think >= 0)
        bad(r, think, NULL, "think belongs to users, not to rate");
    if (rate < 0 && ramp >= 0 && l->ramp_ns > 0)
        bad(r, ramp, NULL, "ramp belongs to rate");
    else if (l->ramp_ns > l->warmup_ns && l->warmup_requests == 0)
        bad(r, ramp, NULL, "ramp is longer than warmup, in which it lies");
    l->model = rate >= 0 ? LOAD_OPEN : LOAD_CLOSED;
    if (rate < 0 && users < 0)
        l->users = l->connections;
    if (l->connections > 0 && l->threads > l->connections)
        bad(r, line_of(r, SECTION_LOAD, "threads"), NULL,
            "more threads than connections: some would have nothing to do");
    if (l->warmup_ns >= l->max_time_ns && l->max_time_ns > 0)
        bad(r, line_of(r, SECTION_LOAD, "max_time"), NULL,
            "max_time is over before the warm-up is");
    if (l->blocks == 0 && line_of(r, SECTION_LOAD, "block") >= 0)
        bad(r, line_of(r, SECTION_LOAD, "block"), NULL,
            "block has no meaning with blocks = 0, an uninterrupted soak");
    r->sc->policy.rate_rps = l->rate_rps;
    r->sc->policy.connections = l->connections;
    if (r->sc->policy.limit_bytes == 0)
        r->sc->policy.limit_bytes = r->sc->target.memory_limit_bytes;
}

static void check_sources(struct reader *r)
{
    for (size_t i = 0; i < r->sc->sample.ncustom; i++) {
        const struct custom_source *c = &r->sc->sample.custom[i];
        struct url url;
        char *front, *userinfo;

        if (c->what == NULL) {
            mistakes_add(r->m, r->file, c->line, NULL,
                         "only.%s: there is no command.%s and no http.%s",
                         c->name, c->name, c->name);
            continue;
        }
        if (!c->http)
            continue;
        front = mem_strndup(c->what, strcspn(c->what, "?#"));
        if (url_parse(front, &url, &userinfo, NULL) == 0)
            check_host(r, c->line, url.host, "http source");
        free(userinfo);
        url_release(&url);
        free(front);
    }
}

/* ---- traffic ---- */

/* Marks or looks for the captured names that a template uses. Gives the first
 * that is not in `have`, or -1. */
static int64_t missing_capture(const struct template *t, const bool *have)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->pieces[i].what == PIECE_CAPTURE && !have[t->pieces[i].a])
            return t->pieces[i].a;
    return -1;
}

static int64_t request_missing(const struct request *q, const bool *have)
{
    int64_t miss = missing_capture(&q->path, have);

    if (miss < 0)
        miss = missing_capture(&q->body, have);
    for (size_t i = 0; miss < 0 && i < q->nheaders; i++)
        miss = missing_capture(&q->headers[i].value, have);
    return miss;
}

static void check_captures(struct reader *r)
{
    struct scenario *sc = r->sc;
    bool *have = mem_zalloc(sc->ncaptured, sizeof *have);
    int64_t miss;

    for (size_t i = 0; i < sc->nrequests; i++) {
        const struct request *q = &sc->requests[i];

        if (q->weight > 0 && (miss = request_missing(q, have)) >= 0)
            mistakes_add(r->m, r->file, q->line,
                         "set weight = 0 and use it as a step of a flow",
                         "[request %s] uses {{%s}}, but on its own nothing "
                         "captures that",
                         q->name, sc->captured[miss]);
    }
    for (size_t i = 0; i < sc->nflows; i++) {
        const struct flow *f = &sc->flows[i];

        memset(have, 0, sc->ncaptured * sizeof *have);
        for (size_t k = 0; k < f->nsteps; k++) {
            const struct request *q = &sc->requests[f->steps[k]];

            miss = request_missing(q, have);
            if (miss >= 0) {
                mistakes_add(r->m, r->file, f->line, NULL,
                             "[flow %s] step %zu (%s) uses {{%s}} before any "
                             "step captures it",
                             f->name, k + 1, q->name, sc->captured[miss]);
                have[miss] = true;
            }
            for (size_t c = 0; c < q->ncaptures; c++)
                have[nameset_find(&r->compiler.captures, q->captures[c].name)] =
                    true;
        }
    }
    free(have);
}

static void check_paths(struct reader *r)
{
    for (size_t i = 0; i < r->sc->nrequests; i++) {
        const struct request *q = &r->sc->requests[i];
        const struct piece *p = q->path.pieces;

        if (q->path.n > 0 && p->what != PIECE_CHOICE && p->what != PIECE_CSV &&
            p->what != PIECE_CAPTURE &&
            !(p->what == PIECE_TEXT && p->text[0] == '/'))
            mistakes_add(r->m, r->file, q->line, NULL,
                         "[request %s]: the path does not begin with '/'",
                         q->name);
    }
}

static void check_traffic(struct reader *r)
{
    struct scenario *sc = r->sc;
    double total = 0;
    int replay_line = line_of(r, SECTION_REPLAY, "file");

    if (r->present[SECTION_REPLAY] && sc->replay.file == NULL &&
        replay_line < 0)
        bad(r, -1, NULL, "[replay] names no file");
    sc->replay.line = replay_line > 0 ? replay_line : 0;
    if (sc->replay.file != NULL) {
        static const char *const rivals[] = {"rate", "users", "ramp"};

        for (size_t i = 0; i < sizeof rivals / sizeof *rivals; i++)
            if (line_of(r, SECTION_LOAD, rivals[i]) >= 0)
                bad(r, line_of(r, SECTION_LOAD, rivals[i]), NULL,
                    "a replay brings its own timing: no rate, users or ramp");
    }
    if (r->flags & SCENARIO_NO_LOAD || sc->replay.file != NULL)
        return;
    for (size_t i = 0; i < sc->nrequests; i++)
        total += sc->requests[i].weight;
    for (size_t i = 0; i < sc->nflows; i++)
        total += sc->flows[i].weight;
    if (sc->nrequests == 0)
        bad(r, -1, "add [request NAME] with path = /",
            "the scenario has no request");
    else if (total <= 0 && !r->weight_mistaken)
        bad(r, -1, NULL, "nothing would be sent: every weight is 0");
}

/* name:password of the url becomes a header of each request that has none of
 * its own, so that every engine sends it and every writer masks it. */
static void spread_userinfo(struct reader *r)
{
    struct scenario *sc = r->sc;
    char *value;

    if (sc->target.userinfo == NULL)
        return;
    value = url_basic_auth(sc->target.userinfo);
    secret_add_header(sc, value);
    for (size_t i = 0; i < sc->nrequests; i++) {
        struct request *q = &sc->requests[i];
        struct template_source src = {r->file, q->line, "url"};
        bool has = false;

        for (size_t k = 0; k < q->nheaders; k++)
            has = has || strcasecmp(q->headers[k].name, "Authorization") == 0;
        if (has)
            continue;
        q->headers = reader_push(q->headers, q->nheaders, sizeof *q->headers);
        q->headers[q->nheaders] = (struct request_header){
            .name = mem_strdup("Authorization"), .secret = true};
        template_compile(&r->compiler, value, TEMPLATE_HEADER, &src,
                         &q->headers[q->nheaders++].value);
    }
    free(value);
}

void reader_cross_check(struct reader *r)
{
    check_target_choice(r);
    split_command(r);
    check_url(r);
    check_load(r);
    check_sources(r);
    check_paths(r);
    check_captures(r);
    check_traffic(r);
    spread_userinfo(r);
}
