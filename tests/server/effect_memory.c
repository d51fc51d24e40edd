/* Effects on memory, descriptors and threads. Every byte claimed is touched,
 * so that it is resident; sizes count the allocator's header, so that
 * "leak:2048" makes the heap in use grow by 2,048 bytes per request exactly. */
#include "tests/server/effect.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <signal.h>
#include <sys/prctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CHUNK_HEADER = 8, /* glibc, 64 bits: bytes per chunk that are not ours */
    CHUNK_LEAST = 32,
    PAGE = 4096,
    SMALL = 64, /* chunk size of the "many" leak */
};

/* One live block: linked, so that a census by reachability finds it held. */
struct block {
    struct block *next;
};
static struct block *leaked;

/* Every byte written, none of them zero; gives NULL when memory is out. */
static void *claim(size_t chunk)
{
    size_t n = (chunk < CHUNK_LEAST ? CHUNK_LEAST : chunk) - CHUNK_HEADER;
    void *p = malloc(n);

    if (p != NULL)
        memset(p, 0xA5, n);
    return p;
}

static void fail(struct reply *r)
{
    r->status = 500;
    r->nbody = (size_t)snprintf(r->body, sizeof r->body, "out of it\n");
}

void effect_leak_heap(uint64_t bytes)
{
    struct block *b = claim(bytes);

    if (b == NULL)
        return;
    b->next = leaked;
    leaked = b;
    ledger.live_bytes += bytes;
}

static void leak_pages(uint64_t bytes, struct reply *r)
{
    size_t n = (bytes + PAGE - 1) / PAGE * PAGE;
    char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0);

    if (p == MAP_FAILED) {
        fail(r);
        return;
    }
    memset(p, 0xA5, n);
    ledger.live_bytes += n;
}

/* leak:BYTES[:one|many|mmap[:EVERY]] */
static void apply_leak(struct effect *e, const struct request *q,
                       struct reply *r)
{
    uint64_t bytes = e->num[0], every = e->num[2] > 0 ? e->num[2] : 1;

    (void)q;
    if (e->hits % every != 0)
        return;
    if (strcmp(e->arg[1], "mmap") == 0) {
        leak_pages(bytes, r);
    } else if (strcmp(e->arg[1], "many") == 0) {
        for (; bytes >= SMALL; bytes -= SMALL)
            effect_leak_heap(SMALL);
    } else {
        effect_leak_heap(bytes);
    }
}

/* objects:MILLI leaks so many thousandths of an object per request: whole ones
 * always, the rest by chance. */
static void apply_objects(struct effect *e, const struct request *q,
                          struct reply *r)
{
    uint64_t n = e->num[0] / 1000;

    (void)q;
    (void)r;
    e->count = e->count * 6364136223846793005u + 1442695040888963407u;
    n += (e->count >> 33) % 1000 < e->num[0] % 1000;
    ledger.live_objects += n;
    for (; n > 0; n--)
        effect_leak_heap(SMALL);
}

/* distinct:BYTES leaks once for each query string never seen before. The set
 * of those seen is touched as a whole at the start: it must not grow. */
enum { SEEN_SLOTS = 1 << 19 };

static void start_distinct(struct effect *e)
{
    e->state = malloc(SEEN_SLOTS * sizeof(uint64_t));
    if (e->state != NULL)
        memset(e->state, 0, SEEN_SLOTS * sizeof(uint64_t));
}

static void apply_distinct(struct effect *e, const struct request *q,
                           struct reply *r)
{
    uint64_t *seen = e->state, hash = 14695981039346656037u;
    size_t at;

    for (size_t i = 0; i < q->nquery; i++)
        hash = (hash ^ (unsigned char)q->query[i]) * 1099511628211u;
    hash |= 1; /* 0 marks a free slot */
    if (seen == NULL || e->count >= SEEN_SLOTS / 2) {
        fail(r);
        return;
    }
    for (at = (hash >> 20) % SEEN_SLOTS; seen[at] != 0;
         at = (at + 1) % SEEN_SLOTS)
        if (seen[at] == hash)
            return;
    seen[at] = hash;
    e->count++;
    effect_leak_heap(e->num[0]);
}

/* Caches keep their slots in a table made at the start. */
static void start_slots(struct effect *e)
{
    e->state = calloc(e->num[0] > 0 ? e->num[0] : 1, sizeof(void *));
    if (e->state != NULL)
        memset(e->state, 0, (e->num[0] > 0 ? e->num[0] : 1) * sizeof(void *));
}

/* cache:ENTRIES:BYTES fills one entry per request; full, it replaces the
 * oldest. */
static void apply_cache(struct effect *e, const struct request *q,
                        struct reply *r)
{
    void **slots = e->state, **slot;

    (void)q;
    if (slots == NULL || e->num[0] == 0) {
        fail(r);
        return;
    }
    slot = &slots[(e->hits - 1) % e->num[0]];
    if (*slot == NULL)
        ledger.held_bytes += e->num[1];
    free(*slot);
    *slot = claim(e->num[1]);
}

/* lookup:ENTRIES:BYTES draws a key at random, and keeps what it had to make:
 * fills ever more slowly. */
static void apply_lookup(struct effect *e, const struct request *q,
                         struct reply *r)
{
    void **slots = e->state, **slot;

    (void)q;
    if (slots == NULL || e->num[0] == 0) {
        fail(r);
        return;
    }
    e->count = e->count * 6364136223846793005u + 1442695040888963407u;
    slot = &slots[(e->count >> 33) % e->num[0]];
    if (*slot == NULL) {
        *slot = claim(e->num[1]);
        ledger.held_bytes += e->num[1];
    }
}

/* sawtooth:BYTES:LIMIT uses BYTES of an arena; full, it gives the arena back,
 * as a collector does. */
static void start_arena(struct effect *e)
{
    void *p = mmap(NULL, e->num[1] > 0 ? e->num[1] : PAGE,
                   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    e->state = p != MAP_FAILED ? p : NULL;
}

static void apply_sawtooth(struct effect *e, const struct request *q,
                           struct reply *r)
{
    char *arena = e->state;

    (void)q;
    if (arena == NULL || e->num[0] > e->num[1]) {
        fail(r);
        return;
    }
    if (e->bytes + e->num[0] > e->num[1]) {
        madvise(arena, e->num[1], MADV_DONTNEED);
        e->bytes = 0;
    }
    memset(arena + e->bytes, 0xA5, e->num[0]);
    e->bytes += e->num[0];
}

/* step:AFTER:BYTES keeps BYTES once, at request number AFTER. */
static void apply_step(struct effect *e, const struct request *q,
                       struct reply *r)
{
    struct block *pieces = NULL;

    (void)q;
    (void)r;
    if (e->hits != e->num[0])
        return;
    for (uint64_t n = 0; n < e->num[1]; n += 1024) {
        struct block *b = claim(1024);

        if (b == NULL)
            break;
        b->next = pieces;
        pieces = b;
        ledger.held_bytes += 1024;
    }
    e->state = pieces;
}

/* burst:AFTER:BYTES uses BYTES once, in pieces, and frees them all; a piece
 * behind them keeps the allocator from giving the pages back. Nothing is
 * live, RSS stays; what leaks later hides in the freed pages. */
static void apply_burst(struct effect *e, const struct request *q,
                        struct reply *r)
{
    struct block *pieces = NULL;

    (void)q;
    (void)r;
    if (e->hits != e->num[0])
        return;
    for (uint64_t n = 0; n < e->num[1]; n += 1024) {
        struct block *b = claim(1024);

        if (b == NULL)
            break;
        b->next = pieces;
        pieces = b;
    }
    e->state = claim(1024);
    while (pieces != NULL) {
        struct block *b = pieces;

        pieces = b->next;
        free(b);
    }
}

/* churn:BYTES uses memory and gives it back within the request. */
static void apply_churn(struct effect *e, const struct request *q,
                        struct reply *r)
{
    (void)q;
    (void)r;
    free(claim(e->num[0]));
}

/* cow:TOTAL:BYTES writes on BYTES more of memory that was there before the
 * workers were forked: private memory grows, nothing leaks. */
static void start_cow(struct effect *e)
{
    e->state = claim(e->num[0]);
}

static void apply_cow(struct effect *e, const struct request *q,
                      struct reply *r)
{
    uint64_t usable = e->num[0] > 64 ? e->num[0] - 64 : 0, n = e->num[1];
    char *memory = e->state;

    (void)q;
    (void)r;
    if (memory == NULL || e->bytes >= usable)
        return;
    if (n > usable - e->bytes)
        n = usable - e->bytes;
    memset(memory + e->bytes, 0x5A, n);
    e->bytes += n;
}

/* fd[:file|socket|pipe] opens and forgets. */
static void apply_fd(struct effect *e, const struct request *q, struct reply *r)
{
    int p[2] = {-1, -1};

    (void)q;
    if (strcmp(e->arg[0], "socket") == 0)
        p[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    else if (strcmp(e->arg[0], "pipe") == 0)
        p[0] = pipe2(p, O_CLOEXEC) == 0 ? p[0] : -1;
    else
        p[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (p[0] < 0)
        fail(r);
    else
        ledger.fds += p[1] >= 0 ? 2 : 1;
}

static void *sleep_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return NULL;
}

/* thread starts one that never ends. */
static void apply_thread(struct effect *e, const struct request *q,
                         struct reply *r)
{
    pthread_attr_t attr;
    pthread_t thread;

    (void)e;
    (void)q;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 65536);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, sleep_for_ever, NULL) != 0)
        fail(r);
    else
        ledger.threads++;
    pthread_attr_destroy(&attr);
}

/* zombie starts a process that ends at once and that nobody waits for. */
static void apply_zombie(struct effect *e, const struct request *q,
                         struct reply *r)
{
    pid_t pid = fork();

    (void)e;
    (void)q;
    if (pid == 0)
        _exit(0);
    if (pid < 0)
        fail(r);
}

/* child starts a process that lives as long as this one. */
static void apply_child(struct effect *e, const struct request *q,
                        struct reply *r)
{
    pid_t own = getpid(), pid = fork();

    (void)e;
    (void)q;
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == own)
            pause();
        _exit(0);
    }
    if (pid < 0)
        fail(r);
}

/* pagecache:BYTES appends to a file without a name: the control group's usage
 * grows, no process does. From 1 GiB on it starts over. */
static void apply_pagecache(struct effect *e, const struct request *q,
                            struct reply *r)
{
    static char block[65536];
    const char *tmp = getenv("TMPDIR");
    char path[512];
    int fd = (int)e->count - 1;

    (void)q;
    if (fd < 0) {
        snprintf(path, sizeof path, "%s/leaky-XXXXXX",
                 tmp != NULL ? tmp : "/tmp");
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0) {
            fail(r);
            return;
        }
        unlink(path);
        e->count = (uint64_t)fd + 1;
    }
    if (e->bytes > (uint64_t)1 << 30) {
        e->bytes = 0;
        if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
            fail(r);
    }
    for (uint64_t left = e->num[0]; left > 0;) {
        size_t n = left < sizeof block ? left : sizeof block;
        ssize_t done = write(fd, block, n);

        if (done <= 0) {
            fail(r);
            return;
        }
        left -= (uint64_t)done;
        e->bytes += (uint64_t)done;
    }
}

const struct effect_kind effect_memory_kinds[] = {
    {"leak", 1, apply_leak, NULL},
    {"objects", 1, apply_objects, NULL},
    {"distinct", 1, apply_distinct, start_distinct},
    {"cache", 2, apply_cache, start_slots},
    {"lookup", 2, apply_lookup, start_slots},
    {"sawtooth", 2, apply_sawtooth, start_arena},
    {"step", 2, apply_step, NULL},
    {"burst", 2, apply_burst, NULL},
    {"churn", 1, apply_churn, NULL},
    {"cow", 2, apply_cow, start_cow},
    {"fd", 0, apply_fd, NULL},
    {"thread", 0, apply_thread, NULL},
    {"zombie", 0, apply_zombie, NULL},
    {"child", 0, apply_child, NULL},
    {"pagecache", 1, apply_pagecache, NULL},
    {NULL, 0, NULL, NULL},
};
