#include "harness/model/keys.h"

#include "harness/base/suggest.h"
#include "harness/model/metric.h"
#include "harness/model/scenario.h"
#include "harness/model/scenario_reader.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NONE 0
#define S(member) offsetof(struct scenario, member)
#define R(member) offsetof(struct request, member)
#define F(member) offsetof(struct flow, member)

enum type_index {
#define TYPE(name, title, plain, repeats) TYPE_##name,
#include "harness/model/key_types.def"
#undef TYPE
};

static const struct key_type types[] = {
#define TYPE(name, title, plain, repeats)                                      \
    {#name, title, plain, repeats, take_##name},
#include "harness/model/key_types.def"
#undef TYPE
};

static const struct key keys[] = {
#define KEY(section, name, type, field, min, max, words, fallback, example,    \
            help)                                                              \
    {SECTION_##section,                                                        \
     name,                                                                     \
     &types[TYPE_##type],                                                      \
     field,                                                                    \
     min,                                                                      \
     max,                                                                      \
     words,                                                                    \
     fallback,                                                                 \
     example,                                                                  \
     help},
#include "harness/model/keys.def"
#undef KEY
};

enum { NKEYS = sizeof keys / sizeof *keys };
_Static_assert((int)NKEYS <= (int)KEY_COUNT_MAX, "KEY_COUNT_MAX is too small");

static const struct {
    const char *name, *help;
} sections[SECTION_COUNT] = {
    {"scenario", "What the experiment is called."},
    {"target", "The service: where it is, how it starts, what is measured. "
               "At most one of command, pid, pidfile, port and cgroup."},
    {"load", "How much load, for how long."},
    {"request", "One kind of request. Sections [request NAME], as many as "
                "there are kinds."},
    {"flow", "A user's path through several requests: values captured in one "
             "step serve the next. Sections [flow NAME]."},
    {"data", "Names for CSV files."},
    {"replay", "Recorded requests instead of weights."},
    {"sample", "What is measured, how often."},
    {"verdict", "What counts as a leak."},
};

const struct key *key_at(size_t i)
{
    return i < NKEYS ? &keys[i] : NULL;
}

const char *section_name(enum key_section s)
{
    return s < SECTION_COUNT ? sections[s].name : NULL;
}

const char *section_help(enum key_section s)
{
    return sections[s].help;
}

enum key_section section_find(const char *word, size_t n)
{
    for (int s = 0; s < SECTION_COUNT; s++)
        if (strlen(sections[s].name) == n &&
            memcmp(sections[s].name, word, n) == 0)
            return (enum key_section)s;
    return SECTION_COUNT;
}

bool section_is_named(enum key_section s)
{
    return s == SECTION_REQUEST || s == SECTION_FLOW;
}

/* Length of a pattern's fixed front: "env." of "env.NAME"; the whole length
 * for a plain key. */
static size_t fixed_length(const char *name)
{
    size_t n = 0;

    while (name[n] != '\0' && !isupper((unsigned char)name[n]))
        n++;
    return n;
}

const struct key *key_find(enum key_section section, const char *name,
                           const char **arg)
{
    const struct key *found = NULL;

    *arg = NULL;
    for (size_t i = 0; i < NKEYS; i++) {
        const struct key *k = &keys[i];
        size_t n = fixed_length(k->name);

        if (k->section != section)
            continue;
        if (k->name[n] == '\0' && strcmp(k->name, name) == 0) {
            *arg = NULL;
            return k;
        }
        if (k->name[n] != '\0' && strncmp(k->name, name, n) == 0 &&
            name[n] != '\0') {
            found = k;
            *arg = name + n;
        }
    }
    return found;
}

/* What other load tools call it, and what it is here. */
static const struct {
    enum key_section section;
    const char *words, *hint; /* words stand between spaces */
} elsewhere[] = {
    {SECTION_LOAD, " duration time runtime run_time length period ",
     "blocks = 10 and block = 30s make five minutes; max_time ends a run at "
     "the latest"},
    {SECTION_LOAD, " qps rps tps arrival_rate throughput requests_per_second ",
     "it is called rate: rate = 200/s"},
    {SECTION_LOAD, " vus clients concurrency virtual_users workers ",
     "it is called users in a closed model, connections beside a rate"},
    {SECTION_LOAD, " iterations requests count number num total ",
     "block counts requests: blocks = 10, block = 500 requests"},
    {SECTION_LOAD, " think_time sleep pause wait wait_time pacing ",
     "it is called think: think = 100ms..300ms"},
    {SECTION_REQUEST, " body_params data payload json ",
     "it is called body, or body_file"},
    {SECTION_REQUEST, " verb ", "it is called method"},
    {SECTION_REQUEST, " uri endpoint route ", "it is called path"},
    {SECTION_REQUEST, " status status_code assert check ",
     "it is called expect: expect = 201"},
    {SECTION_TARGET, " host address base_url base endpoint server ",
     "it is called url: url = http://127.0.0.1:8000"},
    {SECTION_TARGET, " health healthcheck health_check readiness wait_for ",
     "it is called ready: ready = GET /health within 30s"},
    {SECTION_TARGET, " exec run program start ", "it is called command"},
    {SECTION_TARGET, " dir directory chdir workdir ", "it is called cwd"},
    {SECTION_TARGET, " env environment ", "one key each: env.NAME = value"},
    {SECTION_SAMPLE, " interval period frequency ",
     "it is called every: every = 500ms"},
    {SECTION_VERDICT, " threshold max_growth tolerance max_leak ",
     "a tolerance is set per metric: rss = 64 B/request"},
};

const char *key_elsewhere(enum key_section section, const char *name)
{
    char word[32];
    int n = snprintf(word, sizeof word, " %s ", name);

    if (n < 0 || (size_t)n >= sizeof word || strchr(name, ' ') != NULL)
        return NULL;
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (elsewhere[i].section == section &&
            strstr(elsewhere[i].words, word) != NULL)
            return elsewhere[i].hint;
    return NULL;
}

/* Offers one candidate and, when it is the nearest so far, keeps its text. */
static void offer(const char *name, const char *candidate, char *out,
                  size_t size, bool *any, size_t *distance)
{
    const char *best = *any ? out : NULL;

    suggest_offer(name, candidate, &best, distance);
    if (best != candidate)
        return;
    snprintf(out, size, "%s", candidate);
    *any = true;
}

const char *key_suggest(enum key_section section, const char *name, char *out,
                        size_t size)
{
    const char *dot = strchr(name, '.');
    const struct metric *m;
    size_t distance = 0;
    bool any = false;
    char text[96];

    for (size_t i = 0; i < NKEYS; i++) {
        const struct key *k = &keys[i];
        size_t n = fixed_length(k->name);

        if (k->section != section || n == 0)
            continue;
        if (k->name[n] == '\0') {
            offer(name, k->name, out, size, &any, &distance);
        } else if (dot != NULL) {
            snprintf(text, sizeof text, "%.*s%s", (int)n, k->name, dot + 1);
            offer(name, text, out, size, &any, &distance);
        } else {
            snprintf(text, sizeof text, "%.*s", (int)n - 1, k->name);
            if (suggest_distance(name, text) <= 1) {
                snprintf(out, size, "%s", k->name);
                return out;
            }
        }
    }
    for (int i = 0; section == SECTION_VERDICT && (m = metric_at(i)); i++) {
        if (m->tolerance != NULL)
            offer(name, m->tolerance, out, size, &any, &distance);
        offer(name, m->name, out, size, &any, &distance);
    }
    return any ? out : NULL;
}
