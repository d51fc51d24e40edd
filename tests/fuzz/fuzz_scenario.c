/* Any bytes as a scenario: refused with its mistakes, or read; and what was
 * read writes and reads back as the same effective scenario. */
#include "harness/base/buf.h"
#include "harness/model/scenario.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(int fd, const uint8_t *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, data + done, size - done);

        assert(n > 0);
        done += (size_t)n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario sc;
    struct mistakes m;
    struct buf text;
    char path[64];
    int fd = memfd_create("scenario", MFD_CLOEXEC);

    assert(fd >= 0);
    put(fd, data, size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    mistakes_init(&m);
    buf_init(&text, 64u << 20);
    if (scenario_load(path, NULL, 0, &sc, &m) != 0) {
        assert(m.n > 0);
        mistakes_write(&m, &text);
        assert(text.len > 0);
    } else {
        assert(m.n == 0);
        scenario_write_effective(&sc, &text, true);
        scenario_release(&sc);
    }
    buf_release(&text);
    mistakes_release(&m);
    close(fd);
    return 0;
}
