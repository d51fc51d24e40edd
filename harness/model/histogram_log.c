#include "harness/model/histogram_log.h"

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    COOKIE = 0x1c849313,      /* V2, counts as LEB128 of up to 9 bytes */
    COOKIE_ZLIB = 0x1c849314, /* the same inside a zlib stream */
    DIGITS = 3,               /* as histogram.c has them */
    COUNT_BYTES = 9,          /* most that one count takes */
    HEAD_BYTES = 40,          /* of the encoding, before the counts */
    STORED_MAX = 65535,       /* bytes in a stored block */
    STORED_HEAD = 5,          /* its head */
    ADLER_PRIME = 65521,      /* RFC 1950 */
    TAG_MAX = 200,
};

static const int64_t hour_us = 3600000000;

/* Bytes whose number is known to fit before any is written. */
struct bytes {
    unsigned char *at;
    size_t n;
};

static void put(struct bytes *b, unsigned char c)
{
    b->at[b->n++] = c;
}

/* The lowest `n` bytes of `v`, highest first. */
static void put_big(struct bytes *b, uint64_t v, int n)
{
    while (n-- > 0)
        put(b, (unsigned char)(v >> (8 * n)));
}

/* Zigzag LEB128 with at most nine bytes: the ninth carries eight bits. */
static void put_count(struct bytes *b, int64_t count)
{
    uint64_t v = ((uint64_t)count << 1) ^ (count < 0 ? UINT64_MAX : 0);
    int n = 0;

    for (; v > 0x7f && n < COUNT_BYTES - 1; n++, v >>= 7)
        put(b, (unsigned char)(v | 0x80));
    put(b, (unsigned char)v);
}

/* The counts; several zeros in a row become minus their number. */
static void put_counts(struct bytes *b, const uint64_t *counts, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t end = i;

        while (end < n && counts[end] == 0)
            end++;
        if (end - i > 1) {
            put_count(b, -(int64_t)(end - i));
            i = end;
        } else {
            put_count(b, (int64_t)counts[i++]);
        }
    }
}

static void encode(const struct histogram *h, struct bytes *out)
{
    static const double ratio = 1; /* of stored values to real ones */
    uint64_t ratio_bits;
    struct bytes counts;
    size_t n;
    const uint64_t *from = histogram_counts(h, &n);

    out->at = mem_zalloc(HEAD_BYTES + n * COUNT_BYTES, 1);
    out->n = 0;
    counts = (struct bytes){out->at + HEAD_BYTES, 0};
    put_counts(&counts, from, n);
    memcpy(&ratio_bits, &ratio, sizeof ratio_bits);
    put_big(out, COOKIE, 4);
    put_big(out, counts.n, 4);
    put_big(out, 0, 4); /* offset of the first count */
    put_big(out, DIGITS, 4);
    put_big(out, 1, 8); /* lowest and highest value, in us */
    put_big(out, (uint64_t)hour_us, 8);
    put_big(out, ratio_bits, 8);
    out->n += counts.n;
}

static uint32_t adler32(const unsigned char *p, size_t n)
{
    uint32_t a = 1, b = 0;

    for (size_t i = 0; i < n; i++) {
        a = (a + p[i]) % ADLER_PRIME;
        b = (b + a) % ADLER_PRIME;
    }
    return b << 16 | a;
}

/* A zlib stream (RFC 1950) of stored blocks (RFC 1951, 3.2.4) around `in`,
 * behind the cookie and the stream's length. */
static void wrap(const struct bytes *in, struct bytes *out)
{
    size_t blocks = in->n / STORED_MAX + 1;
    size_t stream = 2 + blocks * STORED_HEAD + in->n + 4;

    out->at = mem_zalloc(8 + stream, 1);
    out->n = 0;
    put_big(out, COOKIE_ZLIB, 4);
    put_big(out, stream, 4);
    put_big(out, 0x7801, 2); /* deflate, 32 KiB window; divides by 31 */
    for (size_t i = 0; i < blocks; i++) {
        size_t left = in->n - i * STORED_MAX;
        size_t n = left < STORED_MAX ? left : STORED_MAX;

        put(out, i + 1 == blocks);
        put(out, n & 0xff);
        put(out, (unsigned char)(n >> 8));
        put(out, ~n & 0xff);
        put(out, (unsigned char)(~n >> 8));
        memcpy(out->at + out->n, in->at + i * STORED_MAX, n);
        out->n += n;
    }
    put_big(out, adler32(in->at, in->n), 4);
}

static void add_base64(const struct bytes *b, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < b->n; i += 3) {
        size_t n = b->n - i < 3 ? b->n - i : 3;
        uint32_t v = (uint32_t)b->at[i] << 16 |
                     (n > 1 ? (uint32_t)b->at[i + 1] << 8 : 0) |
                     (n > 2 ? b->at[i + 2] : 0);
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63],
                        n > 1 ? digits[v >> 6 & 63] : '=',
                        n > 2 ? digits[v & 63] : '='};

        buf_add(out, four, sizeof four);
    }
}

static void add_tag(const char *tag, struct buf *out)
{
    buf_adds(out, "Tag=");
    for (size_t i = 0; i < TAG_MAX && tag[i] != '\0'; i++) {
        unsigned char c = (unsigned char)tag[i];

        buf_addc(out,
                 c <= ' ' || c == ',' || c == '"' || c == 0x7f ? '_' : tag[i]);
    }
    buf_addc(out, ',');
}

void histogram_log_head(int64_t start_ns, struct buf *out)
{
    int64_t start_ms = start_ns / CLOCK_NS_PER_MS;
    time_t second = (time_t)(start_ms / 1000);
    char date[32] = "";
    struct tm tm;

    if (gmtime_r(&second, &tm) != NULL)
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm);
    buf_addf(out,
             "#[Response times in microseconds, maxima in milliseconds]\n"
             "#[Histogram log format version 1.3]\n"
             "#[StartTime: %" PRId64 ".%03" PRId64
             " (seconds since epoch), %s]\n"
             "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
             "\"Interval_Compressed_Histogram\"\n",
             start_ms / 1000, start_ms % 1000, date);
}

void histogram_log_line(const struct histogram *h, const char *tag,
                        double from_s, double to_s, struct buf *out)
{
    struct bytes plain, stream;

    if (histogram_count(h) == 0)
        return;
    encode(h, &plain);
    wrap(&plain, &stream);
    if (tag != NULL)
        add_tag(tag, out);
    buf_addf(out, "%.3f,%.3f,%.3f,", from_s, to_s - from_s,
             (double)histogram_max(h) / 1e6);
    add_base64(&stream, out);
    buf_addc(out, '\n');
    free(plain.at);
    free(stream.at);
}
