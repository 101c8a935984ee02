/*
 * tlv: BER-TLV as cards use it (ISO 7816-4 section 5.2.2): tags of one or two octets, lengths
 * below 65536.
 */
#ifndef TESTS_ZOO_CARD_TLV_H
#define TESTS_ZOO_CARD_TLV_H

#include <stddef.h>
#include <stdint.h>

/* One object; value points into what was read. */
struct tlv {
	unsigned tag;
	const uint8_t *value;
	size_t len;
};

/* Objects that are written one after the other; the first one without room sets failed. */
struct tlv_writer {
	uint8_t *data;
	size_t len;
	size_t room;
	int failed;
};

/* tlv_put(w, tag, value, len): append an object; len may be 0, and value NULL then. */
void tlv_put(struct tlv_writer *w, unsigned tag, const uint8_t *value, size_t len);

/* tlv_find(out, data, len, tag): the first object with that one-octet tag; whether there is one. */
int tlv_find(struct tlv *out, const uint8_t *data, size_t len, unsigned tag);

#endif
