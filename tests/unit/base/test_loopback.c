#include "harness/base/loopback.h"

#include "tests/unit/assert_close.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

static void test_addresses(void **state)
{
    static const struct {
        const char *text;
        bool own;
    } cases[] = {
        {"127.0.0.1", true},
        {"127.255.3.4", true},
        {"128.0.0.1", false},
        {"0.0.0.0", false},
        {"10.127.0.1", false},
        {"::1", true},
        {"::ffff:127.0.0.9", true},
        {"::ffff:10.0.0.1", false},
        {"::", false},
        {"::7f00:1", false},
        {"fe80::1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sockaddr_in6 six = {.sin6_family = AF_INET6};
        struct sockaddr_in four = {.sin_family = AF_INET};
        bool own;

        if (inet_pton(AF_INET, cases[i].text, &four.sin_addr) == 1) {
            own = loopback_address((struct sockaddr *)&four);
        } else {
            assert_int_equal(inet_pton(AF_INET6, cases[i].text, &six.sin6_addr),
                             1);
            own = loopback_address((struct sockaddr *)&six);
        }
        if (own != cases[i].own)
            print_error("%s\n", cases[i].text);
        assert_int_equal(own, cases[i].own);
    }
}

static void test_other_family(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    (void)state;
    assert_false(loopback_address((struct sockaddr *)&un));
}

static void test_permits(void **state)
{
    char *allowed[] = {"Staging.example"};
    struct sockaddr_in a = {.sin_family = AF_INET};
    const struct sockaddr *sa = (struct sockaddr *)&a;

    (void)state;
    a.sin_addr.s_addr = htonl(0x0a000001);
    assert_false(loopback_permits(sa, "other", allowed, 1));
    assert_false(loopback_permits(sa, "staging.example", allowed, 0));
    assert_true(loopback_permits(sa, "staging.example", allowed, 1));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(loopback_permits(sa, "other", allowed, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_other_family),
        cmocka_unit_test(test_permits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
