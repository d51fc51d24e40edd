/* [verdict] of a recorded scenario, for judging it again. */
#include "harness/base/file.h"
#include "harness/model/scenario_reader.h"
#include "harness/model/value.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *value_in(const struct ini_doc *doc, const char *section,
                            const char *key)
{
    for (size_t i = 0; i < doc->n; i++) {
        const struct ini_section *s = &doc->sections[i];

        for (size_t k = 0; strcmp(s->name, section) == 0 && k < s->n; k++)
            if (strcmp(s->at[k].key, key) == 0)
                return s->at[k].value;
    }
    return NULL;
}

/* Reads the policy of an INI text with `sets` applied. Mistakes go to `m`;
 * what they concern keeps its default. Returns -1 when it is no INI at all. */
static int read_policy(const char *text, size_t len, const char *file,
                       char *const *sets, size_t nsets, struct policy *p,
                       struct mistakes *m)
{
    struct scenario sc = {0};
    struct reader r = {.sc = &sc, .m = m, .file = file, .custom_metrics = true};
    const char *rate, *limit, *connections;
    int64_t most;
    int rc = -1;

    policy_default(&sc.policy);
    if (ini_read(text, len, file, &r.doc, m) != 0)
        goto out;
    reader_apply_sets(&r, sets, nsets);
    rate = value_in(&r.doc, "load", "rate");
    limit = value_in(&r.doc, "target", "memory_limit");
    connections = value_in(&r.doc, "load", "connections");
    if (rate != NULL)
        value_rate(rate, &sc.policy.rate_rps, NULL);
    if (connections != NULL && value_whole(connections, &most, NULL) == 0 &&
        most > 0 && most <= INT_MAX)
        sc.policy.connections = (int)most;
    for (size_t i = 0; i < r.doc.n; i++)
        if (strcmp(r.doc.sections[i].name, "verdict") == 0)
            reader_section(&r, &r.doc.sections[i], SECTION_VERDICT, NULL, &sc,
                           0);
    if (limit != NULL && sc.policy.limit_bytes == 0)
        value_size(limit, &sc.policy.limit_bytes, NULL);
    *p = sc.policy;
    policy_default(&sc.policy);
    rc = 0;
out:
    scenario_release(&sc);
    reader_release(&r);
    return rc;
}

int scenario_load_policy(const char *path, struct policy *p, struct err *err)
{
    struct mistakes m;
    char *text;
    size_t len;
    int rc;

    if (file_read(path, INI_FILE_MAX, &text, &len, err) != 0)
        return -1;
    mistakes_init(&m);
    rc = read_policy(text, len, path, NULL, 0, p, &m);
    if (rc != 0)
        err_set(err, "%s: %s", path, m.n > 0 ? m.at[0].text : "unreadable");
    mistakes_release(&m);
    free(text);
    return rc;
}

int scenario_adjust_policy(const char *text, char *const *sets, size_t nsets,
                           struct policy *p, struct mistakes *m)
{
    static const char file[] = "scenario.ini";
    struct policy old, new;
    struct mistakes before;
    size_t known = 0;

    mistakes_init(&before);
    if (text != NULL &&
        read_policy(text, strlen(text), file, NULL, 0, &old, &before) == 0) {
        known = before.n;
        policy_release(&old);
    } else {
        text = ""; /* nothing recorded that could be read */
    }
    mistakes_release(&before);
    if (read_policy(text, strlen(text), file, sets, nsets, &new, m) != 0)
        return -1;
    if (m->n > known) {
        policy_release(&new);
        return -1;
    }
    /* What was wrong in the recorded file already is no mistake of now. */
    mistakes_release(m);
    mistakes_init(m);
    policy_release(p);
    *p = new;
    return 0;
}
