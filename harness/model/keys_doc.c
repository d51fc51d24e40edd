/* What people read of keys.def: the README's reference and the help. */
#include "harness/model/keys.h"
#include "harness/model/metric.h"

#include <string.h>

/* Puts `s` into a table's cell; '|' would end it. */
static void add_cell(struct buf *out, const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '|')
            buf_addc(out, '\\');
        buf_addc(out, *s);
    }
}

/* The words of an enumeration, parted by commas. */
static void add_words(struct buf *out, const char *words)
{
    for (; *words != '\0'; words++)
        if (*words == ' ')
            buf_adds(out, ", ");
        else
            buf_addc(out, *words);
}

static void add_type(struct buf *out, const struct key *k)
{
    if (k->type->title != NULL)
        buf_adds(out, k->type->title);
    else
        add_words(out, k->words);
}

static void add_default(struct buf *out, const struct key *k, bool markdown)
{
    const char *quote = markdown ? "`" : "";

    if (k->fallback == NULL)
        return;
    if (k->fallback[0] == '~')
        buf_adds(out, k->fallback + 1);
    else
        buf_addf(out, "%s%s%s", quote, k->fallback, quote);
}

static void add_title(struct buf *out, enum key_section s)
{
    buf_addf(out, "[%s%s]", section_name(s),
             section_is_named(s) ? " NAME" : "");
}

/* The names that stand for METRIC in [verdict]. */
static void add_metrics(struct buf *out, bool markdown)
{
    const struct metric *m;
    bool first = true;

    for (int i = 0; (m = metric_at(i)) != NULL; i++) {
        if (m->tolerance == NULL)
            continue;
        buf_addf(out, "%s%s%s%s", first ? "" : ", ", markdown ? "`" : "",
                 m->tolerance, markdown ? "`" : "");
        first = false;
    }
}

static void add_markdown_row(struct buf *out, const struct key *k)
{
    buf_addf(out, "| `%s` | ", k->name);
    add_type(out, k);
    buf_adds(out, " | ");
    add_default(out, k, true);
    buf_adds(out, " | ");
    add_cell(out, k->help);
    buf_adds(out, " | `");
    if (strchr(k->name, '.') == NULL && strcmp(k->name, "METRIC") != 0 &&
        strcmp(k->name, "NAME") != 0)
        buf_addf(out, "%s = ", k->name);
    else if (strcmp(k->name, "METRIC") == 0)
        buf_adds(out, "pss = ");
    else if (strcmp(k->name, "NAME") == 0)
        buf_adds(out, "skus = ");
    add_cell(out, k->example);
    buf_adds(out, "` |\n");
}

void keys_write_markdown(struct buf *out)
{
    const struct key *k;

    for (int s = 0; s < SECTION_COUNT; s++) {
        buf_addf(out, "%s### `", s > 0 ? "\n" : "");
        add_title(out, (enum key_section)s);
        buf_addf(out, "`\n\n%s\n\n", section_help((enum key_section)s));
        buf_adds(out, "| key | value | default | meaning | example |\n"
                      "|---|---|---|---|---|\n");
        for (size_t i = 0; (k = key_at(i)) != NULL; i++)
            if ((int)k->section == s)
                add_markdown_row(out, k);
    }
    buf_adds(out, "\n`METRIC` is one of ");
    add_metrics(out, true);
    buf_adds(out, ", a metric's full name in `samples.csv`, or a metric of a "
                  "`command.NAME` or `http.NAME`.\n");
}

static void add_help_row(struct buf *out, const struct key *k)
{
    buf_addf(out, "  %-13s ", k->name);
    add_type(out, k);
    if (k->fallback != NULL) {
        buf_adds(out, "; default ");
        add_default(out, k, false);
    }
    buf_addf(out, "\n                %s\n                e.g. %s\n", k->help,
             k->example);
}

bool keys_write_help(struct buf *out, const char *section)
{
    enum key_section only = SECTION_COUNT;
    const struct key *k;

    if (section != NULL) {
        only = section_find(section, strlen(section));
        if (only == SECTION_COUNT)
            return false;
    }
    for (int s = 0; s < SECTION_COUNT; s++) {
        if (only != SECTION_COUNT && s != (int)only)
            continue;
        add_title(out, (enum key_section)s);
        buf_addf(out, "  %s\n", section_help((enum key_section)s));
        for (size_t i = 0; (k = key_at(i)) != NULL; i++)
            if ((int)k->section == s)
                add_help_row(out, k);
        if (s == SECTION_VERDICT) {
            buf_adds(out, "  METRIC is one of: ");
            add_metrics(out, false);
            buf_addc(out, '\n');
        }
        buf_addc(out, '\n');
    }
    return true;
}
