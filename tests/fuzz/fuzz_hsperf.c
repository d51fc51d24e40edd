/* Any bytes as a Java machine's performance data. */
#include "harness/sampler/inspect/jvm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jvm_counts c;

    jvm_parse(data, size, &c);
    return 0;
}
