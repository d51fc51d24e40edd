/* [verdict] of a recorded scenario, for judging it again. */
#include "harness/base/file.h"
#include "harness/model/scenario_reader.h"
#include "harness/model/value.h"

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

int scenario_load_policy(const char *path, struct policy *p, struct err *err)
{
    struct scenario sc = {0};
    struct mistakes m;
    struct reader r = {.sc = &sc, .m = &m, .file = path,
                       .custom_metrics = true};
    const char *rate, *limit;
    char *text;
    size_t len;
    int rc = -1;

    if (file_read(path, INI_FILE_MAX, &text, &len, err) != 0)
        return -1;
    mistakes_init(&m);
    policy_default(&sc.policy);
    if (ini_read(text, len, path, &r.doc, &m) != 0) {
        err_set(err, "%s: %s", path, m.n > 0 ? m.at[0].text : "unreadable");
        goto out;
    }
    rate = value_in(&r.doc, "load", "rate");
    limit = value_in(&r.doc, "target", "memory_limit");
    if (rate != NULL)
        value_rate(rate, &sc.policy.rate_rps, NULL);
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
    mistakes_release(&m);
    free(text);
    return rc;
}
