/* Any bytes as an endpoint's answer: numbers under clean names, or nothing. */
#include "harness/sampler/readings.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *user, const char *metric, double value)
{
    char full[READINGS_NAME];
    int *n = user;

    (*n)++;
    assert(isfinite(value) && metric[0] != '\0');
    for (const char *s = metric; *s != '\0'; s++)
        assert(islower((unsigned char)*s) || isdigit((unsigned char)*s) ||
               *s == '_');
    if (readings_full_name("a-source", metric, full) == 0)
        assert(strlen(full) < READINGS_NAME);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    int seen = 0, told;

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    told = readings_parse(text, size, check, &seen);
    assert(told == seen || (told < 0 && seen == 0));
    free(text);
    return 0;
}
