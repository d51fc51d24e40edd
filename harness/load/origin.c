#include "harness/load/origin.h"

#include "harness/base/mem.h"
#include "harness/load/address.h"
#include "harness/load/multi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void origin_text(const struct url *u, char *out, size_t max)
{
    if (strchr(u->host, ':') != NULL)
        snprintf(out, max, "%s://[%s]:%d", u->tls ? "https" : "http", u->host,
                 u->port);
    else
        snprintf(out, max, "%s://%s:%d", u->tls ? "https" : "http", u->host,
                 u->port);
}

char *origin_authority(const struct url *u)
{
    const char *open = strchr(u->host, ':') != NULL ? "[" : "";
    const char *close = *open != '\0' ? "]" : "";

    if (u->port == (u->tls ? 443 : 80))
        return mem_printf("%s%s%s", open, u->host, close);
    return mem_printf("%s%s%s:%d", open, u->host, close, u->port);
}

/* Opens the socket only if the address is one we may talk to: a name that is
 * loopback in the scenario could resolve to anything by now. */
static curl_socket_t open_socket(void *user, curlsocktype purpose,
                                 struct curl_sockaddr *a)
{
    struct origin_check *check = user;
    int fd;

    (void)purpose;
    if (!check->any_address && !address_is_loopback(&a->addr)) {
        check->refused = true;
        return CURL_SOCKET_BAD;
    }
    fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    if (fd < 0)
        check->resource = true;
    else
        multi_opened_socket(check->multi, fd);
    return fd;
}

int origin_setup(CURL *easy, const struct scenario *sc,
                 struct origin_check *check, struct multi *multi,
                 struct err *err)
{
    const struct scenario_target *t = &sc->target;
    CURLcode rc = CURLE_OK;

    check->multi = multi;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, check);
    rc = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (rc != CURLE_OK)
        return err_set(err, "libcurl: %s", curl_easy_strerror(rc));
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    /* A proxy from the environment would be measured instead. */
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, t->tls_verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, t->tls_verify ? 2L : 0L);
    if (t->tls_ca != NULL)
        rc = curl_easy_setopt(easy, CURLOPT_CAINFO, t->tls_ca);
    if (rc != CURLE_OK)
        return err_set(err, "target.tls_ca: %s", curl_easy_strerror(rc));
    return 0;
}

void origin_begin(struct origin_check *check, const struct scenario *sc,
                  const char *host)
{
    *check =
        (struct origin_check){.multi = check->multi,
                              .any_address = address_is_allowed_host(sc, host)};
}

enum transfer_error origin_error(CURLcode rc, CURL *easy,
                                 const struct origin_check *check)
{
    long os_errno = 0;
    curl_off_t answered_us = 0;

    switch (rc) {
    case CURLE_OK:
        return TRANSFER_OK;
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_errno);
        if (check->resource || os_errno == EADDRNOTAVAIL ||
            os_errno == EMFILE || os_errno == ENFILE || os_errno == ENOBUFS)
            return TRANSFER_RESOURCE;
        return TRANSFER_CONNECT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return TRANSFER_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return TRANSFER_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_USE_SSL_FAILED:
        return TRANSFER_TLS;
    case CURLE_SEND_ERROR:
        return TRANSFER_SEND;
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return TRANSFER_CLOSED;
    case CURLE_OPERATION_TIMEDOUT:
        return TRANSFER_TIMEOUT;
    case CURLE_WRITE_ERROR:
    case CURLE_FILESIZE_EXCEEDED:
        return TRANSFER_TOO_LARGE;
    case CURLE_OUT_OF_MEMORY:
        /* libcurl's word, too, for a header line longer than it takes. */
        curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &answered_us);
        return answered_us > 0 ? TRANSFER_PROTOCOL : TRANSFER_RESOURCE;
    case CURLE_FAILED_INIT:
        return TRANSFER_RESOURCE;
    default:
        return TRANSFER_PROTOCOL;
    }
}
