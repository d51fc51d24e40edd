#include "harness/load/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

static bool is_loopback4(struct in_addr a)
{
    return ntohl(a.s_addr) >> 24 == 127;
}

static bool is_loopback6(const struct in6_addr *a)
{
    return IN6_IS_ADDR_LOOPBACK(a) ||
           (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

bool address_is_loopback(const struct sockaddr *sa)
{
    const void *p = sa;

    if (sa->sa_family == AF_INET)
        return is_loopback4(((const struct sockaddr_in *)p)->sin_addr);
    return sa->sa_family == AF_INET6 &&
           is_loopback6(&((const struct sockaddr_in6 *)p)->sin6_addr);
}

bool address_is_loopback_name(const char *host)
{
    static const char suffix[] = ".localhost";
    struct in_addr v4;
    struct in6_addr v6;
    size_t n = strlen(host);

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (n >= sizeof suffix &&
        strcasecmp(host + n - (sizeof suffix - 1), suffix) == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return is_loopback4(v4);
    return inet_pton(AF_INET6, host, &v6) == 1 && is_loopback6(&v6);
}

bool address_is_allowed_host(const struct scenario *sc, const char *host)
{
    for (size_t i = 0; i < sc->target.nallow_hosts; i++)
        if (strcasecmp(sc->target.allow_hosts[i], host) == 0)
            return true;
    return false;
}
