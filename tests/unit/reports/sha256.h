/* SHA-256 (FIPS 180-4) in base64: how a page's content policy names a script.
 * For the test of report.html only. */
#ifndef PLATEAU_TESTS_REPORTS_SHA256_H
#define PLATEAU_TESTS_REPORTS_SHA256_H

#include "harness/base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline uint32_t sha256_rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* The first 32 bits of the fraction of a root of the i-th prime, by integer
 * Newton steps: square roots start the state, cube roots are the constants. */
static inline uint32_t sha256_root(int i, int power)
{
    uint32_t prime = 1;

    for (int found = -1; found < i;) {
        bool is_prime = true;

        prime++;
        for (uint32_t d = 2; d * d <= prime; d++)
            is_prime = is_prime && prime % d != 0;
        found += is_prime;
    }
    /* The root times 2^32 by bisection; it is below 2^37. */
    unsigned __int128 low = 0, high = (unsigned __int128)1 << 37;

    while (high - low > 1) {
        unsigned __int128 mid = (low + high) / 2;
        long double x = (long double)mid / 4294967296.0L;
        long double y = power == 2 ? x * x : x * x * x;

        if (y <= prime)
            low = mid;
        else
            high = mid;
    }
    return (uint32_t)low;
}

static inline void sha256_block(uint32_t h[8], const uint32_t k[64],
                                const unsigned char *p)
{
    uint32_t w[64], s[8];

    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[i * 4] << 24 | (uint32_t)p[i * 4 + 1] << 16 |
               (uint32_t)p[i * 4 + 2] << 8 | p[i * 4 + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] +
               (sha256_rotate(w[i - 15], 7) ^ sha256_rotate(w[i - 15], 18) ^
                w[i - 15] >> 3) +
               (sha256_rotate(w[i - 2], 17) ^ sha256_rotate(w[i - 2], 19) ^
                w[i - 2] >> 10);
    memcpy(s, h, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = s[7] +
                      (sha256_rotate(s[4], 6) ^ sha256_rotate(s[4], 11) ^
                       sha256_rotate(s[4], 25)) +
                      ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
        uint32_t t2 = (sha256_rotate(s[0], 2) ^ sha256_rotate(s[0], 13) ^
                       sha256_rotate(s[0], 22)) +
                      ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        h[i] += s[i];
}

/* Gives "sha256-..." of the text. */
static inline char *sha256_policy(const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                 "stuvwxyz0123456789+/";
    size_t n = strlen(text), padded = (n + 9 + 63) / 64 * 64;
    unsigned char *p = mem_zalloc(padded, 1), d[33] = {0};
    char *out = mem_zalloc(64, 1);
    uint32_t h[8], k[64];

    for (int i = 0; i < 8; i++)
        h[i] = sha256_root(i, 2);
    for (int i = 0; i < 64; i++)
        k[i] = sha256_root(i, 3);
    memcpy(p, text, n);
    p[n] = 0x80;
    for (int i = 0; i < 8; i++)
        p[padded - 1 - (size_t)i] = (unsigned char)((uint64_t)n * 8 >> (8 * i));
    for (size_t i = 0; i < padded; i += 64)
        sha256_block(h, k, p + i);
    for (int i = 0; i < 32; i++)
        d[i] = (unsigned char)(h[i / 4] >> (24 - i % 4 * 8));
    memcpy(out, "sha256-", 7);
    for (size_t i = 0; i < 33; i += 3) {
        uint32_t v = (uint32_t)d[i] << 16 | (uint32_t)d[i + 1] << 8 | d[i + 2];

        for (size_t c = 0; c < 4; c++)
            out[7 + i / 3 * 4 + c] = digits[v >> (18 - c * 6) & 63];
    }
    out[7 + 43] = '=';
    free(p);
    return out;
}

#endif
