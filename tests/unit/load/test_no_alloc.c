/* Between start and stop nothing is allocated, once connections are made and
 * pools are warm: counted in malloc itself, in every thread but the test
 * server's. A sanitizer has a malloc of its own, and nothing to count. */
#include "tests/unit/load/h2_server.h"
#include "tests/unit/load/rig.h"

#include <limits.h>
#include <link.h>
#include <signal.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS false
#else
#define COUNTS true

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
#endif

static _Atomic unsigned long calls;
static _Thread_local bool is_server;
static uintptr_t crypto_from, crypto_to; /* where libcrypto's code lies */

#if COUNTS
/* OpenSSL takes 40 bytes and more to write a record, and gives them back at
 * once; we cannot help it. All its callers of malloc are in libcrypto. */
static void count_call(const void *from)
{
    uintptr_t at = (uintptr_t)from;

    if (!is_server && (at < crypto_from || at >= crypto_to))
        calls++;
}

void *malloc(size_t n)
{
    count_call(__builtin_return_address(0));
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    count_call(__builtin_return_address(0));
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    count_call(__builtin_return_address(0));
    return __libc_realloc(p, n);
}
#endif

static int find_crypto(struct dl_phdr_info *info, size_t size, void *user)
{
    (void)size;
    (void)user;
    if (strstr(info->dlpi_name, "libcrypto.so") == NULL)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD &&
            (info->dlpi_phdr[i].p_flags & PF_X)) {
            crypto_from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            crypto_to = crypto_from + info->dlpi_phdr[i].p_memsz;
        }
    return 1;
}

static void serve_h1(struct http_conn *c)
{
    is_server = true;
    http_serve(c);
}

static void serve_h2(struct http_conn *c)
{
    is_server = true;
    h2_serve(c);
}

/* Everything a real scenario uses, but a regular expression: the C library's
 * allocates when it searches. */
#define KINDS                                                                  \
    "[request a]\npath = /ok?i={{int 1 500}}\nweight = 8\n"                    \
    "[request b]\npath = /ok?q={{rand 8}}&u={{uuid}}\nweight = 3\n"            \
    "expect = 200 body contains ok\n"                                          \
    "[request c]\nmethod = POST\npath = /ok\nweight = 1\n"                     \
    "header = X-Long: {{rand 300}}\n"                                          \
    "body = {\"ref\": \"{{uuid}}\", \"n\": {{seq}}, \"s\": \"{{rand "          \
    "200}}\"}\n"                                                               \
    "[request login]\npath = /login\nweight = 0\n"                             \
    "capture.token = json /user/token\ncapture.h = header x-token\n"           \
    "[request use]\npath = /token/{{token}}\nweight = 0\n"                     \
    "[flow f]\nsteps = login, use\n"
#define ONE "[request a]\npath = /ok\n"

static void on_timer(uv_timer_t *timer)
{
    struct load_second rows[8];
    struct rig *r = timer->data;

    while (load_take_seconds(r->load, rows, 8, NULL) > 0)
        ;
}

/* Allocations of a phase after the first: the fewest of three, since a
 * connection may have to be made anew. */
static unsigned long count(const char *keys, const char *kinds, double rate,
                           bool tls, void (*serve)(struct http_conn *c))
{
    struct load_phase p = {
        .requests = 2000, .rate_from_rps = rate, .rate_to_rps = rate};
    struct http_server server;
    struct load_counts c;
    char ca[64] = "", text[4096];
    unsigned long least = ULONG_MAX;
    uv_timer_t clerk;
    struct rig rig;

    http_server_start(&server, tls ? http_make_tls(ca, sizeof ca) : NULL,
                      serve);
    snprintf(text, sizeof text,
             "[scenario]\nname = t\n[target]\nurl = http%s://127.0.0.1:%d\n"
             "%s%s\n[load]\nconnections = 8\n%s\n%s",
             tls ? "s" : "", server.port, tls ? "tls_ca = " : "", ca, keys,
             kinds);
    rig_open(&rig, text);
    uv_timer_init(&rig.loop, &clerk);
    clerk.data = &rig;
    uv_timer_start(&clerk, on_timer, 100, 100);
    rig_phase(&rig, &p);
    for (int i = 0; i < 3 && least > 0; i++) {
        unsigned long before = calls;

        rig_phase(&rig, &p);
        if (calls - before < least)
            least = calls - before;
    }
    load_get_counts(rig.load, &c, NULL, NULL);
    assert_int_equal(c.errors, 0);
    uv_close((uv_handle_t *)&clerk, NULL);
    rig_close(&rig);
    http_server_stop(&server);
    if (tls)
        unlink(ca);
    return least;
}

static void counting_works(void **state)
{
    const char *volatile path = "/ok";
    const char *preload = getenv("LD_PRELOAD");
    unsigned long before = calls;

    (void)state;
    free(strdup(path));
    /* valgrind puts its own malloc in the place of everybody's. */
    if (COUNTS && (preload == NULL || strstr(preload, "vgpreload") == NULL))
        assert_true(calls > before);
}

static void closed_model(void **state)
{
    (void)state;
    assert_int_equal(count("engine = h1\nusers = 8\n", ONE, 0, false, serve_h1),
                     0);
    assert_int_equal(
        count("engine = h1\nusers = 8\n", KINDS, 0, false, serve_h1), 0);
}

static void open_model(void **state)
{
    (void)state;
    assert_int_equal(
        count("engine = h1\nrate = 4000/s\n", KINDS, 4000, false, serve_h1), 0);
}

static void over_tls(void **state)
{
    unsigned long n;

    (void)state;
    dl_iterate_phdr(find_crypto, NULL);
    assert_true(crypto_to > crypto_from);
    n = count("engine = h1\nusers = 8\n", KINDS, 0, true, serve_h1);
    crypto_from = crypto_to = 0;
    assert_int_equal(n, 0);
}

static void with_http2(void **state)
{
    (void)state;
    assert_int_equal(
        count("engine = h2\nhttp = 2\nusers = 8\n", ONE, 0, false, serve_h2),
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counting_works), cmocka_unit_test(closed_model),
        cmocka_unit_test(open_model),     cmocka_unit_test(over_tls),
        cmocka_unit_test(with_http2),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
