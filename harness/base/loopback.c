#include "harness/base/loopback.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

bool loopback_address(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, sa, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in;

        memcpy(&in, sa, sizeof in);
        if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr))
            return in.sin6_addr.s6_addr[12] == 127;
        return IN6_IS_ADDR_LOOPBACK(&in.sin6_addr);
    }
    return false;
}

bool loopback_permits(const struct sockaddr *sa, const char *host,
                      char *const *allowed, size_t n)
{
    if (loopback_address(sa))
        return true;
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(host, allowed[i]) == 0)
            return true;
    return false;
}
