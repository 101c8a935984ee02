#include "mail/beginning.h"

#include <string.h>

#define NAME_MIN 2 /* octets of a field's name: shorter ones come by chance */

/* 8-bit octets too: not everybody encodes them. */
static bool is_text(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((data[i] < ' ' && data[i] != '\t' && data[i] != '\r' && data[i] != '\n') ||
		    data[i] == 0x7f)
			return false;
	return true;
}

/* RFC 5322 section 2.2: printable ASCII without a colon, then the colon. */
static bool begins_field(const unsigned char *data, size_t len)
{
	size_t name = 0;

	while (name < len && data[name] > ' ' && data[name] < 0x7f && data[name] != ':')
		name++;
	return name >= NAME_MIN && name < len && data[name] == ':';
}

static bool begins_body(const unsigned char *data, size_t len)
{
	return (len >= 2 && data[0] == '\r' && data[1] == '\n') || (len >= 1 && data[0] == '\n');
}

/* SEQUENCE, its length in any form, and an OBJECT IDENTIFIER of PKCS (1.2.840.113549.1). */
static bool begins_cms(const unsigned char *data, size_t len)
{
	static const unsigned char pkcs[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01 };
	size_t at = 2;

	if (len < 2 || data[0] != 0x30)
		return false;
	if (data[1] > 0x80 && data[1] <= 0x88)
		at += data[1] & 0x7f;
	return len >= at + 2 + sizeof(pkcs) && data[at] == 0x06 &&
	       memcmp(data + at + 2, pkcs, sizeof(pkcs)) == 0;
}

bool beginning_is_message(const unsigned char *data, size_t len)
{
	size_t seen = len < BEGINNING_OCTETS ? len : BEGINNING_OCTETS;

	if (begins_cms(data, seen))
		return true;
	return is_text(data, seen) && (begins_field(data, seen) || begins_body(data, seen));
}
