#include "harness/load/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

bool address_is_loopback(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        struct in_addr a =
            ((const struct sockaddr_in *)(const void *)sa)->sin_addr;

        return ntohl(a.s_addr) >> 24 == 127;
    }
    if (sa->sa_family == AF_INET6) {
        const struct in6_addr *a =
            &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

        return IN6_IS_ADDR_LOOPBACK(a) ||
               (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
    }
    return false;
}

bool address_is_loopback_name(const char *host)
{
    static const char suffix[] = ".localhost";
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    size_t n = strlen(host);

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (n >= sizeof suffix &&
        strcasecmp(host + n - (sizeof suffix - 1), suffix) == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
        return address_is_loopback((const struct sockaddr *)&v4);
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
        return address_is_loopback((const struct sockaddr *)&v6);
    return false;
}

bool address_is_allowed_host(const struct scenario *sc, const char *host)
{
    for (size_t i = 0; i < sc->target.nallow_hosts; i++)
        if (strcasecmp(sc->target.allow_hosts[i], host) == 0)
            return true;
    return false;
}
