#include "harness/load/rest.h"

#include "harness/base/clock.h"

int64_t rest_length(const struct rest *r, int in_flight)
{
    int64_t ns = r->usual_ns / REST_SHARE;

    if (ns > REST_MOST_NS)
        ns = REST_MOST_NS;
    if (r->found == 0 || r->found >= REST_FEW ||
        r->unknown > REST_UNKNOWN_MOST ||
        in_flight * ns < REST_WORTH * r->usual_ns)
        return 0;
    return ns;
}

void rest_before_look(struct rest *r, int in_flight)
{
    int64_t ns = rest_length(r, in_flight), wall_ns;

    r->found = 0;
    r->rested = ns > 0;
    if (ns == 0)
        return;
    clock_sleep_until(clock_now_ns() + ns);
    /* In this order: who loses the core in between makes arrivals later. */
    wall_ns = clock_wall_ns();
    r->offset_ns = clock_now_ns() - wall_ns;
}

int64_t rest_arrival(struct rest *r, int64_t wall_ns, int64_t now_ns)
{
    int64_t at = wall_ns + r->offset_ns;

    if (wall_ns == 0) {
        r->unknown++;
        return now_ns;
    }
    /* Wall time may be set while we look: then all we know is now. */
    return at > now_ns || now_ns - at > CLOCK_NS_PER_S ? now_ns : at;
}
