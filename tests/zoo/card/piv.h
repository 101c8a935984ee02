/*
 * piv: an emulated PIV card (NIST SP 800-73-4): its keys, its data objects and its PIN. Answers
 * end in a status word (ISO 7816-4 section 5.6).
 */
#ifndef TESTS_ZOO_CARD_PIV_H
#define TESTS_ZOO_CARD_PIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#define PIV_KEYS_MAX 24
#define PIV_DATA_MAX 8192
#define PIV_PIN_LEN 8 /* padded with 0xff (SP 800-73-4 part 2, section 2.4.3) */

/* Key references (SP 800-73-4 part 1, table 4b). */
enum piv_reference {
	PIV_AUTHENTICATION = 0x9a,
	PIV_SIGNATURE = 0x9c, /* wants the PIN before each use */
	PIV_KEY_MANAGEMENT = 0x9d,
	PIV_CARD_AUTHENTICATION = 0x9e, /* works without the PIN */
	PIV_RETIRED_FIRST = 0x82,
	PIV_RETIRED_LAST = 0x95
};

enum piv_status {
	PIV_OK = 0x9000,
	PIV_MORE = 0x6100,
	PIV_WRONG_LENGTH = 0x6700,
	PIV_NOT_VERIFIED = 0x6982,
	PIV_BLOCKED = 0x6983,
	PIV_CONDITIONS = 0x6985,
	PIV_WRONG_DATA = 0x6a80,
	PIV_NOT_FOUND = 0x6a82,
	PIV_WRONG_PARAMETERS = 0x6a86,
	PIV_NO_REFERENCE = 0x6a88,
	PIV_NO_INSTRUCTION = 0x6d00,
	PIV_TRIES_LEFT = 0x63c0
};

struct piv_key {
	unsigned reference;
	EVP_PKEY *key;
	uint8_t certificate[PIV_DATA_MAX / 2];
	size_t certificate_len;
};

struct piv_card {
	struct piv_key keys[PIV_KEYS_MAX];
	size_t count;
	uint8_t pin[PIV_PIN_LEN];
	unsigned tries;
	unsigned tries_max;
	bool verified;
	bool just_verified; /* no private-key operation since */
	const char
	    *refusal; /* a file: where it exists one operation is refused, and it is removed */
	uint8_t input[PIV_DATA_MAX]; /* of a chain of commands */
	size_t input_len;
	uint8_t output[PIV_DATA_MAX]; /* what GET RESPONSE still has to fetch */
	size_t output_len;
	size_t output_at;
};

/* piv_key(card, reference): the key, or NULL. */
const struct piv_key *piv_key(const struct piv_card *card, unsigned reference);

/* piv_object(card, tag, len): GET DATA: the object with that tag into card->output; a status. */
unsigned piv_object(struct piv_card *card, const uint8_t *tag, size_t len);

/*
 * piv_authenticate(card, reference, data, len): GENERAL AUTHENTICATE: a raw RSA operation, an
 * ECDSA signature or an ECDH agreement into card->output; a status.
 */
unsigned piv_authenticate(
    struct piv_card *card, unsigned reference, const uint8_t *data, size_t len);

#endif
