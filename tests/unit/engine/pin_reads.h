/*
 * pin_reads: what reading a PIN source gives. PINs that a test hides have 98765 in them.
 */
#ifndef TESTS_ENGINE_PIN_READS_H
#define TESTS_ENGINE_PIN_READS_H

#include "engine/pin.h"

extern const hsmime_pin_request pin_request; /* the first try, for token Card */

/* The source that spec names, with nobody to ask. */
struct pin_source *pin_open(const char *spec);

void pin_read_gives(struct pin_source *p, const char *expected);

/* No PIN: said why, and nothing of what was read. */
void pin_read_fails(struct pin_source *p, const char *why);

#endif
