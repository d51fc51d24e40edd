/* The fixture with hostile bytes in every text that comes from outside. */
#ifndef PLATEAU_TESTS_REPORTS_HOSTILE_H
#define PLATEAU_TESTS_REPORTS_HOSTILE_H

#include "tests/unit/reports/fixture.h"

/* Escape sequences, a C1 control, a bidirectional override, bad UTF-8, markup,
 * quotes, shell and gnuplot and formula and Markdown syntax, CDATA's end. */
#define HOSTILE                                                                \
    "=x\x1b[31m\xC2\x9B\xE2\x80\xAE\xFF\xC0\xAF</script><script>alert(1)"      \
    "</script><img src=x onerror=alert(1)>\"'`id`$(id)|@a;![a](javascript:b)"  \
    "]]>&amp;\r\n{\\\xF0\x9F"

static inline void hostile_put(char **at)
{
    free(*at);
    *at = mem_strdup(HOSTILE);
}

static inline void hostile_series(struct series *s)
{
    for (size_t i = 0; i < s->ncolumns; i += 2) {
        struct column *c = &s->columns[i];
        struct metric m = c->metric;

        hostile_put(&c->name);
        m.name = m.title = c->name;
        c->metric = m;
    }
}

static inline void hostile_record(struct record *r)
{
    char **const texts[] = {&r->name,         &r->end_detail,   &r->started_utc,
                            &r->tool_version, &r->host,         &r->kernel,
                            &r->command,      &r->url,          &r->engine,
                            &r->engine_why,   &r->scenario_text};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        hostile_put(texts[i]);
    for (size_t i = 0; i < r->nkinds; i++)
        hostile_put(&r->kinds[i].name);
    free(r->drivers); /* none in the fixture, but room for one */
    r->ndrivers = 1;
    r->drivers = mem_zalloc(1, sizeof *r->drivers);
    hostile_put(&r->drivers[0].name);
    r->nsteps = 1; /* and its seconds */
    r->steps = mem_zalloc(1, sizeof *r->steps);
    hostile_put(&r->steps[0]);
    r->seconds[0].kind = -1;
    for (size_t i = 0; i < r->nevents; i++) {
        hostile_put(&r->events[i].what);
        hostile_put(&r->events[i].detail);
    }
    for (size_t i = 0; i < r->nprocesses; i++)
        hostile_put(&r->processes[i].command);
    for (size_t i = 0; i < r->nnotes; i++)
        hostile_put(&r->notes[i]);
    hostile_series(&r->samples);
    hostile_series(&r->barriers);
    r->end = RUN_INTERRUPTED;
}

static inline void hostile_diagnosis(struct diagnosis *d)
{
    hostile_put(&d->method);
    for (size_t i = 0; i < d->nchains; i++) {
        hostile_put(&d->chains[i].type);
        hostile_put(&d->chains[i].text);
        d->chains[i].found = d->chains[i].sampled / 2;
        hostile_put(&d->chains[i].bound.container);
        hostile_put(&d->chains[i].bound.entry);
        d->chains[i].bound.size = 812;
        d->chains[i].bound.limit = 5000;
        d->chains[i].bound.share = 1;
        hostile_put(&d->chains[i].deep.holder);
        d->chains[i].deep.bytes = 812;
    }
    for (size_t i = 0; i < d->nsites; i++) {
        hostile_put(&d->sites[i].where);
        hostile_put(&d->sites[i].trace);
    }
    for (size_t i = 0; i < d->nmappings; i++)
        hostile_put(&d->mappings[i].name);
    diagnosis_add_native(d, &(struct diagnosis_site){.where = HOSTILE,
                                                     .trace = HOSTILE,
                                                     .bytes_per_request = 9});
    d->native_tool = mem_strdup(HOSTILE);
    diagnosis_note(d, "%s", HOSTILE);
}

/* Fills an inline text, cut where it ends. */
static inline void hostile_fill(char *to, size_t size)
{
    size_t n = strlen(HOSTILE) < size - 1 ? strlen(HOSTILE) : size - 1;

    memcpy(to, HOSTILE, n);
    to[n] = '\0';
}

static inline void hostile_verdict(struct verdict *v)
{
    hostile_fill(v->reason, sizeof v->reason);
    for (size_t i = 0; i < v->nblames; i++)
        v->blames[i].by = i % 2 == 0 ? BLAME_DRIVER : BLAME_EITHER;
    hostile_fill(v->cause.class, sizeof v->cause.class);
    hostile_fill(v->cause.text, sizeof v->cause.text);
    hostile_fill(v->advice, sizeof v->advice);
    hostile_fill(v->control_text, sizeof v->control_text);
    for (size_t i = 0; i < v->nfindings; i++) {
        struct finding *f = &v->findings[i];

        hostile_fill(f->name, sizeof f->name);
        snprintf(f->reason, sizeof f->reason, "%zu %s", i, HOSTILE);
        f->metric.role = METRIC_CUSTOM;
        f->metric.title = HOSTILE;
    }
    for (size_t i = 0; i < v->ntypes; i++)
        hostile_fill(v->types[i].type, sizeof v->types[i].type);
}

static inline void hostile_open(struct fixture *f)
{
    fixture_open(f, FIXTURE_LEAK);
    hostile_record(&f->record);
    hostile_diagnosis(&f->record.diagnosis);
    hostile_verdict(&f->verdict);
}

#endif
