#include "harness/model/value.h"

#include "harness/base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    double factor;
};

static const struct unit durations[] = {
    {"ns", 1},         {"us", 1e3},       {"ms", 1e6},       {"s", 1e9},
    {"sec", 1e9},      {"second", 1e9},   {"seconds", 1e9},  {"m", 60e9},
    {"min", 60e9},     {"minute", 60e9},  {"minutes", 60e9}, {"h", 3600e9},
    {"hour", 3600e9},  {"hours", 3600e9}, {"d", 86400e9},    {"day", 86400e9},
    {"days", 86400e9},
};

/* "M" alone is 1024-based, as in systemd and container limits; "MB" is not. */
static const struct unit sizes[] = {
    {"B", 1},        {"byte", 1},   {"bytes", 1},    {"K", 0x1p10},
    {"KiB", 0x1p10}, {"kB", 1e3},   {"KB", 1e3},     {"M", 0x1p20},
    {"MiB", 0x1p20}, {"MB", 1e6},   {"G", 0x1p30},   {"GiB", 0x1p30},
    {"GB", 1e9},     {"T", 0x1p40}, {"TiB", 0x1p40}, {"TB", 1e12},
    {"k", 0x1p10},
};

static const char *skip(const char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

/* Reads digits with an optional point and exponent. Gives the end, or NULL. */
static const char *read_number(const char *s, double *out)
{
    const char *p = skip(s);
    const char *digits = *p == '-' || *p == '+' ? p + 1 : p;
    char *end;

    if (!isdigit((unsigned char)*digits) &&
        !(*digits == '.' && isdigit((unsigned char)digits[1])))
        return NULL;
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
        return NULL;
    *out = strtod(p, &end);
    return isfinite(*out) ? end : NULL;
}

/* Reads a word of letters that is one of `units`. Gives the end, or NULL. */
static const char *read_unit(const char *s, const struct unit *units, size_t n,
                             double *factor)
{
    const char *p = skip(s);
    size_t len = 0;

    while (isalpha((unsigned char)p[len]))
        len++;
    for (size_t i = 0; i < n; i++)
        if (strlen(units[i].name) == len &&
            memcmp(units[i].name, p, len) == 0) {
            *factor = units[i].factor;
            return p + len;
        }
    return NULL;
}

/* "micro" signs in UTF-8, both of them, mean us. */
static const char *read_duration_unit(const char *s, double *factor)
{
    const char *p = skip(s);

    if (strncmp(p, "\xc2\xb5s", 3) == 0 || strncmp(p, "\xce\xbcs", 3) == 0) {
        *factor = 1e3;
        return p + 3;
    }
    return read_unit(p, durations, sizeof durations / sizeof *durations,
                     factor);
}

static const char *read_size_unit(const char *s, double *factor)
{
    return read_unit(s, sizes, sizeof sizes / sizeof *sizes, factor);
}

int value_number(const char *s, double *out, struct err *err)
{
    double v;
    const char *end = read_number(s, &v);

    if (end == NULL || *skip(end) != '\0')
        return err_set(err, "is not a number");
    *out = v;
    return 0;
}

int value_whole(const char *s, int64_t *out, struct err *err)
{
    const char *p = skip(s);
    char *end;
    long long v;

    if (!isdigit((unsigned char)(*p == '-' || *p == '+' ? p[1] : *p)))
        return err_set(err, "is not a whole number");
    errno = 0;
    v = strtoll(p, &end, 10);
    if (*skip(end) != '\0')
        return err_set(err, "is not a whole number");
    if (errno == ERANGE)
        return err_set(err, "is too large");
    *out = v;
    return 0;
}

/* Reads "1h30m". Gives the end, or NULL with the cause in `err`. */
static const char *read_duration(const char *s, int64_t *ns, struct err *err)
{
    double total = 0, v, factor;
    const char *p = skip(s);
    int parts = 0;

    while (isdigit((unsigned char)*p) || *p == '.') {
        const char *end = read_number(p, &v);
        const char *unit = end ? read_duration_unit(end, &factor) : NULL;

        if (unit == NULL && end != NULL && v == 0 && parts == 0 &&
            !isalpha((unsigned char)*skip(end))) {
            unit = end;
            factor = 1;
        }
        if (end != NULL && unit == NULL && *skip(end) == '\0') {
            err_set(err, "needs a unit: write 500ms, 20s, 4m, 1h or 7d");
            return NULL;
        }
        if (unit == NULL)
            break;
        total += v * factor;
        p = unit;
        if (++parts > 8)
            break;
    }
    if (parts == 0 || parts > 8) {
        err_set(err, "is not a duration: write 500ms, 20s, 4m, 1h or 7d");
        return NULL;
    }
    if (total > 9.2e18) {
        err_set(err, "is too long a time");
        return NULL;
    }
    *ns = (int64_t)llround(total);
    return p;
}

int value_duration(const char *s, int64_t *ns, struct err *err)
{
    int64_t v;
    const char *end = read_duration(s, &v, err);

    if (end == NULL)
        return -1;
    if (*skip(end) != '\0')
        return err_set(err,
                       "is not a duration: write 500ms, 20s, 4m, 1h or 7d");
    *ns = v;
    return 0;
}

int value_duration_range(const char *s, int64_t *min_ns, int64_t *max_ns,
                         struct err *err)
{
    const char *dots = strstr(s, "..");
    char low[64];
    int64_t a = 0, b = 0;

    if (dots == NULL) {
        if (value_duration(s, &a, err) != 0)
            return -1;
        *min_ns = *max_ns = a;
        return 0;
    }
    if ((size_t)(dots - s) >= sizeof low)
        return err_set(err, "is not a range: write 100ms..400ms");
    memcpy(low, s, (size_t)(dots - s));
    low[dots - s] = '\0';
    if (value_duration(low, &a, NULL) != 0 ||
        value_duration(dots + 2, &b, NULL) != 0)
        return err_set(err, "is not a range: write 100ms..400ms");
    if (a > b)
        return err_set(err, "is a range that ends before it begins");
    *min_ns = a;
    *max_ns = b;
    return 0;
}

int value_rate(const char *s, double *rps, struct err *err)
{
    static const struct unit words[] = {
        {"requests", 1}, {"request", 1}, {"req", 1}, {"rps", 1}, {"runs", 1}};
    double v, factor = 1, ignored;
    const char *p = read_number(s, &v), *q;
    bool rps_word;

    if (p == NULL)
        return err_set(err, "is not a rate: write 200/s or 1000/min");
    p = skip(p);
    rps_word = strncmp(p, "rps", 3) == 0;
    q = read_unit(p, words, sizeof words / sizeof *words, &ignored);
    p = skip(q != NULL ? q : p);
    if (*p == '/') {
        q = read_duration_unit(p + 1, &factor);
        if (q == NULL || *skip(q) != '\0')
            return err_set(err, "is not a rate: write 200/s or 1000/min");
        *rps = v / (factor / 1e9);
        return 0;
    }
    if (*p != '\0')
        return err_set(err, "is not a rate: write 200/s or 1000/min");
    if (!rps_word)
        return err_set(err, "needs a unit: write 200/s or 1000/min");
    *rps = v;
    return 0;
}

int value_size(const char *s, double *bytes, struct err *err)
{
    double v, factor = 1;
    const char *p = read_number(s, &v);

    if (p != NULL && *skip(p) != '\0')
        p = read_size_unit(p, &factor);
    if (p == NULL || *skip(p) != '\0')
        return err_set(err, "is not a size: write 64 B, 2 KiB, 5 MB or 1G");
    if (v < 0)
        return err_set(err, "is a negative size");
    *bytes = v * factor;
    return 0;
}

int value_share(const char *s, double *share, struct err *err)
{
    double v = 0;
    const char *p = read_number(s, &v);

    if (p == NULL)
        return err_set(err, "is not a share: write 95%% or 0.95");
    p = skip(p);
    if (*p == '%' && *skip(p + 1) == '\0')
        v /= 100;
    else if (*p != '\0')
        return err_set(err, "is not a share: write 95%% or 0.95");
    else if (v > 1)
        return err_set(err, "is over 1: did you mean %g%%?", v);
    if (v < 0 || v > 1)
        return err_set(err, "is not between 0 and 100%%");
    *share = v;
    return 0;
}

int value_length(const char *s, uint64_t *requests, int64_t *ns,
                 struct err *err)
{
    static const struct unit words[] = {
        {"requests", 1}, {"request", 1}, {"req", 1}};
    double v = 0, ignored;
    const char *p = read_number(s, &v);
    const char *q =
        p ? read_unit(p, words, sizeof words / sizeof *words, &ignored) : NULL;
    int64_t length = 0;

    if (q != NULL && *skip(q) == '\0') {
        if (v < 0 || v > 9e15 || v != floor(v))
            return err_set(err, "is not a whole number of requests");
        *requests = (uint64_t)v;
        *ns = 0;
        return 0;
    }
    if (p != NULL && *skip(p) == '\0' && v != 0)
        return err_set(err, "needs a unit: write '%.12g requests' or '%.12gs'",
                       v, v);
    if (value_duration(s, &length, NULL) != 0)
        return err_set(err, "is neither a number of requests nor a duration: "
                            "write 2000 requests or 30s");
    *requests = 0;
    *ns = length;
    return 0;
}

int value_tolerance(const char *s, bool bytes, double *value,
                    enum tolerance_per *per, struct err *err)
{
    const char *help = bytes ? "write 64 B/request or 5 MB/hour"
                             : "write 0.01/request or 100/hour";
    double v, factor = 1;
    const char *p = read_number(s, &v), *q;

    if (p == NULL)
        return err_set(err, "is not a tolerance: %s", help);
    q = read_size_unit(p, &factor);
    if (q != NULL && !bytes)
        return err_set(err, "gives bytes for something that is counted: %s",
                       help);
    p = skip(q != NULL ? q : p);
    if (*p == '\0')
        return err_set(err, "needs 'per what': %s", help);
    if (*p != '/')
        return err_set(err, "is not a tolerance: %s", help);
    p = skip(p + 1);
    if (strcmp(p, "request") == 0 || strcmp(p, "req") == 0)
        *per = TOLERANCE_PER_REQUEST;
    else if (strcmp(p, "hour") == 0 || strcmp(p, "h") == 0)
        *per = TOLERANCE_PER_HOUR;
    else
        return err_set(err, "is per something unknown: %s", help);
    if (v < 0)
        return err_set(err, "is negative");
    *value = v * factor;
    return 0;
}

int value_flag(const char *s, bool *out, struct err *err)
{
    static const char *const yes[] = {"on", "yes", "true", "1"};
    static const char *const no[] = {"off", "no", "false", "0"};

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strcasecmp(s, yes[i]) == 0 || strcasecmp(s, no[i]) == 0) {
            *out = strcasecmp(s, yes[i]) == 0;
            return 0;
        }
    }
    return err_set(err, "is neither on nor off");
}

static int three_digits(const char *s)
{
    for (int i = 0; i < 3; i++)
        if (!isdigit((unsigned char)s[i]))
            return -1;
    return (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
}

int value_status(const char *s, struct status_range *out, struct err *err)
{
    size_t n = strlen(s);
    int low = n >= 3 ? three_digits(s) : -1, high = low;

    if (n == 3 && isdigit((unsigned char)s[0]) &&
        strcasecmp(s + 1, "xx") == 0) {
        low = (s[0] - '0') * 100;
        high = low + 99;
    } else if (low >= 0 && n == 8 && memcmp(s + 3, "..", 2) == 0) {
        high = three_digits(s + 5);
    } else if (low >= 0 && n == 7 && s[3] == '-') {
        high = three_digits(s + 4);
    } else if (n != 3) {
        low = -1;
    }
    if (low < 0 || high < 0)
        return err_set(err, "is not a status: write 201, 200..299 or 2xx");
    if (low < 100 || high > 599)
        return err_set(err, "is outside 100..599");
    if (low > high)
        return err_set(err, "is a range that ends before it begins");
    *out = (struct status_range){low, high};
    return 0;
}

int value_factor(const char *s, double *out, struct err *err)
{
    double v;
    const char *p = read_number(s, &v);

    if (p != NULL && *skip(p) == 'x')
        p = skip(p) + 1;
    if (p == NULL || *skip(p) != '\0' || v <= 0)
        return err_set(err, "is not a factor over zero: write 10x");
    *out = v;
    return 0;
}
