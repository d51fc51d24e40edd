#include "harness/sampler/inspect/pyversions.h"

#include <stddef.h>

/* clang-format off */
#define RUNTIME PYGC_IN_RUNTIME
#define INTERP PYGC_IN_INTERPRETER
/* Type flags that announce a managed weak reference or dict (3.12: 1 << 3 and
 * 1 << 4; 3.11 has the dict only). */
#define PRE311 0x10u
#define PRE312 0x18u

static const struct pyversion rows[] = {
/* minor  pool  head pre     ascii wide keys  flags  name qual  head next  gc place   at  lists stride perm stats coll ptr    heap_size */
 {  6,    4096, 32,  0,      48,   72, false, false, 832, 848,    0, 0,    PYGC_NONE,   0,  0, 48,     0,   0,   0, false,   0 },
 {  7,    4096, 32,  0,      48,   72, false, false, 832, 848,   24, 0,    RUNTIME,   320, 32, 48,   192, 240, 312, false,   0 },
 {  8,    4096, 16,  0,      48,   72, false, false, 848, 864,   32, 0,    RUNTIME,   344, 24, 24,   104, 128, 200, false,   0 },
 {  9,    4096, 16,  0,      48,   72, false, false, 840, 856,   32, 0,    INTERP,    616, 24, 24,   104, 128, 200, false,   0 },
 { 10,   16384, 16,  0,      48,   72, false, false, 848, 864,   32, 0,    INTERP,    616, 24, 24,   104, 128, 200, false,   0 },
 { 11,   16384, 16,  PRE311, 48,   72, true,  false, 848, 864,   40, 0,    INTERP,    648, 24, 24,   104, 128, 200, false,   0 },
 { 12,   16384, 16,  PRE312, 40,   56, true,  false, 856, 872,   40, 0,    INTERP,    112, 24, 24,   104, 128, 200, false,   0 },
 { 13,   16384, 16,  PRE312, 40,   56, true,  false, 856, 872,  632, 7264, INTERP,   7400, 24, 24,   104, 128, 200, false,   0 },
 { 14,   16384, 16,  PRE312, 40,   56, true,  true,  856, 872,  808, 7272, INTERP,   7408, 24, 24,    96, 120, 192, false, 216 },
 { 15,   16384, 16,  PRE312, 40,   56, true,  true,  864, 880,  936, 7264, INTERP,   7400,  8, 24,    80, 104, 112, true,  144 },
};
/* clang-format on */

#define NROWS ((int)(sizeof rows / sizeof rows[0]))

const struct pyversion *pyversion_find(int minor)
{
    for (int i = 0; i < NROWS; i++)
        if (rows[i].minor == minor)
            return &rows[i];
    return NULL;
}

const struct pyversion *pyversion_at(int i)
{
    return i >= 0 && i < NROWS ? &rows[i] : NULL;
}
