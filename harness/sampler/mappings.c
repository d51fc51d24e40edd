#include "harness/sampler/mappings.h"

#include "harness/base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAMES = 1000 };

static struct mapping *row_of(struct mappings *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->at[i].name, name) == 0)
            return &m->at[i];
    if (m->n == MOST_NAMES)
        return NULL;
    m->at = mem_grow(m->at, m->n, &m->cap, sizeof *m->at);
    m->at[m->n] = (struct mapping){.private_bytes = 0};
    snprintf(m->at[m->n].name, sizeof m->at[m->n].name, "%s", name);
    return &m->at[m->n++];
}

/* "7f00-7f10 rw-p 00000000 00:00 0   [heap]\n": the name behind the fifth
 * field; "anonymous" when there is none. NULL when it is no header line. */
static const char *header_name(char *line)
{
    char *p = line;

    if (!isxdigit((unsigned char)*p) || isupper((unsigned char)*p))
        return NULL;
    for (int field = 0; field < 5; field++) {
        p += strcspn(p, " \n");
        p += strspn(p, " ");
    }
    p[strcspn(p, "\n")] = '\0';
    return *p != '\0' ? p : "anonymous";
}

int mappings_read(int64_t pid, struct mappings *m)
{
    char path[64], line[4600];
    struct mapping *row = NULL;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%lld/smaps", (long long)pid);
    f = fopen(path, "re");
    if (f == NULL)
        return -1;
    while (fgets(line, sizeof line, f) != NULL) {
        const char *name = header_name(line);
        double kib;

        if (name != NULL)
            row = row_of(m, name);
        else if (row != NULL &&
                 (sscanf(line, "Private_Dirty: %lf kB", &kib) == 1 ||
                  sscanf(line, "Private_Clean: %lf kB", &kib) == 1))
            row->private_bytes += kib * 1024;
    }
    fclose(f);
    return 0;
}

double mappings_bytes(const struct mappings *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->at[i].name, name) == 0)
            return m->at[i].private_bytes;
    return 0;
}

void mappings_release(struct mappings *m)
{
    free(m->at);
    *m = (struct mappings){.n = 0};
}
