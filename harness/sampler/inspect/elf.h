/* Dynamic symbols of an ELF object as it lies in a process's memory: program
 * headers, PT_DYNAMIC, then the GNU or System V hash table. Stripping does not
 * touch these. x86-64, little endian. Not a loader, no relocation, no debug
 * information. */
#ifndef PLATEAU_SAMPLER_INSPECT_ELF_H
#define PLATEAU_SAMPLER_INSPECT_ELF_H

#include "harness/sampler/inspect/memview.h"

#include <stdint.h>

struct elf {
    uint64_t base; /* address of the ELF header */
    uint64_t bias; /* added to the addresses in the file */
    uint64_t symtab, strtab, gnu_hash, sysv_hash; /* 0: none */
    uint64_t strsz;
};

/* Reads the headers of the object whose first page is at `base`. Returns 0,
 * or -1 when it is no such ELF object (or not readable). */
int elf_load(struct memview *v, uint64_t base, struct elf *out);

/* The address of the defined symbol `name`, or 0. */
uint64_t elf_symbol(struct memview *v, const struct elf *e, const char *name);

#endif
