/* The endpoint source against a small server in this program: a thread that
 * answers by path. */
#include "harness/sampler/source_impl.h"

#include "harness/base/mem.h"
#include "tests/unit/sampler/fake_host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

static int server_fd, server_port;
static pthread_t server;
static atomic_int counter, hanging[16], nhanging;

static void reply(int c, int status, const char *body)
{
    char *text = mem_printf("HTTP/1.1 %d X\r\nContent-Length: %zu\r\n"
                            "Location: /prometheus\r\n\r\n%s",
                            status, strlen(body), body);

    if (write(c, text, strlen(text)) < 0)
        print_error("the client went away\n");
    free(text);
}

/* Five MiB and on, until nobody listens. */
static void flood(int c)
{
    static char bytes[65536];

    memset(bytes, '\n', sizeof bytes);
    if (write(c, "HTTP/1.1 200 X\r\n\r\n", 18) < 0)
        return;
    for (int i = 0; i < 100; i++)
        if (write(c, bytes, sizeof bytes) < 0)
            return;
}

static void answer(int c)
{
    char request[4096];
    ssize_t n = read(c, request, sizeof request - 1);

    request[n > 0 ? n : 0] = '\0';
    if (strncmp(request, "GET /prometheus ", 16) == 0) {
        char *text = mem_printf("# TYPE jobs gauge\njobs{q=\"a\"} 2\n"
                                "jobs{q=\"b\"} %d\ngo_goroutines 7\n",
                                atomic_fetch_add(&counter, 1));

        reply(c, 200, text);
        free(text);
    } else if (strncmp(request, "GET /vars ", 10) == 0) {
        reply(c, 200, "{\"memstats\":{\"HeapObjects\":41}}");
    } else if (strncmp(request, "GET /moved ", 11) == 0) {
        reply(c, 302, "");
    } else if (strncmp(request, "GET /flood ", 11) == 0) {
        flood(c);
    } else if (strncmp(request, "GET /hang ", 10) == 0) {
        if (atomic_load(&counter) < 1000) {
            reply(c, 200, "h 1\n");
        } else {
            int slot = atomic_fetch_add(&nhanging, 1) % 16;

            atomic_store(&hanging[slot], c); /* kept open, says nothing */
            return;
        }
    } else {
        reply(c, 500, "x 1\n");
    }
    close(c);
}

static void *serve(void *arg)
{
    (void)arg;
    for (;;) {
        int c = accept(server_fd, NULL, NULL);

        if (c < 0)
            return NULL;
        answer(c);
    }
}

static int start_server(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server_fd, (struct sockaddr *)&a, len) != 0 ||
        listen(server_fd, 16) != 0 ||
        getsockname(server_fd, (struct sockaddr *)&a, &len) != 0 ||
        pthread_create(&server, NULL, serve, NULL) != 0)
        return -1;
    server_port = ntohs(a.sin_port);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    shutdown(server_fd, SHUT_RDWR);
    pthread_join(server, NULL);
    close(server_fd);
    return 0;
}

struct opened {
    struct fake_host f;
    struct custom_source custom[4];
    void *state;
    const char *const *names;
    size_t n;
    double v[64];
};

static int open_endpoints(struct opened *o, size_t count,
                          const char *const *paths, struct err *err)
{
    memset(o, 0, sizeof *o);
    fake_host_init(&o->f, true);
    for (size_t i = 0; i < count; i++)
        o->custom[i] = (struct custom_source){
            .name = (char *)"app",
            .http = true,
            .what = paths[i][0] == '/' ? mem_printf("http://127.0.0.1:%d%s",
                                                    server_port, paths[i])
                                       : mem_strdup(paths[i])};
    o->f.sc.sample.custom = o->custom;
    o->f.sc.sample.ncustom = count;
    return source_ops_http.open(&o->f.host, &o->state, &o->names, &o->n, err);
}

static void read_now(struct opened *o, bool exact)
{
    struct source_read how = fake_read(exact);

    source_ops_http.read(o->state, &o->f.host, &how, o->v);
}

static void shut(struct opened *o, bool opened)
{
    if (opened)
        source_ops_http.close(o->state);
    for (size_t i = 0; i < o->f.sc.sample.ncustom; i++)
        free(o->custom[i].what);
    fake_host_release(&o->f);
}

static void test_values(void **state)
{
    static const char *const paths[] = {"/prometheus", "/vars"};
    struct err err = {""};
    struct opened o;
    double before = 0;

    (void)state;
    for (int round = 0; round < 2; round++) {
        before = fake_fds();
        assert_int_equal(open_endpoints(&o, 2, paths, &err), 0);
        assert_int_equal(o.n, 3);
        assert_string_equal(o.names[0], "app_jobs");
        assert_string_equal(o.names[1], "go_goroutines");
        assert_string_equal(o.names[2], "go_heap_objects");
        atomic_store(&counter, 10);
        read_now(&o, false);
        assert_close(o.v[0], 12, 0);
        read_now(&o, true);
        assert_close(o.v[0], 13, 0);
        assert_close(o.v[1], 7, 0);
        assert_close(o.v[2], 41, 0);
        assert_int_equal(o.f.nnotes, 0);
        shut(&o, true);
    }
    /* The server's side of the last connection may close a moment later. */
    for (int i = 0; i < 2000 && fake_fds() > before; i++)
        usleep(1000);
    assert_close(fake_fds(), before, 0);
}

static void test_refusals(void **state)
{
    static const char *const paths[] = {"/moved", "/flood", "/error",
                                        "http://192.0.2.7:9/metrics"};
    struct err err = {""};
    struct opened o;

    (void)state;
    assert_int_equal(open_endpoints(&o, 4, paths, &err), 0);
    assert_int_equal(o.n, 0);
    assert_non_null(strstr(o.f.notes, "http.app: answered 302"));
    assert_non_null(strstr(o.f.notes, "over 4 MiB"));
    assert_non_null(strstr(o.f.notes, "answered 500"));
    assert_non_null(strstr(o.f.notes, "192.0.2.7 is not this machine"));
    shut(&o, true);
}

static void test_wrong_url(void **state)
{
    static const char *const paths[] = {"not a url"};
    struct err err = {""};
    struct opened o;

    (void)state;
    assert_int_equal(open_endpoints(&o, 1, paths, &err), -1);
    assert_non_null(strstr(err.msg, "is no URL"));
    shut(&o, false);
}

/* An endpoint that stops answering: no value, in bounded time, and the other
 * one's values are there. */
static void test_hanging(void **state)
{
    static const char *const paths[] = {"/hang", "/vars"};
    struct err err = {""};
    struct opened o;
    int64_t from;

    (void)state;
    atomic_store(&counter, 0);
    assert_int_equal(open_endpoints(&o, 2, paths, &err), 0);
    assert_int_equal(o.n, 2);
    atomic_store(&counter, 1000);
    from = clock_now_ns();
    read_now(&o, false);
    assert_true(clock_now_ns() - from < 3 * CLOCK_NS_PER_S);
    assert_true(isnan(o.v[0]));
    assert_close(o.v[1], 41, 0);
    assert_non_null(strstr(o.f.notes, "http.app: Timeout"));
    shut(&o, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_wrong_url),
        cmocka_unit_test(test_hanging),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
