/* A recorded image with any bytes spoilt: symbols are found or not. */
#include "harness/sampler/inspect/elf.h"
#include "tests/unit/sampler/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"PyType_Type", "_PyRuntime",
                                        "Py_Version", "_PyGC_generation0"};
    struct image m = {0};
    struct memview *v = image_parse(&m, data, size);
    const struct memmap *maps;
    size_t n;

    if (v) {
        maps = memview_maps(v, &n);
        for (size_t i = 0; i < n && i < 64; i++) {
            struct elf e;

            if (elf_load(v, maps[i].start, &e) != 0)
                continue;
            for (size_t k = 0; k < sizeof names / sizeof *names; k++)
                elf_symbol(v, &e, names[k]);
        }
    }
    memview_close(&v);
    image_release(&m);
    return 0;
}
