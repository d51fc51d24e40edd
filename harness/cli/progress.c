#include "harness/cli/progress.h"

#include "harness/base/clock.h"
#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/cli/options.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct progress {
    bool quiet, live, color, drawn;
    char phase[200];
    int64_t last_line_ns;
};

struct progress *progress_open(bool quiet, bool color)
{
    struct progress *p = mem_zalloc(1, sizeof *p);

    p->quiet = quiet;
    p->live = options_width(stderr) > 0;
    p->color = color;
    p->last_line_ns = clock_now_ns();
    return p;
}

void progress_lines(struct progress *p)
{
    p->live = false;
}

static void erase(struct progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}

/* Formats and escapes: phases and warnings may carry the target's words. */
static char *safe_text(const char *fmt, va_list ap)
{
    struct buf out;
    char *s = NULL;

    if (vasprintf(&s, fmt, ap) < 0)
        s = NULL;
    buf_init(&out, 1 << 16);
    if (s != NULL)
        escape_text(&out, s, strlen(s));
    free(s);
    return buf_take(&out);
}

void progress_say(struct progress *p, const char *fmt, ...)
{
    va_list ap;
    char *s;

    if (p->quiet)
        return;
    va_start(ap, fmt);
    s = safe_text(fmt, ap);
    va_end(ap);
    erase(p);
    fprintf(stderr, "%s\n", s);
    free(s);
}

void progress_phase(struct progress *p, const char *fmt, ...)
{
    va_list ap;
    char *s;

    if (p->quiet)
        return;
    va_start(ap, fmt);
    s = safe_text(fmt, ap);
    va_end(ap);
    snprintf(p->phase, sizeof p->phase, "%s", s);
    free(s);
    if (p->live)
        return;
    fprintf(stderr, "plateau: %s\n", p->phase);
    p->last_line_ns = clock_now_ns();
}

static void describe(const struct progress_state *s, char *out, size_t max)
{
    size_t n = 0;

    out[0] = '\0';
    if (s->requests > 0)
        n += (size_t)snprintf(out + n, max - n, "  %llu requests",
                              (unsigned long long)s->requests);
    if (s->rate_rps > 0 && n < max)
        n += (size_t)snprintf(out + n, max - n, "  %.0f/s", s->rate_rps);
    if (isfinite(s->memory_bytes) && n < max)
        n += (size_t)snprintf(out + n, max - n, "  %s %.1f MiB", s->memory_name,
                              s->memory_bytes / 1048576);
    if (isfinite(s->memory_bytes) && isfinite(s->memory_first) && n < max)
        n += (size_t)snprintf(out + n, max - n, " (%+.1f)",
                              (s->memory_bytes - s->memory_first) / 1048576);
    if (s->errors > 0 && n < max)
        snprintf(out + n, max - n, "  %.0f errors", s->errors);
}

void progress_tick(struct progress *p, const struct progress_state *s)
{
    int64_t now = clock_now_ns();
    char text[256];
    int room = options_width(stderr) - 10 - (int)strlen(p->phase);

    if (p->quiet)
        return;
    describe(s, text, sizeof text);
    if (p->live) {
        fprintf(stderr, "\r\033[K%s%5.0f s  %s%s", p->color ? "\033[1m" : "",
                s->elapsed_s, p->phase, p->color ? "\033[0m" : "");
        fprintf(stderr, "%.*s", room > 0 ? room : 0, text);
        fflush(stderr);
        p->drawn = true;
        return;
    }
    if (now - p->last_line_ns < 60 * CLOCK_NS_PER_S)
        return;
    p->last_line_ns = now;
    fprintf(stderr, "plateau: %.0f s  %s%s\n", s->elapsed_s, p->phase, text);
}

void progress_close(struct progress **p)
{
    if (*p == NULL)
        return;
    erase(*p);
    free(*p);
    *p = NULL;
}
