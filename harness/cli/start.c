#include "harness/cli/start.h"

#include "harness/base/buf.h"
#include "harness/base/file.h"
#include "harness/cli/judge.h"
#include "harness/cli/native.h"
#include "harness/cli/result.h"
#include "harness/model/rundir.h"
#include "harness/sampler/agent/agent.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_FILE = 256 << 20 };

int start_complain(struct mistakes *m)
{
    struct buf text;

    buf_init(&text, 4u << 20);
    mistakes_write(m, &text);
    fputs(buf_str(&text), stderr);
    result_remember(buf_str(&text));
    buf_release(&text);
    return EXIT_USAGE;
}

int start_load_observed(const char *path, char *const *sets, size_t nsets,
                        struct scenario *out, struct mistakes *m)
{
    char *text = NULL;
    size_t len = 0;
    struct err err;
    int rc;

    if (path != NULL && file_read(path, MAX_FILE, &text, &len, &err) != 0) {
        mistakes_add(m, path, 0, NULL, "%s", err.msg);
        return -1;
    }
    rc = scenario_load_text(text != NULL ? text : "", len,
                            path != NULL ? path : "observe", sets, nsets,
                            SCENARIO_NO_LOAD, out, m);
    free(text);
    return rc;
}

int start_and_report(struct scenario *sc, const struct conductor_config *cfg,
                     const struct options *o)
{
    struct conductor_result result = {.dir = NULL};
    struct options report = *o;
    struct err err = {""};
    char *agent = NULL;
    int code;

    if (cfg->out_dir != NULL && rundir_may_be(cfg->out_dir, &err) != 0) {
        complain("--out %s", err.msg);
        return EXIT_USAGE;
    }
    if (sc->sample.python == PYTHON_AGENT && sc->target.command != NULL &&
        agent_prepare(sc, &agent, &err) != 0) {
        complain("%s", err.msg);
        return EXIT_HARNESS;
    }
    native_warn(sc);
    if (conductor_run(cfg, &result, &err) != 0) {
        complain("%s", err.msg);
        code = EXIT_HARNESS;
    } else {
        if (result.ending.target_failed)
            complain("%s", result.ending.detail);
        native_pass(cfg, result.dir, &result.ending);
        report.out_dir = NULL; /* the reports go into the run directory */
        code = judge_and_report(result.dir, &report);
    }
    agent_remove(&agent);
    free(result.dir);
    return code;
}
