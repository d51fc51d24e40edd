#include "harness/model/url.h"

#include "harness/base/mem.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *decode(const char *s, size_t n)
{
    char *out = mem_strndup(s, n);
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        if (out[i] == '%' && i + 2 < n && hex(out[i + 1]) >= 0 &&
            hex(out[i + 2]) >= 0) {
            out[len++] = (char)(hex(out[i + 1]) * 16 + hex(out[i + 2]));
            i += 2;
        } else {
            out[len++] = out[i];
        }
    }
    out[len] = '\0';
    return out;
}

/* Splits "host", "host:port", "[v6]:port". */
static int parse_authority(const char *s, size_t n, struct url *out,
                           struct err *err)
{
    const char *end = s + n, *host_end, *port = NULL;
    char digits[8] = "";

    if (n > 0 && *s == '[') {
        s++;
        host_end = memchr(s, ']', (size_t)(end - s));
        if (host_end == NULL)
            return err_set(err, "has a '[' that is never closed");
        if (host_end + 1 < end && host_end[1] != ':')
            return err_set(err, "has text between ']' and the port");
        port = host_end + 1 < end ? host_end + 2 : NULL;
    } else {
        host_end = memchr(s, ':', n);
        if (host_end != NULL)
            port = host_end + 1;
        else
            host_end = end;
    }
    if (host_end == s)
        return err_set(err, "names no host");
    for (const char *p = s; p < host_end; p++)
        if (!isalnum((unsigned char)*p) && strchr(".-_:%", *p) == NULL)
            return err_set(err, "holds a character that no host name has");
    out->host = mem_strndup(s, (size_t)(host_end - s));
    if (port == NULL)
        return 0;
    if (port == end || end - port > 5)
        return err_set(err, "has a port outside 1..65535");
    memcpy(digits, port, (size_t)(end - port));
    for (const char *p = digits; *p != '\0'; p++)
        if (!isdigit((unsigned char)*p))
            return err_set(err, "has a port that is no number");
    out->port = (int)strtol(digits, NULL, 10);
    if (out->port < 1 || out->port > 65535)
        return err_set(err, "has a port outside 1..65535");
    return 0;
}

int url_parse(const char *s, struct url *out, char **userinfo, struct err *err)
{
    const char *rest, *at;
    size_t n, base;

    *out = (struct url){0};
    *userinfo = NULL;
    if (strncasecmp(s, "http://", 7) == 0)
        rest = s + 7;
    else if (strncasecmp(s, "https://", 8) == 0)
        rest = s + 8;
    else
        return err_set(err, strstr(s, "://") != NULL
                                ? "is neither http:// nor https://"
                                : "is not a URL: write http://127.0.0.1:8000");
    out->tls = rest == s + 8;
    out->port = out->tls ? 443 : 80;
    if (strpbrk(rest, "?#") != NULL)
        return err_set(err, "has a query or a fragment: those belong in a "
                            "request's path");
    for (const char *p = s; *p != '\0'; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
            return err_set(err, "holds a space or a character that no URL has");
    n = strcspn(rest, "/");
    at = memrchr(rest, '@', n);
    if (at != NULL) {
        *userinfo = decode(rest, (size_t)(at - rest));
        n -= (size_t)(at + 1 - rest);
        rest = at + 1;
    }
    if (parse_authority(rest, n, out, err) != 0)
        return -1;
    base = strlen(rest + n);
    while (base > 0 && rest[n + base - 1] == '/')
        base--;
    out->base = mem_strndup(rest + n, base);
    out->text = mem_printf("%s://%.*s", out->tls ? "https" : "http",
                           (int)(n + base), rest);
    return 0;
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool url_is_allowed(const struct scenario_target *t, const char *host)
{
    if (is_loopback(host))
        return true;
    for (size_t i = 0; i < t->nallow_hosts; i++)
        if (strcasecmp(t->allow_hosts[i], host) == 0)
            return true;
    return false;
}

/* RFC 7617 and RFC 4648. */
char *url_basic_auth(const char *userinfo)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = strlen(userinfo), k = 6;
    char *out = mem_zalloc(n / 3 * 4 + 16, 1);

    memcpy(out, "Basic ", 6);
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned char)userinfo[i] << 16;

        if (i + 1 < n)
            v |= (unsigned)(unsigned char)userinfo[i + 1] << 8;
        if (i + 2 < n)
            v |= (unsigned char)userinfo[i + 2];
        out[k++] = digit[v >> 18];
        out[k++] = digit[v >> 12 & 63];
        out[k++] = i + 1 < n ? digit[v >> 6 & 63] : '=';
        out[k++] = i + 2 < n ? digit[v & 63] : '=';
    }
    return out;
}

void url_release(struct url *u)
{
    free(u->text);
    free(u->host);
    free(u->base);
    *u = (struct url){0};
}
