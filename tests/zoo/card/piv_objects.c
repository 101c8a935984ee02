/* The data objects of SP 800-73-4 part 1, section 3 and appendix A. */
#include <string.h>

#include "piv.h"
#include "tlv.h"

#define OBJECT 0x53
#define CHECKSUM 0xfe

static void put_discovery(struct tlv_writer *w, const struct piv_card *card)
{
	static const uint8_t object[] = { 0x4f, 0x0b, 0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00,
		0x10, 0x00, 0x01, 0x00, /* the application */
		0x5f, 0x2f, 0x02, 0x40, 0x00 /* its own PIN, and no other */ };

	(void)card;
	tlv_put(w, 0x7e, object, sizeof(object));
}

static void put_holder(struct tlv_writer *w, const struct piv_card *card)
{
	static const uint8_t fascn[25] = { 0xd4, 0xe7, 0x39, 0xda, 0x73, 0x9c, 0xed, 0x39, 0xce,
		0x73, 0x9d, 0x83, 0x68, 0x58, 0x21, 0x08, 0x42, 0x10, 0x84, 0x21, 0xc8, 0x42, 0x10,
		0xc3, 0xeb };
	static const uint8_t guid[16] = { 0x48, 0x53, 0x4d, 0x69, 0x6d, 0x65, 0x5a, 0x6f, 0x6f,
		0x50, 0x49, 0x56, 0x00, 0x00, 0x00, 0x01 };
	uint8_t room[128];
	struct tlv_writer inner = { room, 0, sizeof(room), 0 };

	(void)card;
	tlv_put(&inner, 0x30, fascn, sizeof(fascn));
	tlv_put(&inner, 0x34, guid, sizeof(guid));
	tlv_put(&inner, 0x35, (const uint8_t *)"20401231", 8);
	tlv_put(&inner, 0x3e, NULL, 0);
	tlv_put(&inner, CHECKSUM, NULL, 0);
	tlv_put(w, OBJECT, inner.data, inner.len);
}

/* How many retired keys have their certificates on the card. */
static void put_history(struct tlv_writer *w, const struct piv_card *card)
{
	uint8_t room[16], here = 0, elsewhere = 0;
	struct tlv_writer inner = { room, 0, sizeof(room), 0 };

	for (size_t i = 0; i < card->count; i++)
		here += card->keys[i].reference >= PIV_RETIRED_FIRST &&
			card->keys[i].reference <= PIV_RETIRED_LAST;
	if (here == 0)
		return;
	tlv_put(&inner, 0xc1, &here, 1);
	tlv_put(&inner, 0xc2, &elsewhere, 1);
	tlv_put(&inner, CHECKSUM, NULL, 0);
	tlv_put(w, OBJECT, inner.data, inner.len);
}

static void put_certificate(struct tlv_writer *w, const struct piv_key *key)
{
	static const uint8_t uncompressed = 0;
	uint8_t room[PIV_DATA_MAX];
	struct tlv_writer inner = { room, 0, sizeof(room), 0 };

	tlv_put(&inner, 0x70, key->certificate, key->certificate_len);
	tlv_put(&inner, 0x71, &uncompressed, 1);
	tlv_put(&inner, CHECKSUM, NULL, 0);
	tlv_put(w, OBJECT, inner.data, inner.len);
}

/* The third octet of 5FC1xx: a key's certificate. */
static unsigned reference_of(uint8_t tag)
{
	static const struct {
		uint8_t tag;
		uint8_t reference;
	} certificates[] = { { 0x05, PIV_AUTHENTICATION }, { 0x0a, PIV_SIGNATURE },
		{ 0x0b, PIV_KEY_MANAGEMENT }, { 0x01, PIV_CARD_AUTHENTICATION } };

	for (size_t i = 0; i < sizeof(certificates) / sizeof(certificates[0]); i++)
		if (certificates[i].tag == tag)
			return certificates[i].reference;
	return tag >= 0x0d && tag <= 0x20 ? (unsigned)PIV_RETIRED_FIRST + tag - 0x0d : 0;
}

unsigned piv_object(struct piv_card *card, const uint8_t *tag, size_t len)
{
	static const struct {
		const char *tag;
		size_t len;
		void (*put)(struct tlv_writer *w, const struct piv_card *card);
	} objects[] = { { "\x7e", 1, put_discovery }, { "\x5f\xc1\x02", 3, put_holder },
		{ "\x5f\xc1\x0c", 3, put_history } };
	struct tlv_writer w = { card->output, 0, sizeof(card->output), 0 };
	const struct piv_key *key = NULL;

	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		if (objects[i].len == len && memcmp(objects[i].tag, tag, len) == 0)
			objects[i].put(&w, card);
	if (len == 3 && memcmp(tag, "\x5f\xc1", 2) == 0)
		key = piv_key(card, reference_of(tag[2]));
	if (key != NULL)
		put_certificate(&w, key);
	card->output_len = w.failed ? 0 : w.len;
	return card->output_len > 0 ? PIV_OK : PIV_NOT_FOUND;
}
