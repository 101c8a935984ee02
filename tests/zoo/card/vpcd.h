/*
 * vpcd: a card's end of vsmartcard's virtual reader. The reader is pcscd's driver libifdvpcd.so,
 * which listens; a card that connects is a card that is put in. Each message is a 16-bit
 * big-endian length and that many octets; one octet alone is a control (power, reset, ATR), more
 * are a command APDU.
 */
#ifndef TESTS_ZOO_CARD_VPCD_H
#define TESTS_ZOO_CARD_VPCD_H

#include <stddef.h>
#include <stdint.h>

#define VPCD_MESSAGE_MAX 65535
#define VPCD_ATR_MAX 33 /* ISO 7816-3 section 8.2.1 */

/* What a card does. */
struct vpcd_card {
	/* Power on or reset: as after putting it in. */
	void (*reset)(void *arg);
	/* The ATR in atr, room for VPCD_ATR_MAX; its length. Asked for often: it resets nothing. */
	size_t (*atr)(void *arg, uint8_t *atr);
	/* A command APDU; the answer in answer, room for VPCD_MESSAGE_MAX; its length. */
	size_t (*transmit)(void *arg, uint8_t *answer, const uint8_t *command, size_t len);
	void *arg;
};

/*
 * vpcd_serve(card, port):
 * Put card into the reader that listens on that port of 127.0.0.1, and answer. SIGUSR1 takes the
 * card out, SIGUSR2 puts it in, SIGTERM and SIGINT end this, as does the reader's end. Returns the
 * exit status: 0, or 1 with a message on standard error where no reader listens.
 */
int vpcd_serve(const struct vpcd_card *card, uint16_t port);

#endif
