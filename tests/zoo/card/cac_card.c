/*
 * cac_card: an emulated CAC card in a virtual reader: libcacard, with keys and certificates of an
 * NSS database.
 *
 * usage: cac_card PORT DATABASE NAME[,NAME[,NAME]]
 *   DATABASE  as NSS names it (sql:FOLDER); the card's PIN is the database's password
 *   NAME      of a certificate in it, with an RSA key: the card's containers in turn
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <libcacard.h>

#include "vpcd.h"

/* libcacard's side of the card. */
struct emulation {
	VReader *reader;
	uint8_t atr[VPCD_ATR_MAX];
	int atr_len;
};

static void reset(void *arg)
{
	struct emulation *e = arg;

	vreader_power_off(e->reader);
	e->atr_len = sizeof(e->atr);
	if (vreader_power_on(e->reader, e->atr, &e->atr_len) != VREADER_OK)
		e->atr_len = 0;
}

static size_t atr(void *arg, uint8_t *out)
{
	const struct emulation *e = arg;

	for (int i = 0; i < e->atr_len; i++)
		out[i] = e->atr[i];
	return (size_t)e->atr_len;
}

static size_t transmit(void *arg, uint8_t *answer, const uint8_t *command, size_t len)
{
	struct emulation *e = arg;
	int answer_len = VPCD_MESSAGE_MAX;

	if (vreader_xfr_bytes(e->reader, (unsigned char *)command, (int)len, answer, &answer_len) ==
	    VREADER_OK)
		return (size_t)answer_len;
	answer[0] = 0x6f; /* ISO 7816-4 section 5.6: no precise diagnosis */
	answer[1] = 0x00;
	return 2;
}

static VReader *insert(const char *database, const char *names)
{
	VCardEmulOptions *options = NULL;
	char text[1024];

	snprintf(text, sizeof(text), "db=\"%s\" use_hw=no soft=(,Zoo,CAC,,%s)", database, names);
	options = vcard_emul_options(text);
	if (options == NULL || vcard_emul_init(options) != VCARD_EMUL_OK)
		return NULL;
	return vreader_get_reader_by_name("Zoo");
}

int main(int argc, char **argv)
{
	struct emulation e = { 0 };
	struct vpcd_card card = { reset, atr, transmit, &e };

	if (argc != 4) {
		fprintf(stderr, "usage: cac_card PORT DATABASE NAME[,NAME[,NAME]]\n");
		return 2;
	}
	e.reader = insert(argv[2], argv[3]);
	if (e.reader == NULL) {
		fprintf(stderr, "cac_card: no card can be made of %s\n", argv[2]);
		return 1;
	}
	return vpcd_serve(&card, (uint16_t)strtoul(argv[1], NULL, 10));
}
