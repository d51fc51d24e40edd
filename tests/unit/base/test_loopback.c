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
        {"127.0.0.1", true},        {"127.255.3.4", true},
        {"128.0.0.1", false},       {"0.0.0.0", false},
        {"10.127.0.1", false},      {"::1", true},
        {"::ffff:127.0.0.9", true}, {"::ffff:10.0.0.1", false},
        {"::", false},              {"::7f00:1", false},
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
            assert_int_equal(
                inet_pton(AF_INET6, cases[i].text, &six.sin6_addr), 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_other_family),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
