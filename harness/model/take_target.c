/* Keys of [target], [load], [data], [sample] and [verdict] that hold more
 * than one plain value. */
#include "harness/base/mem.h"
#include "harness/model/metric.h"
#include "harness/model/scenario_reader.h"
#include "harness/model/secret.h"
#include "harness/model/url.h"
#include "harness/model/value.h"
#include "harness/model/words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void take_url(struct taking *t)
{
    struct scenario *sc = t->r->sc;
    struct err err;
    struct url url;

    if (url_parse(t->value, &url, &sc->target.userinfo, &err) != 0) {
        taking_bad(t, NULL, "%s", err.msg);
        url_release(&url);
        free(sc->target.userinfo);
        sc->target.userinfo = NULL;
        return;
    }
    sc->target.url = url;
    if (sc->target.userinfo != NULL) {
        const char *raw = strstr(t->value, "://") + 3;
        const char *colon = strchr(sc->target.userinfo, ':');

        if (colon != NULL)
            secret_add(sc, colon + 1, strlen(colon + 1));
        colon = strchr(raw, ':'); /* and as written, percent-encoded */
        if (colon != NULL && colon < strrchr(raw, '@'))
            secret_add(sc, colon + 1, (size_t)(strrchr(raw, '@') - colon - 1));
    }
}

/* "GET /health within 30s", "/health", "port within 30s". */
void take_ready(struct taking *t)
{
    static const int64_t usual_ns = 30000000000;
    struct ready *ready = &t->r->sc->target.ready;
    const char *help = "write GET /health within 30s, or port within 30s";
    struct ready got = {.within_ns = usual_ns};
    static char get[] = "GET";
    struct words w;
    size_t i = 0;

    words_list(t->value, &w);
    if (w.n > 0 && strcmp(w.at[0], "port") == 0) {
        i = 1;
    } else if (w.n > 0 && w.at[0][0] == '/') {
        got.method = get;
        got.path = w.at[0];
        i = 1;
    } else if (w.n > 1 && w.at[1][0] == '/') {
        got.method = w.at[0];
        got.path = w.at[1];
        i = 2;
        if (strcmp(got.method, "GET") != 0 && strcmp(got.method, "HEAD") != 0) {
            taking_bad(t, NULL, "waits with a method other than GET and HEAD");
            goto out;
        }
    }
    if (i == 0 ||
        (i < w.n && (strcmp(w.at[i], "within") != 0 || i + 2 != w.n))) {
        taking_bad(t, help, "is not a condition");
        goto out;
    }
    if (i < w.n && value_duration(w.at[i + 1], &got.within_ns, NULL) != 0) {
        taking_bad(t, help, "has a time that is not a duration");
        goto out;
    }
    if (got.within_ns <= 0 || got.within_ns > 86400 * 1000000000LL) {
        taking_bad(t, NULL, "has a time that is not between 0 and 1 day");
        goto out;
    }
    ready->method = got.method != NULL ? mem_strdup(got.method) : NULL;
    ready->path = got.path != NULL ? mem_strdup(got.path) : NULL;
    ready->within_ns = got.within_ns;
out:
    words_release(&w);
}

void take_env(struct taking *t)
{
    struct scenario_target *g = &t->r->sc->target;

    if (strchr(t->arg, '=') != NULL || strchr(t->arg, ' ') != NULL) {
        taking_bad(t, NULL, "has a name that no variable can have");
        return;
    }
    g->env = reader_push(g->env, g->nenv, sizeof *g->env);
    g->env[g->nenv++] = (struct name_value){
        .name = mem_strdup(t->arg),
        .value = mem_strdup(t->value),
        .secret = t->secret || secret_name(t->arg, strlen(t->arg))};
}

void take_hosts(struct taking *t)
{
    struct scenario_target *g = &t->r->sc->target;
    struct words w;

    words_list(t->value, &w);
    if (w.n == 0)
        taking_bad(t, NULL, "names no host");
    for (size_t i = 0; i < w.n; i++) {
        if (strpbrk(w.at[i], "/*") != NULL) {
            taking_bad(t, "name the host alone, like staging.example",
                       "is not a host's name");
            continue;
        }
        g->allow_hosts =
            reader_push(g->allow_hosts, g->nallow_hosts, sizeof(char *));
        g->allow_hosts[g->nallow_hosts++] = mem_strdup(w.at[i]);
    }
    words_release(&w);
}

void take_warmup(struct taking *t)
{
    struct scenario_load *l = &t->r->sc->load;
    struct err err;

    if (value_length(t->value, &l->warmup_requests, &l->warmup_ns, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
}

void take_block(struct taking *t)
{
    struct scenario_load *l = &t->r->sc->load;
    struct err err;

    if (value_length(t->value, &l->block_requests, &l->block_ns, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    else if (l->block_requests == 0 && l->block_ns == 0)
        taking_bad(t, NULL, "is no length");
}

void take_data(struct taking *t)
{
    struct template_source src = {t->file, t->line, "data"};

    if (t->value[0] == '\0')
        taking_bad(t, NULL, "is empty");
    else
        template_feeder(&t->r->compiler, t->arg, t->value, &src);
}

void take_sources(struct taking *t)
{
    struct scenario_sample *s = &t->r->sc->sample;
    struct words w;

    words_list(t->value, &w);
    for (size_t i = 0; i < w.n; i++) {
        const char *word = w.at[i];

        if (strcmp(word, "process") == 0) {
            s->process = true;
        } else if (strcmp(word, "cgroup") == 0) {
            s->cgroup = true;
        } else if (strcmp(word, "python") == 0) {
            s->python_listed = true;
        } else if (strcmp(word, "jvm") == 0) {
            s->jvm = true;
        } else {
            char *hint = suggest_word(word, t->key->words);

            taking_bad(t, hint, "names an unknown source, '%.40s'", word);
            free(hint);
        }
    }
    if (w.n == 0)
        taking_bad(t, NULL, "names no source");
    words_release(&w);
}

/* The source of that name; made when it is new. */
static struct custom_source *source_named(struct scenario_sample *s,
                                          const char *name)
{
    for (size_t i = 0; i < s->ncustom; i++)
        if (strcmp(s->custom[i].name, name) == 0)
            return &s->custom[i];
    s->custom = reader_push(s->custom, s->ncustom, sizeof *s->custom);
    s->custom[s->ncustom] = (struct custom_source){.name = mem_strdup(name)};
    return &s->custom[s->ncustom++];
}

static void take_source(struct taking *t, bool http)
{
    struct custom_source *c = source_named(&t->r->sc->sample, t->arg);

    if (c->what != NULL) {
        taking_bad(t, NULL, "is a second source of the same name");
        return;
    }
    c->what = mem_strdup(t->value);
    c->http = http;
    c->line = t->line;
}

void take_command_source(struct taking *t)
{
    struct words w;
    struct err err;

    if (words_split(t->value, &w, &err) != 0)
        taking_bad(t, NULL, "cannot be split into words: %s", err.msg);
    else if (w.n == 0)
        taking_bad(t, NULL, "is empty");
    words_release(&w);
    take_source(t, false);
}

void take_http_source(struct taking *t)
{
    size_t n = strcspn(t->value, "?#");
    char *front = mem_strndup(t->value, n), *userinfo = NULL;
    struct err err;
    struct url url;

    if (url_parse(front, &url, &userinfo, &err) != 0)
        taking_bad(t, NULL, "%s", err.msg);
    url_release(&url);
    free(userinfo);
    free(front);
    take_source(t, true);
}

void take_only(struct taking *t)
{
    struct custom_source *c = source_named(&t->r->sc->sample, t->arg);
    struct words w;

    words_list(t->value, &w);
    if (w.n == 0)
        taking_bad(t, NULL, "names no metric");
    if (c->line == 0)
        c->line = t->line;
    c->only = words_take(&w, &c->nonly);
    words_release(&w);
}

/* True when `name` is a metric's full name, alias or tolerance key. */
static bool is_known_metric(const char *name, struct metric *out)
{
    const struct metric *m = metric_find(name);

    for (int i = 0; m == NULL && metric_at(i) != NULL; i++)
        if (metric_at(i)->tolerance != NULL &&
            strcmp(metric_at(i)->tolerance, name) == 0)
            m = metric_at(i);
    if (m == NULL)
        metric_describe(name, out);
    else
        *out = *m;
    return m != NULL;
}

/* A metric that nothing delivers must not pass silently: unknown names are
 * taken only when a source of the user's may deliver them. */
static bool may_exist(struct taking *t, const char *name)
{
    char near[96], hint[128];

    if (t->r->custom_metrics)
        return true;
    if (key_suggest(SECTION_VERDICT, name, near, sizeof near) != NULL)
        snprintf(hint, sizeof hint, "did you mean '%s'?", near);
    else
        snprintf(hint, sizeof hint,
                 "a metric of your own needs command.NAME "
                 "or http.NAME in [sample]");
    mistakes_add(t->r->m, t->file, t->line, hint,
                 "[verdict] '%.60s' is neither a key nor a metric", name);
    return false;
}

void take_tolerance(struct taking *t)
{
    struct policy *p = &t->r->sc->policy;
    struct tolerance got = {.line = t->line};
    struct metric metric;
    struct err err;

    if (!is_known_metric(t->arg, &metric) && !may_exist(t, t->arg))
        return;
    if (value_tolerance(t->value, metric.unit == METRIC_BYTES, &got.value,
                        &got.per, &err) != 0) {
        taking_bad(t, NULL, "%s", err.msg);
        return;
    }
    got.metric = mem_strdup(t->arg);
    p->tolerances = reader_push(p->tolerances, p->ntolerances, sizeof got);
    p->tolerances[p->ntolerances++] = got;
}

void take_require(struct taking *t)
{
    struct policy *p = &t->r->sc->policy;
    struct metric metric;
    struct words w;

    words_list(t->value, &w);
    for (size_t i = 0; i < w.n; i++)
        if (!is_known_metric(w.at[i], &metric))
            may_exist(t, w.at[i]);
    p->require = words_take(&w, &p->nrequire);
    words_release(&w);
}
