/* What all readers share: methods, paths, times. */
#include "harness/import/recorded.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

const char *recorded_method(const char *s, size_t n)
{
    static const char *const methods[] = {"GET",   "HEAD",   "POST",   "PUT",
                                          "PATCH", "DELETE", "OPTIONS"};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strlen(methods[i]) == n && memcmp(methods[i], s, n) == 0)
            return methods[i];
    return NULL;
}

/* Bytes that a request line holds as they are; the rest is encoded, so that
 * whatever a log holds cannot become a second line or a template. */
static bool plain(unsigned char c)
{
    return c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}'", c) == NULL;
}

bool recorded_path(const char *target, size_t n, char *out, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t len = 0, skip = 0;

    if (n > 7 && strncasecmp(target, "http://", 7) == 0)
        skip = 7;
    else if (n > 8 && strncasecmp(target, "https://", 8) == 0)
        skip = 8;
    if (skip > 0) {
        while (skip < n && target[skip] != '/' && target[skip] != '?')
            skip++;
        target += skip;
        n -= skip;
        if (n == 0 || *target != '/')
            out[len++] = '/';
    } else if (n == 0 || *target != '/') {
        return false;
    }
    for (size_t i = 0; i < n && target[i] != '#'; i++) {
        unsigned char c = (unsigned char)target[i];

        if (c == '\0' || len + 4 > size)
            return false;
        if (plain(c)) {
            out[len++] = (char)c;
        } else {
            out[len++] = '%';
            out[len++] = hex[c >> 4];
            out[len++] = hex[c & 15];
        }
    }
    out[len] = '\0';
    return true;
}

/* Reads exactly `n` digits. */
static bool digits(const char **s, const char *end, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++, (*s)++) {
        if (*s >= end || !isdigit((unsigned char)**s))
            return false;
        *out = *out * 10 + (**s - '0');
    }
    return true;
}

static bool character(const char **s, const char *end, char c)
{
    if (*s >= end || **s != c)
        return false;
    (*s)++;
    return true;
}

/* "+0100", "+01:00", "Z": seconds east. */
static bool zone(const char **s, const char *end, int *east)
{
    int h, m, sign;

    *east = 0;
    if (*s >= end)
        return true;
    if (**s == 'Z' || **s == 'z') {
        (*s)++;
        return true;
    }
    if (**s != '+' && **s != '-')
        return false;
    sign = *(*s)++ == '-' ? -1 : 1;
    if (!digits(s, end, 2, &h))
        return false;
    character(s, end, ':');
    if (!digits(s, end, 2, &m))
        return false;
    *east = sign * (h * 3600 + m * 60);
    return true;
}

static int64_t to_us(struct tm *tm, int east, int micros)
{
    time_t t;

    if (tm->tm_mon < 0 || tm->tm_mon > 11 || tm->tm_mday < 1 ||
        tm->tm_mday > 31 || tm->tm_hour > 23 || tm->tm_min > 59 ||
        tm->tm_sec > 60)
        return INT64_MIN;
    tm->tm_year -= 1900;
    t = timegm(tm);
    return ((int64_t)t - east) * 1000000 + micros;
}

int64_t recorded_time_clf(const char *s, size_t n)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const char *end = s + n;
    struct tm tm = {0};
    int east;

    if (!digits(&s, end, 2, &tm.tm_mday) || !character(&s, end, '/') ||
        end - s < 3)
        return INT64_MIN;
    tm.tm_mon = -1;
    for (int i = 0; i < 12; i++)
        if (strncasecmp(s, months + (size_t)i * 3, 3) == 0)
            tm.tm_mon = i;
    s += 3;
    if (!character(&s, end, '/') || !digits(&s, end, 4, &tm.tm_year) ||
        !character(&s, end, ':') || !digits(&s, end, 2, &tm.tm_hour) ||
        !character(&s, end, ':') || !digits(&s, end, 2, &tm.tm_min) ||
        !character(&s, end, ':') || !digits(&s, end, 2, &tm.tm_sec))
        return INT64_MIN;
    character(&s, end, ' ');
    if (!zone(&s, end, &east))
        return INT64_MIN;
    return to_us(&tm, east, 0);
}

int64_t recorded_time_iso(const char *s, size_t n, bool *whole_seconds)
{
    const char *end = s + n;
    struct tm tm = {0};
    int east, micros = 0;

    *whole_seconds = true;
    if (!digits(&s, end, 4, &tm.tm_year) || !character(&s, end, '-') ||
        !digits(&s, end, 2, &tm.tm_mon) || !character(&s, end, '-') ||
        !digits(&s, end, 2, &tm.tm_mday) || s >= end ||
        (*s != 'T' && *s != 't' && *s != ' '))
        return INT64_MIN;
    s++;
    tm.tm_mon--;
    if (!digits(&s, end, 2, &tm.tm_hour) || !character(&s, end, ':') ||
        !digits(&s, end, 2, &tm.tm_min) || !character(&s, end, ':') ||
        !digits(&s, end, 2, &tm.tm_sec))
        return INT64_MIN;
    if (s < end && (*s == '.' || *s == ',')) {
        int scale = 100000;

        *whole_seconds = false;
        for (s++; s < end && isdigit((unsigned char)*s); s++, scale /= 10)
            micros += (*s - '0') * scale;
    }
    if (!zone(&s, end, &east))
        return INT64_MIN;
    return to_us(&tm, east, micros);
}

int recorded_read(enum import_format format, const char *text, size_t len,
                  const struct recorded_sink *sink, struct err *err)
{
    switch (format) {
    case IMPORT_COMMON:
    case IMPORT_COMBINED:
        return recorded_read_log(text, len, sink, err);
    case IMPORT_JSON:
        return recorded_read_json_lines(text, len, sink, err);
    case IMPORT_HAR:
        return recorded_read_har(text, len, sink, err);
    case IMPORT_FORMATS:
        break;
    }
    return err_set(err, "unknown format");
}
