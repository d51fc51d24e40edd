#include "harness/cli/result.h"

#include "harness/base/jsonw.h"
#include "harness/base/mem.h"
#include "harness/cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGES_MAX = 1 << 20 };

static bool printed, failed;
static struct buf messages = {.max = MESSAGES_MAX}; /* lines */

void result_open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", O_RDWR) != fd)
            _exit(EXIT_HARNESS);
}

void result_print(const struct buf *text)
{
    bool ok;

    printed = true;
    errno = 0;
    ok = fwrite(buf_str(text), 1, text->len, stdout) == text->len;
    ok = fflush(stdout) == 0 && ok && !text->overflow;
    if (ok || failed || errno == EPIPE)
        return;
    failed = true;
    complain("the result could not be written: %s",
             text->overflow ? "it is too long" : strerror(errno));
}

void result_remember(const char *message)
{
    buf_adds(&messages, message);
    if (messages.len > 0 && messages.p[messages.len - 1] != '\n')
        buf_addc(&messages, '\n');
}

static void print_reasons(int code)
{
    struct jsonw w;
    struct buf out;

    buf_init(&out, 8u * MESSAGES_MAX);
    jsonw_init(&w, &out, false);
    jsonw_object(&w, NULL);
    jsonw_string(&w, "schema", "plateau-no-result/1");
    jsonw_int(&w, "exit_code", code);
    jsonw_array(&w, "messages");
    for (const char *at = buf_str(&messages); *at != '\0';) {
        size_t n = strcspn(at, "\n");
        char *line = mem_strndup(at, n);

        jsonw_string(&w, NULL, line);
        free(line);
        at += n + (at[n] == '\n');
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    buf_addc(&out, '\n');
    result_print(&out);
    buf_release(&out);
}

int result_end(int code, bool json)
{
    if (json && !printed)
        print_reasons(code);
    buf_release(&messages);
    return failed && code == EXIT_PASS ? EXIT_HARNESS : code;
}
