/*
 * clock: what time it is by one of the system's clocks (clock_gettime(2)), none of which a person sets:
 * CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME; CLOCK_REALTIME only to wait by.
 */
#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stdint.h>
#include <time.h>

/* clock_ms(clock), clock_seconds(clock): in milliseconds; in seconds, cut. 0 where there is no such clock. */
int64_t clock_ms(clockid_t clock);
time_t clock_seconds(clockid_t clock);

/* clock_after(clock, ms): the time in so many milliseconds, for what waits until then. */
struct timespec clock_after(clockid_t clock, int64_t ms);

#endif
