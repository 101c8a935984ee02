/* apdu: a command to a card (ISO 7816-4 section 5.1), short or extended. */
#ifndef TESTS_ZOO_CARD_APDU_H
#define TESTS_ZOO_CARD_APDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct apdu {
	uint8_t cla;
	uint8_t ins;
	uint8_t p1;
	uint8_t p2;
	const uint8_t *data; /* within the octets that were read */
	size_t len;
	size_t expected; /* octets that the answer may have */
};

#define APDU_CHAINED 0x10 /* of cla: more of this command follows */

/* apdu_read(a, command, len): whether it is one. */
bool apdu_read(struct apdu *a, const uint8_t *command, size_t len);

#endif
