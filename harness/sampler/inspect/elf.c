#include "harness/sampler/inspect/elf.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

#define PHDRS_MAX 128u
#define DYNAMIC_MAX 512u
#define CHAIN_MAX 4096u /* symbols in one hash bucket */
#define NAME_MAX_BYTES 128u

/* Where the object was put: the header's address less the address that the
 * file gives to its first segment. */
static int read_segments(struct memview *v, const Elf64_Ehdr *h,
                         struct elf *out, uint64_t *dynamic)
{
    bool have_load = false;
    uint64_t first = 0;

    *dynamic = 0;
    for (unsigned i = 0; i < h->e_phnum && i < PHDRS_MAX; i++) {
        Elf64_Phdr p;

        if (memview_read(v, out->base + h->e_phoff + i * sizeof p, &p,
                         sizeof p) != 0)
            return -1;
        if (p.p_type == PT_LOAD && !have_load) {
            first = p.p_vaddr & ~(uint64_t)(MEMVIEW_PAGE - 1);
            have_load = true;
        }
        if (p.p_type == PT_DYNAMIC)
            *dynamic = p.p_vaddr;
    }
    if (!have_load || !*dynamic)
        return -1;
    out->bias = out->base - first;
    *dynamic += out->bias;
    return 0;
}

/* glibc adds the bias to these entries in place, other loaders do not. */
static uint64_t absolute(const struct elf *e, uint64_t value)
{
    return value < e->base ? value + e->bias : value;
}

static void read_dynamic(struct memview *v, uint64_t at, struct elf *out)
{
    for (unsigned i = 0; i < DYNAMIC_MAX; i++) {
        Elf64_Dyn d;

        if (memview_read(v, at + i * sizeof d, &d, sizeof d) != 0 ||
            d.d_tag == DT_NULL)
            return;
        switch (d.d_tag) {
        case DT_SYMTAB:
            out->symtab = absolute(out, d.d_un.d_ptr);
            break;
        case DT_STRTAB:
            out->strtab = absolute(out, d.d_un.d_ptr);
            break;
        case DT_STRSZ:
            out->strsz = d.d_un.d_val;
            break;
        case DT_GNU_HASH:
            out->gnu_hash = absolute(out, d.d_un.d_ptr);
            break;
        case DT_HASH:
            out->sysv_hash = absolute(out, d.d_un.d_ptr);
            break;
        default:
            break;
        }
    }
}

int elf_load(struct memview *v, uint64_t base, struct elf *out)
{
    Elf64_Ehdr h;
    uint64_t dynamic;

    memset(out, 0, sizeof *out);
    out->base = base;
    if (memview_read(v, base, &h, sizeof h) != 0 ||
        memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 ||
        h.e_ident[EI_CLASS] != ELFCLASS64 ||
        h.e_ident[EI_DATA] != ELFDATA2LSB || h.e_machine != EM_X86_64 ||
        h.e_phentsize != sizeof(Elf64_Phdr))
        return -1;
    if (read_segments(v, &h, out, &dynamic) != 0)
        return -1;
    read_dynamic(v, dynamic, out);
    return out->symtab && out->strtab && (out->gnu_hash || out->sysv_hash) ? 0
                                                                           : -1;
}

/* The address of symbol `index` when it is `name` and defined, else 0. */
static uint64_t symbol_match(struct memview *v, const struct elf *e,
                             uint64_t index, const char *name)
{
    Elf64_Sym s;
    char text[NAME_MAX_BYTES];
    size_t n = strlen(name) + 1;

    if (memview_read(v, e->symtab + index * sizeof s, &s, sizeof s) != 0 ||
        s.st_shndx == SHN_UNDEF || s.st_name >= e->strsz || n > sizeof text)
        return 0;
    if (memview_read(v, e->strtab + s.st_name, text, n) != 0 ||
        memcmp(text, name, n) != 0)
        return 0;
    return s.st_value + e->bias;
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t h = 5381;

    for (; *name; name++)
        h = h * 33 + (unsigned char)*name;
    return h;
}

/* GNU table: nbuckets, first symbol, bloom words, shift; bloom filter,
 * buckets, then one hash per symbol whose lowest bit ends its chain. */
static uint64_t gnu_lookup(struct memview *v, const struct elf *e,
                           const char *name)
{
    uint32_t head[4], index, hash = gnu_hash(name);
    uint64_t buckets, chains;

    if (memview_read(v, e->gnu_hash, head, sizeof head) != 0 || head[0] == 0)
        return 0;
    buckets = e->gnu_hash + sizeof head + (uint64_t)head[2] * 8;
    chains = buckets + (uint64_t)head[0] * 4;
    if (memview_u32(v, buckets + (uint64_t)(hash % head[0]) * 4, &index) != 0 ||
        index < head[1])
        return 0;
    for (unsigned i = 0; i < CHAIN_MAX; i++, index++) {
        uint32_t h;

        if (memview_u32(v, chains + (uint64_t)(index - head[1]) * 4, &h) != 0)
            return 0;
        if ((h | 1) == (hash | 1)) {
            uint64_t addr = symbol_match(v, e, index, name);

            if (addr)
                return addr;
        }
        if (h & 1)
            return 0;
    }
    return 0;
}

static uint32_t sysv_hash(const char *name)
{
    uint32_t h = 0;

    for (; *name; name++) {
        uint32_t g;

        h = (h << 4) + (unsigned char)*name;
        g = h & 0xf0000000u;
        h = (h ^ (g >> 24)) & ~g;
    }
    return h;
}

/* System V table: nbucket, nchain, buckets, chains. */
static uint64_t sysv_lookup(struct memview *v, const struct elf *e,
                            const char *name)
{
    uint32_t head[2], index;
    uint64_t buckets;

    if (memview_read(v, e->sysv_hash, head, sizeof head) != 0 || head[0] == 0)
        return 0;
    buckets = e->sysv_hash + sizeof head;
    if (memview_u32(v, buckets + (uint64_t)(sysv_hash(name) % head[0]) * 4,
                    &index) != 0)
        return 0;
    for (unsigned i = 0; i < CHAIN_MAX && index != 0 && index < head[1]; i++) {
        uint64_t addr = symbol_match(v, e, index, name);

        if (addr)
            return addr;
        if (memview_u32(v, buckets + ((uint64_t)head[0] + index) * 4, &index))
            return 0;
    }
    return 0;
}

uint64_t elf_symbol(struct memview *v, const struct elf *e, const char *name)
{
    uint64_t addr = e->gnu_hash ? gnu_lookup(v, e, name) : 0;

    return addr || !e->sysv_hash ? addr : sysv_lookup(v, e, name);
}
