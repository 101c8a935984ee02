/*
 * piv_card: an emulated PIV card in a virtual reader.
 *
 * usage: piv_card PORT PIN TRIES REFUSAL REFERENCE=KEY:CERTIFICATE...
 *   TRIES      wrong PINs that block it
 *   REFUSAL    a file: where it exists, the next private-key operation removes it and is refused,
 *              as by a card that has forgotten that the PIN was shown
 *   REFERENCE  9a, 9c, 9d, 9e, 82 to 95, hexadecimal; KEY in PEM without a password, CERTIFICATE
 *              in DER
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>

#include "apdu.h"
#include "piv.h"
#include "vpcd.h"

/* One that no driver of OpenSC lists: by some it would take the card for one that knows RSA only. */
static const uint8_t own_atr[] = { 0x3b, 0x85, 0x80, 0x01, 'Z', 'O', 'O', 'P', 'V', 0x58 };

static const uint8_t application[] = { 0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00 };

static void reset(void *arg)
{
	struct piv_card *card = arg;

	card->verified = card->just_verified = false;
	card->input_len = card->output_len = card->output_at = 0;
}

static size_t atr(void *arg, uint8_t *out)
{
	(void)arg;
	memcpy(out, own_atr, sizeof(own_atr));
	return sizeof(own_atr);
}

static unsigned select_application(struct piv_card *card, const struct apdu *a)
{
	static const uint8_t properties[] = { 0x61, 0x11, 0x4f, 0x06, 0x00, 0x00, 0x10, 0x00, 0x01,
		0x00, 0x79, 0x07, 0x4f, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08 };
	size_t len = a->len < sizeof(application) ? a->len : sizeof(application);

	if (a->p1 != 4 || len < 5 || memcmp(a->data, application, len) != 0)
		return PIV_NOT_FOUND;
	memcpy(card->output, properties, sizeof(properties));
	card->output_len = sizeof(properties);
	return PIV_OK;
}

static unsigned get_data(struct piv_card *card, const struct apdu *a)
{
	if (a->p1 != 0x3f || a->p2 != 0xff || a->len < 3 || a->data[0] != 0x5c ||
	    a->data[1] > a->len - 2)
		return PIV_WRONG_PARAMETERS;
	return piv_object(card, a->data + 2, a->data[1]);
}

/* The PIN, or without data the question whether it was shown. */
static unsigned verify(struct piv_card *card, const struct apdu *a)
{
	if (a->p2 != 0x80)
		return PIV_NO_REFERENCE;
	if (a->p1 == 0xff) {
		card->verified = card->just_verified = false;
		return PIV_OK;
	}
	if (a->len == 0 && card->verified)
		return PIV_OK;
	if (card->tries == 0)
		return PIV_BLOCKED;
	if (a->len == 0)
		return PIV_TRIES_LEFT | card->tries;
	if (a->len != PIV_PIN_LEN)
		return PIV_WRONG_DATA;
	card->verified = CRYPTO_memcmp(card->pin, a->data, PIV_PIN_LEN) == 0;
	card->just_verified = card->verified;
	card->tries = card->verified ? card->tries_max : card->tries - 1;
	if (card->verified)
		return PIV_OK;
	return card->tries > 0 ? PIV_TRIES_LEFT | card->tries : PIV_BLOCKED;
}

static unsigned authenticate(struct piv_card *card, const struct apdu *a)
{
	return piv_authenticate(card, a->p2, a->data, a->len);
}

static unsigned dispatch(struct piv_card *card, const struct apdu *a)
{
	static const struct {
		uint8_t ins;
		unsigned (*run)(struct piv_card *card, const struct apdu *a);
	} instructions[] = { { 0xa4, select_application }, { 0xcb, get_data }, { 0x20, verify },
		{ 0x87, authenticate } };

	for (size_t i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++)
		if (instructions[i].ins == a->ins)
			return instructions[i].run(card, a);
	return PIV_NO_INSTRUCTION;
}

/* What fits of the output, and the status: 61xx says how much is left (ISO 7816-4 section 5.3.4). */
static size_t answer_with(struct piv_card *card, uint8_t *answer, size_t expected, unsigned status)
{
	size_t left = card->output_len - card->output_at, n = left < expected ? left : expected;

	memcpy(answer, card->output + card->output_at, n);
	card->output_at += n;
	left -= n;
	if (left > 0)
		status = PIV_MORE | (left > 0xff ? 0 : (unsigned)left);
	answer[n] = (uint8_t)(status >> 8);
	answer[n + 1] = (uint8_t)status;
	return n + 2;
}

/* Append to the chain; whether there was room. */
static bool gather(struct piv_card *card, const struct apdu *a)
{
	if (card->input_len + a->len > sizeof(card->input)) {
		card->input_len = 0;
		return false;
	}
	if (a->len > 0)
		memcpy(card->input + card->input_len, a->data, a->len);
	card->input_len += a->len;
	return true;
}

static size_t transmit(void *arg, uint8_t *answer, const uint8_t *command, size_t len)
{
	struct piv_card *card = arg;
	struct apdu a;
	unsigned status = PIV_OK;

	if (!apdu_read(&a, command, len))
		return answer_with(card, answer, 0, PIV_WRONG_LENGTH);
	if (a.ins == 0xc0) /* GET RESPONSE */
		return answer_with(card, answer, a.expected,
		    card->output_at < card->output_len ? PIV_OK : PIV_CONDITIONS);
	card->output_len = card->output_at = 0;
	if (!gather(card, &a))
		status = PIV_WRONG_LENGTH;
	else if ((a.cla & APDU_CHAINED) == 0) {
		a.data = card->input;
		a.len = card->input_len;
		card->input_len = 0;
		status = dispatch(card, &a);
	}
	return answer_with(card, answer, a.expected, status);
}

static bool read_key(struct piv_key *key, const char *path)
{
	FILE *f = fopen(path, "r");

	if (f == NULL)
		return false;
	key->key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	return key->key != NULL;
}

static bool read_certificate(struct piv_key *key, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		return false;
	key->certificate_len = fread(key->certificate, 1, sizeof(key->certificate), f);
	fclose(f);
	return key->certificate_len > 0 && key->certificate_len < sizeof(key->certificate);
}

/* REFERENCE=KEY:CERTIFICATE; it is taken apart in place. */
static bool add_key(struct piv_card *card, char *text)
{
	char *path = strchr(text, '='), *certificate = path != NULL ? strchr(path, ':') : NULL;
	struct piv_key *key = &card->keys[card->count];

	if (certificate == NULL || card->count == PIV_KEYS_MAX)
		return false;
	*path++ = *certificate++ = '\0';
	key->reference = (unsigned)strtoul(text, NULL, 16);
	card->count++;
	return read_key(key, path) && read_certificate(key, certificate);
}

int main(int argc, char **argv)
{
	static struct piv_card card;
	struct vpcd_card in_reader = { reset, atr, transmit, &card };

	if (argc < 6 || strlen(argv[2]) > PIV_PIN_LEN) {
		fprintf(stderr,
		    "usage: piv_card PORT PIN TRIES REFUSAL REFERENCE=KEY:CERTIFICATE...\n");
		return 2;
	}
	memset(card.pin, 0xff, sizeof(card.pin));
	memcpy(card.pin, argv[2], strlen(argv[2]));
	card.tries = card.tries_max = (unsigned)strtoul(argv[3], NULL, 10);
	card.refusal = argv[4];
	for (int i = 5; i < argc; i++)
		if (!add_key(&card, argv[i])) {
			fprintf(stderr, "piv_card: no such key or certificate: %s\n", argv[i]);
			return 1;
		}
	return vpcd_serve(&in_reader, (uint16_t)strtoul(argv[1], NULL, 10));
}
