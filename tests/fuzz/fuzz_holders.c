/* A made CPython with words spoilt: who holds the instances of a type. The
 * first byte chooses version and world; then, ten bytes each, a page, a place
 * in it, and the word to put there. Chains stay bounded, the counts agree. */
#include "tests/unit/sampler/holders_image.h"

#define LONGEST 4096
#define WORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void spoil(struct image *m, const uint8_t *at)
{
    static const uint64_t pages[] = {
        HELD_POOL,        PY_TYPES,         PY_DATA,
        PY_DATA + 0x1000, PY_DATA + 0x2000, PY_DATA + 0x4000,
        PY_DATA + 0x6000, HELD_RUNTIME,     HELD_STACK};
    size_t page = at[0] % (sizeof pages / sizeof *pages);

    /* Most of what matters lies in the first KiB of a page. */
    image_put(m, pages[page] + (at[0] / 16 % 4) * 1024 + at[1] * 4u, at + 2, 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pyversion *ver;
    struct image m = {0};
    struct holders h = {0};
    unsigned found = 0;

    if (size == 0)
        return 0;
    ver = pyversion_at(data[0] % 10);
    held_world(&m, ver, data[0] & 0x80);
    for (size_t i = 0; i < WORDS_MAX && 11 + 10 * i <= size; i++)
        spoil(&m, data + 1 + 10 * i);
    held_search(&m, ver, &h);
    for (size_t i = 0; i < h.nchains; i++) {
        found += h.chains[i].found;
        if (strlen(h.chains[i].text) > LONGEST)
            abort();
    }
    if (h.sampled > 4 || h.sampled > h.instances || found > h.sampled)
        abort();
    holders_release(&h);
    image_release(&m);
    return 0;
}
