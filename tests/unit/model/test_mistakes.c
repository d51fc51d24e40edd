/* Diagnostics: what is wrong is named with its line, all at once, with the
 * word that was meant; and no bytes, whatever they are, do any harm. */
#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "tests/unit/assert_close.h"
#include "tests/unit/model/scenario_fixture.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* Lines 1 and 2 of every text; a [request] follows behind it. */
static const char head[] = "[target]\nurl = http://127.0.0.1:1\n";

static const struct {
    const char *text; /* begins on line 3 */
    int line;
    const char *want;
} rows[] = {
    {"[laod]\n", 3, "unknown section [laod] (did you mean [load]?)"},
    {"[requst a]\n", 3, "did you mean [request a]?"},
    {"[request]\n", 3, "[request] needs a name"},
    {"[load x]\n", 3, "[load] takes no name"},
    {"[request a b]\npath=/\n", 3, "'a b' is not a name"},
    {"[load\n", 3, "the section's name has no ']'"},
    {"[load] ; quick\n", 3, "text behind the section's ']'"},
    {"[]\n", 3, "a section without a name"},
    {"[load]\n[load]\n", 4, "[load] stands twice, first on line 3"},
    {"[load]\nrate 5\n", 4, "neither a section, a key nor a comment"},
    {"[load]\nrate: 5/s\n", 4, "a key ends with '=', not with ':'"},
    {"[load]\n= 5\n", 4, "there is no key in front of the '='"},
    {"[load]\nrat = 5/s\n", 4,
     "[load] has no key 'rat' (did you mean 'rate'?)"},
    {"[load]\nurl = x\n", 4, "(it belongs into [target])"},
    {"[load]\nduration = 5m\n", 4, "max_time ends a run"},
    {"[load]\nqps = 5\n", 4, "no key 'qps' (it is called rate: rate = 200/s)"},
    {"[request r2]\nuri = /\npath = /\n", 4, "it is called path"},
    {"[sample]\ninterval = 1s\n", 4, "it is called every"},
    {"[load]\nseed = 1\nseed = 2\n", 5, "'seed' is set twice, first on line 4"},
    {"[load]\nrate = 5/s\nusers = 3\n", 5, "rate and users exclude each other"},
    {"[load]\nrate = 5/s\nthink = 1s\n", 5, "think belongs to users"},
    {"[load]\nramp = 1s\n", 4, "ramp belongs to rate"},
    {"[load]\nrate = 5/s\nramp = 9s\n", 5, "ramp is longer than warmup"},
    {"[load]\nblocks = 0\nblock = 5s\n", 5, "block has no meaning"},
    {"[load]\nmax_time = 2s\n", 4, "over before the warm-up is"},
    {"[load]\nconnections = 0\n", 4, "is less than 1"},
    {"[load]\nconnections = 70000\n", 4, "is more than 65536"},
    {"[load]\nthreads = 17\n", 4, "more threads than connections"},
    {"[load]\nconnections = many\n", 4, "is not a whole number"},
    {"[load]\nengine = crul\n", 4, "did you mean 'curl'?"},
    {"[load]\nengine = zzzzz\n", 4, "is not one of: auto curl h1 h2 null\n"},
    {"[sample]\nhttp. = x\n", 4, "did you mean 'http.NAME'?"},
    {"[load]\ncookies = maybe\n", 4, "is neither on nor off"},
    {"[load]\nmax_errors = 5\n", 4, "did you mean 5%?"},
    {"[load]\nseed = -1\n", 4, "is negative"},
    {"[request r2]\nweight = 2\n", 3, "[request r2] has no path"},
    {"[request r2]\npath = /\nmethod = get\n", 5, "did you mean 'GET'?"},
    {"[request r2]\npath = /\nheader = nonsense\n", 5, "is not a header"},
    {"[request r2]\npath = /\nheader = Content-Length: 4\n", 5,
     "is set by Plateau itself"},
    {"[request r2]\npath = /\nexpect = 2001\n", 5, "which is not a status"},
    {"[request r2]\npath = /\nexpect =\n", 5, "is not an expectation"},
    {"[request r2]\npath = /\nweight = -1\n", 5, "is less than 0"},
    {"[request r2]\npath = /\ncapture.x = jsn /a\n", 5, "did you mean 'json'?"},
    {"[request r2]\npath = /\ncapture.x = json id\n", 5,
     "is not a JSON pointer"},
    {"[request r2]\npath = /\ncapture.x = regex (\n", 5,
     "is not a regular expression"},
    {"[request r2]\npath = /\ncapture.int = json /a\n", 5,
     "has the name of a template function"},
    {"[request r2]\npath = /\nbody = a\nbody_file = b\n", 6,
     "only one can be sent"},
    {"[request r2]\npath = /\nbody_file = missing.json\n", 5, "cannot be read"},
    {"[flow f]\nsteps = rr\n", 4, "did you mean 'r'?"},
    {"[flow f]\nweight = 1\n", 3, "[flow f] has no steps"},
    {"[flow f]\nsteps =\n", 4, "steps is empty"},
    {"[flow r]\nsteps = r\n", 3, "a request has the name 'r' too"},
    {"[flow f]\nsteps = r\nthink = 4s..1s\n", 5, "ends before it begins"},
    {"[data]\na = missing.csv\n", 4, "cannot read missing.csv"},
    {"[data]\na =\n", 4, "a: '' is empty"},
    {"[request r2]\npath = /\nbody_file =\n", 5, "body_file: '' is empty"},
    {"[replay]\nformat = combined\n", 0, "[replay] names no file"},
    {"[replay]\nfile = /etc/passwd\nformat = comined\n", 5,
     "did you mean 'combined'?"},
    {"[replay]\nfile = /etc/passwd\nspeed = 0x\n", 5,
     "is not a factor over zero"},
    {"[replay]\nfile = /etc/passwd\n[load]\nrate = 1/s\n", 6,
     "a replay brings its own timing"},
    {"[replay]\nfile = missing.log\n", 4, "cannot be read"},
    {"[replay]\nfile = /dev/null\n", 4, "is not a regular file"},
    {"[sample]\nevery = 1ms\n", 4, "is less than 0.01s"},
    {"[sample]\nsources = proces\n", 4, "did you mean 'process'?"},
    {"[sample]\npython = outsid\n", 4, "did you mean 'outside'?"},
    {"[sample]\nhttp.m = http://example.com/m\n", 4, "is not this machine"},
    {"[sample]\nonly.m = a\n", 4, "there is no command.m"},
    {"[sample]\ncommand.m = a 'b\n", 4, "a quote is never closed"},
    {"[verdict]\npsss = 1 B/request\n", 4, "did you mean 'pss'?"},
    {"[verdict]\nunicorns = 1/request\n", 4, "is neither a key nor a metric"},
    {"[verdict]\nrequire = pss unicorns\n", 4, "neither a key nor a metric"},
    {"[verdict]\nfds = 1 MB/request\n", 4, "gives bytes for something"},
    {"[verdict]\npss = 1 MB\n", 4, "needs 'per what'"},
    {"[verdict]\nconfidence = 40%\n", 4, "is less than 50%"},
    {"[verdict]\nstop = sertain\n", 4, "did you mean 'certain'?"},
    {"[verdict]\nsurvive = 7\n", 4, "needs a unit"},
    {"[scenario]\nname = a/b\n", 4, "letters, digits"},
    {"[scenario]\nname = ${PLATEAU_NO_SUCH}\n", 4,
     "PLATEAU_NO_SUCH, which is not in the environment"},
    {"[scenario]\nname = ${PLATEAU NO}\n", 4, "malformed"},
    {"[scenario]\nname = ${PLATEAU\n", 4, "never closed"},
};

static void expect_mistake(const char *text, int line, const char *want)
{
    struct scenario sc;
    char *got = load_text(text, NULL, 0, &sc);
    char place[32];

    snprintf(place, sizeof place, line > 0 ? "t.ini:%d: " : "t.ini: ", line);
    if (strncmp(got, place, strlen(place)) != 0 || strstr(got, want) == NULL)
        fail_msg("%s\ngot  %s\nwant %s... %s", text, got, place, want);
    if (strchr(got, '\n') != got + strlen(got) - 1)
        fail_msg("%s\nis one mistake, not\n%s", text, got);
    free(got);
}

static void test_each_mistake(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text =
            mem_printf("%s%s[request r]\npath = /\n", head, rows[i].text);

        expect_mistake(text, rows[i].line, rows[i].want);
        free(text);
    }
}

static void test_whole_scenarios(void **state)
{
    static const struct {
        const char *text;
        int line;
        const char *want;
    } whole[] = {
        {"[request r]\npath=/\n", 0, "does not say where the service is"},
        {"[target]\nurl=http://127.0.0.1\n", 0, "has no request"},
        {"[target]\nurl=http://127.0.0.1\n[request r]\npath=/\nweight=x\n", 5,
         "weight: 'x' is not a number"},
        {"[target]\nurl=http://127.0.0.1\n[request r]\npath=/\nweight=0\n", 0,
         "every weight is 0"},
        {"rate = 5\n[target]\nport=1\n[request r]\npath=/\n", 1,
         "in front of the first section"},
        {"\xff\xfe[\0t\0", 1, "UTF-16"},
        {"[target]\nurl=http://127.0.0.1\ncommand=a\npid=4\n"
         "[request r]\npath=/\n",
         4, "command and pid both say what to measure"},
        {"[target]\nurl=http://127.0.0.1\ncommand=a | b\n"
         "[request r]\npath=/\n",
         3, "shell syntax"},
        {"[target]\nurl=http://10.0.0.1\n[request r]\npath=/\n", 2,
         "if you mean it: allow_host = 10.0.0.1"},
        {"[target]\nurl=http://127.0.0.1.evil.example\n[request r]\npath=/\n",
         2, "is not this machine"},
        {"[target]\nurl=ftp://127.0.0.1\n[request r]\npath=/\n", 2,
         "neither http:// nor https://"},
        {"[target]\nurl=http://127.0.0.1:0\n[request r]\npath=/\n", 2,
         "outside 1..65535"},
        {"[target]\nurl=http://127.0.0.1/?q\n[request r]\npath=/\n", 2,
         "has a query"},
        {"[target]\nport=1\n[request r]\npath=/{{id}}\n"
         "[request s]\npath=/\ncapture.id=json /id\n",
         3, "on its own nothing captures that"},
        {"[target]\nport=1\n[request r]\npath=/{{id}}\n"
         "[request s]\npath=/\ncapture.id=json /id\n[flow f]\nsteps=r, s\n",
         8, "step 1 (r) uses {{id}} before any step captures it"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        expect_mistake(whole[i].text, whole[i].line, whole[i].want);
}

/* All of them, each once, in the order of the file. */
static void test_all_at_once_and_sorted(void **state)
{
    struct buf text;
    struct scenario sc;
    char *got;
    int line = 0, lines = 0;

    (void)state;
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < 500; i++)
        buf_addf(&text, "[nonsense%zu]\n", i);
    got = load_text(buf_str(&text), NULL, 0, &sc);
    for (const char *p = got; *p != '\0'; p = strchr(p, '\n') + 1) {
        int n = 0;

        if (sscanf(p, "t.ini:%d:", &n) == 1) {
            assert_true(n > line);
            line = n;
        }
        lines++;
    }
    assert_int_equal(line, 500);
    assert_int_equal(lines, 502); /* and no url, no request */
    free(got);
    buf_release(&text);
}

static void test_the_list_is_bounded(void **state)
{
    struct buf text;
    struct scenario sc;
    char *got;

    (void)state;
    buf_init(&text, 1 << 24);
    for (int i = 0; i < 100000; i++)
        buf_adds(&text, "[nonsense]\nx\n");
    got = load_text(buf_str(&text), NULL, 0, &sc);
    assert_non_null(strstr(got, "more mistakes\n"));
    assert_true(strlen(got) < 200000);
    free(got);
    buf_release(&text);
}

static void test_wrong_sets(void **state)
{
    static const struct {
        const char *set, *want;
    } wrong[] = {
        {"load.rat=5/s", "did you mean 'rate'?"},
        {"laod.rate=5/s", "did you mean 'load'?"},
        {"load.rate=fast", "load.rate: 'fast' is not a rate"},
        {"nonsense", "is not section.key=value"},
        {"=", "is not section.key=value"},
        {"", "is not section.key=value"},
        {"load.rate", "is not section.key=value"},
        {"request q.weight=1", "did you mean 'r'?"},
        {"request.weight=1", "names no section of the scenario"},
        {"load.seed=1\n2", "holds a line break"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *set = mem_strdup(wrong[i].set);
        char *text = mem_printf("%s[request r]\npath = /\n", head);
        struct scenario sc;
        char *got = load_text(text, &set, 1, &sc);

        if (strncmp(got, "--set: ", 7) != 0 ||
            strstr(got, wrong[i].want) == NULL)
            fail_msg("%s: got %s", wrong[i].set, got);
        free(got);
        free(text);
        free(set);
    }
}

/* A scenario of two sections at the end of a page that nobody may read
 * behind, cut and damaged at every place. */
static void test_hostile_bytes(void **state)
{
    static const char text[] =
        "\xef\xbb\xbf[target]\r\nurl = http://u:p@127.0.0.1:1/\r\n"
        "[request \xff\xfe]\npath = /{{int 1 2}}/{{choice a 'b c'}}\n"
        "header = X: \xc3\x28 ${HOME:-x}\nexpect = 200 body contains a\n"
        "[sample]\ncommand.a = b c\n[verdict]\npss = 1 B/request\n";
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = sizeof text - 1;
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct rng rng;

    (void)state;
    assert_true(two != MAP_FAILED);
    assert_int_equal(mprotect(two + page, page, PROT_NONE), 0);
    rng_init(&rng, 11);
    for (size_t i = 0; i < 3000; i++) {
        size_t len = i <= n ? i : n;
        char *at = two + page - len;
        struct scenario sc;
        struct mistakes m;
        struct buf out;

        memcpy(at, text, len);
        for (size_t k = 0; i > n && k < 3; k++)
            at[rng_below(&rng, len)] = (char)rng_below(&rng, 256);
        mistakes_init(&m);
        buf_init(&out, 1 << 20);
        if (scenario_load_text(at, len, "t.ini", NULL, 0, 0, &sc, &m) == 0)
            scenario_release(&sc);
        mistakes_write(&m, &out);
        /* What reaches a terminal is text: no control bytes, valid UTF-8. */
        for (size_t k = 0; k < out.len;) {
            size_t c = escape_utf8_len(out.p + k, out.len - k);

            assert_true(c > 0);
            assert_true(out.p[k] == '\n' || (unsigned char)out.p[k] >= 0x20);
            k += c;
        }
        buf_release(&out);
        mistakes_release(&m);
    }
    munmap(two, 2 * page);
}

static void test_control_bytes_are_named(void **state)
{
    static const char nul[] = "[target]\nurl = http://127.0.0.1\n"
                              "[request r]\npath = /a\0b\n";
    struct scenario sc;
    struct mistakes m;

    (void)state;
    mistakes_init(&m);
    assert_int_equal(
        scenario_load_text(nul, sizeof nul - 1, "t.ini", NULL, 0, 0, &sc, &m),
        -1);
    assert_int_equal(m.at[0].line, 4);
    assert_non_null(strstr(m.at[0].text, "NUL"));
    mistakes_release(&m);
    expect_mistake("[target]\nport = 1\n[request r]\npath = /\n"
                   "body = a\x1b[31m\n",
                   5, "control character (byte 0x1b)");
    expect_mistake("[target]\nport = 1\n[request r]\npath = /\n"
                   "body = a\rb\n",
                   5, "control character (byte 0x0d)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_mistake),
        cmocka_unit_test(test_whole_scenarios),
        cmocka_unit_test(test_all_at_once_and_sorted),
        cmocka_unit_test(test_the_list_is_bounded),
        cmocka_unit_test(test_wrong_sets),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_control_bytes_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
