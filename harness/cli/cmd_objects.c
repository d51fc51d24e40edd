/* plateau objects: what lives in a process, counted from outside. */
#include "harness/cli/cmd_objects.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/proctree.h"
#include "harness/cli/objects_holders.h"
#include "harness/cli/objects_view.h"
#include "harness/cli/options.h"
#include "harness/cli/result.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_ROWS 20
#define OUTPUT_MAX (256u << 20)
#define NOTES_MAX 64
#define SAMPLES 16 /* instances followed by --holders */

static bool tree, freeze_it;
static const char *top_text, *watch_text, *holders_type;

static const struct flag flags[] = {
    {"--top", "N", "rows of the table (default 20; --json: all)", NULL,
     &top_text},
    {"--watch", "TIME", "again every TIME (5s, 500ms, 2m), with the growth",
     NULL, &watch_text},
    {"--tree", NULL, "the process and all its descendants", &tree, NULL},
    {"--holders", "TYPE",
     "who keeps the objects of TYPE (module.qualname) alive", NULL,
     &holders_type},
    {"--freeze", NULL,
     "stop the process for a moment and walk its collector's lists", &freeze_it,
     NULL},
};

static const struct command_help help = {
    .usage = "plateau objects PID [--top N] [--watch TIME] [--tree] "
             "[--freeze] [flags]",
    .summary =
        "Counts the objects of a live CPython process (3.6 to 3.15) by type, "
        "from outside:\nnothing is installed in it, and without --freeze it is "
        "never stopped. Of any\nother glibc process it shows the native heap. "
        "With --watch --json: one document per line.",
    .examples = "  plateau objects 4711\n"
                "  plateau objects 4711 --tree --watch 5s\n"
                "  plateau objects 4711 --json --top 5\n"
                "  plateau objects 4711 --holders shop.Session\n",
    .flags = flags,
    .nflags = sizeof flags / sizeof *flags,
};

/* One process that is read again and again. */
struct subject {
    struct proc_id id;
    struct census_reader *reader;
    bool failed; /* cannot be read: said once */
};

struct objects {
    struct options o;
    int64_t pid;
    size_t top;
    int64_t every_ns; /* 0: once */
    struct proctree *tree;
    struct subject *subjects;
    size_t nsubjects, cap;
    char *notes[NOTES_MAX];
    size_t nnotes;
    struct census before, first;
    bool have_first;
    int64_t began_ns;
};

/* "5s", "500ms", "2m" in ns; a plain number is seconds. -1: no time. */
static int64_t parse_time(const char *s)
{
    char *end;
    double v = strtod(s, &end);
    double unit = strcmp(end, "ms") == 0               ? 1e6
                  : strcmp(end, "s") == 0 || *end == 0 ? 1e9
                  : strcmp(end, "m") == 0              ? 60e9
                                                       : 0;

    if (end == s || unit == 0 || !(v * unit >= 1e6) || v * unit > 1e15)
        return -1;
    return (int64_t)(v * unit);
}

static bool parse_whole(const char *s, int64_t max, int64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoll(s, &end, 10);
    return end != s && *end == '\0' && errno == 0 && *out > 0 && *out <= max;
}

/* Reads the arguments; names the first mistake. */
static bool read_arguments(struct objects *x)
{
    int64_t n;

    if (x->o.nargs != 1) {
        complain("objects wants one PID (see plateau objects --help)");
        return false;
    }
    if (!parse_whole(x->o.args[0], INT32_MAX, &x->pid)) {
        complain("'%s' is no process id: a whole number is wanted",
                 x->o.args[0]);
        return false;
    }
    x->top = x->o.json ? 0 : TEXT_ROWS;
    if (top_text) {
        if (!parse_whole(top_text, INT32_MAX, &n)) {
            complain("--top wants a whole number above 0, not '%s'", top_text);
            return false;
        }
        x->top = (size_t)n;
    }
    if (watch_text && (x->every_ns = parse_time(watch_text)) < 0) {
        complain("--watch wants a time such as 5s or 500ms, not '%s'",
                 watch_text);
        return false;
    }
    return true;
}

static void add_note(struct objects *x, const char *text)
{
    for (size_t i = 0; i < x->nnotes; i++)
        if (strcmp(x->notes[i], text) == 0)
            return;
    if (x->nnotes < NOTES_MAX)
        x->notes[x->nnotes++] = mem_strdup(text);
}

static bool known(const struct objects *x, struct proc_id id)
{
    for (size_t i = 0; i < x->nsubjects; i++)
        if (x->subjects[i].id.pid == id.pid &&
            x->subjects[i].id.start == id.start)
            return true;
    return false;
}

/* Brings the subjects up to date with the process tree. */
static void find_subjects(struct objects *x)
{
    if (!x->tree) {
        struct proc_stat st;

        if (x->nsubjects == 0 && procfs_stat(x->pid, &st) == 0) {
            x->subjects = mem_zalloc(1, sizeof *x->subjects);
            x->subjects[x->nsubjects++].id = st.id;
        }
        return;
    }
    proctree_scan(x->tree, NULL, NULL);
    for (size_t i = 0; i < proctree_count(x->tree); i++) {
        struct proc_id id = proctree_at(x->tree, i)->id;

        if (known(x, id))
            continue;
        x->subjects =
            mem_grow(x->subjects, x->nsubjects, &x->cap, sizeof *x->subjects);
        x->subjects[x->nsubjects++] = (struct subject){.id = id};
    }
}

/* A census of one subject into `p`. Returns false when there is none. */
static bool take_one(struct objects *x, struct subject *s,
                     struct objects_process *p)
{
    struct census_options how = {.freeze = freeze_it,
                                 .garbage_ns = 10 * CLOCK_NS_PER_S};
    struct err err = {""};
    const char *text;

    if (s->failed)
        return false;
    if (!s->reader && !(s->reader = census_open(s->id.pid, &err))) {
        s->failed = true;
        add_note(x, err.msg);
        return false;
    }
    p->pid = s->id.pid;
    if (census_take(s->reader, &how, &p->census, &err) != 0) {
        census_close(&s->reader);
        s->failed = true;
        /* In a tree, processes come and go. */
        if (!x->tree || procfs_alive(s->id))
            add_note(x, err.msg);
        return false;
    }
    for (size_t i = 0; (text = census_note(s->reader, i)) != NULL; i++)
        add_note(x, text);
    return true;
}

static void print(struct objects *x, const struct objects_view *v)
{
    struct buf out;

    buf_init(&out, OUTPUT_MAX);
    if (x->o.json)
        objects_json(v, &out);
    else
        objects_text(v, &out);
    if (!x->o.json && x->every_ns)
        buf_addc(&out, '\n');
    result_print(&out);
    buf_release(&out);
}

/* Takes and shows one census of all subjects. Returns false when none of them
 * could be read. */
static bool census_all(struct objects *x)
{
    struct objects_process *done;
    struct census sum = {0};
    struct objects_view v = {.watch = x->every_ns > 0, .freeze = freeze_it};
    size_t n = 0;

    find_subjects(x);
    done = mem_zalloc(x->nsubjects + 1, sizeof *done);
    for (size_t i = 0; i < x->nsubjects; i++)
        if (take_one(x, &x->subjects[i], &done[n]))
            n++;
    for (size_t i = 0; i < n; i++)
        census_add(&sum, &done[i].census);
    if (n > 0) {
        v.processes = done;
        v.nprocesses = n;
        v.sum = &sum;
        v.before = x->have_first ? &x->before : NULL;
        v.first = x->have_first ? &x->first : NULL;
        v.notes = x->notes;
        v.nnotes = x->nnotes;
        v.t_s = (double)(clock_now_ns() - x->began_ns) / 1e9;
        v.top = x->top;
        print(x, &v);
    }
    for (size_t i = 0; i < n; i++)
        census_release(&done[i].census);
    free(done);
    if (n > 0 && !x->have_first) {
        x->have_first = true;
        census_add(&x->first, &sum);
    }
    census_release(&x->before);
    x->before = sum;
    return n > 0;
}

/* Who holds the type, told by the process that has most of it. */
static int show_holders(struct objects *x)
{
    struct holders best = {0};
    struct err err = {""};
    int64_t pid = 0;
    struct buf out;

    find_subjects(x);
    for (size_t i = 0; i < x->nsubjects; i++) {
        struct subject *s = &x->subjects[i];
        struct holders h;

        s->reader = census_open(s->id.pid, &err);
        if (!s->reader || holders_find(s->reader, holders_type, SAMPLES, NULL,
                                       0, &h, &err) != 0)
            continue;
        if (pid && h.instances <= best.instances) {
            holders_release(&h);
            continue;
        }
        holders_release(&best);
        best = h;
        pid = s->id.pid;
    }
    if (!pid) {
        complain("%s", err.msg);
        return EXIT_TARGET;
    }
    buf_init(&out, OUTPUT_MAX);
    objects_holders(pid, holders_type, &best, x->o.json, &out);
    result_print(&out);
    buf_release(&out);
    holders_release(&best);
    return EXIT_PASS;
}

/* Once, or until the process has ended. */
static int census_loop(struct objects *x)
{
    struct proc_stat st;
    int64_t due = clock_now_ns();
    int rounds = 0;

    x->began_ns = due;
    if (procfs_stat(x->pid, &st) != 0 || !procfs_runs(&st)) {
        complain("process %" PRId64 ": no such process", x->pid);
        return EXIT_TARGET;
    }
    if (tree) {
        x->tree = proctree_new(0);
        proctree_add(x->tree, st.id);
    }
    if (holders_type)
        return show_holders(x);
    while (census_all(x)) {
        rounds++;
        if (!x->every_ns)
            return EXIT_PASS;
        due += x->every_ns;
        clock_sleep_until(due);
        if (!procfs_alive(st.id)) {
            complain("process %" PRId64 " has ended", x->pid);
            return EXIT_PASS;
        }
    }
    for (size_t i = 0; i < x->nnotes; i++)
        complain("%s", x->notes[i]);
    return rounds ? EXIT_PASS : EXIT_TARGET;
}

static void release(struct objects *x)
{
    for (size_t i = 0; i < x->nsubjects; i++)
        census_close(&x->subjects[i].reader);
    free(x->subjects);
    for (size_t i = 0; i < x->nnotes; i++)
        free(x->notes[i]);
    census_release(&x->before);
    census_release(&x->first);
    proctree_free(x->tree);
    options_release(&x->o);
}

int cmd_objects(int argc, char **argv)
{
    struct objects x = {.pid = 0};
    int code = EXIT_USAGE;

    if (options_parse(argc, argv, &help, &x.o, &code)) {
        code = EXIT_USAGE;
        if (read_arguments(&x))
            code = census_loop(&x);
    }
    release(&x);
    return code;
}
