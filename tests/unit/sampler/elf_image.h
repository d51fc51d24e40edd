/* Puts a small ELF object with some symbols into an image. */
#ifndef PLATEAU_TESTS_ELF_IMAGE_H
#define PLATEAU_TESTS_ELF_IMAGE_H

#include "tests/unit/sampler/image.h"

#include <elf.h>

struct elf_symbol {
    const char *name;
    uint64_t value; /* in the file: less the base */
};

/* One header, one dynamic section, a System V hash table of one bucket: the
 * object occupies less than three pages at `base`. */
static inline void elf_image(struct image *m, uint64_t base,
                             const struct elf_symbol *symbols, uint32_t n)
{
    enum { DYN = 0x200, SYM = 0x400, STR = 0xc00, HASH = 0x1400 };
    Elf64_Ehdr h = {
        .e_machine = EM_X86_64,
        .e_phoff = sizeof h,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 2,
    };
    Elf64_Phdr load = {.p_type = PT_LOAD},
               dyn = {.p_type = PT_DYNAMIC, .p_vaddr = DYN};
    Elf64_Dyn d[] = {{.d_tag = DT_SYMTAB, .d_un.d_ptr = SYM},
                     {.d_tag = DT_STRTAB, .d_un.d_ptr = base + STR},
                     {.d_tag = DT_STRSZ, .d_un.d_val = 0x800},
                     {.d_tag = DT_HASH, .d_un.d_ptr = HASH},
                     {.d_tag = DT_NULL}};
    uint32_t str = 1;

    memcpy(h.e_ident, ELFMAG, SELFMAG);
    h.e_ident[EI_CLASS] = ELFCLASS64;
    h.e_ident[EI_DATA] = ELFDATA2LSB;
    image_put(m, base, &h, sizeof h);
    image_put(m, base + sizeof h, &load, sizeof load);
    image_put(m, base + sizeof h + sizeof load, &dyn, sizeof dyn);
    image_put(m, base + DYN, d, sizeof d);
    image_u32(m, base + HASH, 1);         /* buckets */
    image_u32(m, base + HASH + 4, n + 1); /* chains */
    image_u32(m, base + HASH + 8, n ? 1 : 0);
    for (uint32_t i = 0; i < n; i++) {
        Elf64_Sym s = {
            .st_name = str, .st_shndx = 1, .st_value = symbols[i].value};

        image_put(m, base + SYM + (i + 1) * sizeof s, &s, sizeof s);
        image_put(m, base + STR + str, symbols[i].name,
                  strlen(symbols[i].name) + 1);
        image_u32(m, base + HASH + 12 + (i + 1) * 4, i + 1 < n ? i + 2 : 0);
        str += (uint32_t)strlen(symbols[i].name) + 1;
    }
}

#endif
