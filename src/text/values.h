/*
 * values: times and sizes as people write them.
 */
#ifndef TEXT_VALUES_H
#define TEXT_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * time_parse(value, text):
 * RFC 3339 ("2026-11-24T10:00:00Z", with any offset; "2026-11-24" is its first second in UTC),
 * or "@" and a Unix time. False where text is neither.
 */
bool time_parse(int64_t *value, const char *text);

/* time_text(text, value): as RFC 3339 in UTC. False where value is HSMIME_NO_TIME, or not in the years 0 to 9999. */
#define TIME_TEXT_SIZE 32
bool time_text(char text[TIME_TEXT_SIZE], int64_t value);

/*
 * size_parse(value, text):
 * Octets, or with K, M, G or T behind it units of 1024, 1024^2, … False where text is no size,
 * nought, or more than 64 bits hold.
 */
bool size_parse(uint64_t *value, const char *text);

/* count_parse(value, text): a decimal number from 1. False where text is something else, or more than 64 bits hold. */
bool count_parse(uint64_t *value, const char *text);

/* seconds_parse(value, text): whole seconds, up to a year. False where text is something else. */
bool seconds_parse(unsigned *value, const char *text);

#endif
