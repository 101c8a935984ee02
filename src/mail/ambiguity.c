#include "mail/ambiguity.h"

#include <string.h>

static bool has_bare_cr(const struct buffer *octets)
{
	for (size_t at = 0; at < octets->len; at++) {
		const unsigned char *cr = memchr(octets->data + at, '\r', octets->len - at);

		if (cr == NULL)
			return false;
		at = (size_t)(cr - octets->data) + 1;
		if (at == octets->len || octets->data[at] != '\n')
			return true;
	}
	return false;
}

/* A field that may be there once (RFC 2045 section 3), or a parameter of Content-Type. */
static const struct {
	const char *field;
	const char *parameter;
} twice[] = {
	[AMBIGUITY_CONTENT_TYPE] = { .field = "Content-Type" },
	[AMBIGUITY_ENCODING] = { .field = "Content-Transfer-Encoding" },
	[AMBIGUITY_DISPOSITION] = { .field = "Content-Disposition" },
	[AMBIGUITY_BOUNDARY] = { .parameter = "boundary" },
	[AMBIGUITY_PROTOCOL] = { .parameter = "protocol" },
	[AMBIGUITY_MICALG] = { .parameter = "micalg" },
	[AMBIGUITY_CHARSET] = { .parameter = "charset" },
};

enum ambiguity ambiguity_in(const struct header *h, const struct content_type *type)
{
	if (has_bare_cr(&h->octets))
		return AMBIGUITY_CR;
	for (enum ambiguity a = AMBIGUITY_CONTENT_TYPE; a <= AMBIGUITY_CHARSET; a++) {
		const char *parameter = twice[a].parameter;

		if (twice[a].field != NULL && header_count(h, twice[a].field) > 1)
			return a;
		if (parameter != NULL && type->unclear != NULL &&
		    strcmp(type->unclear, parameter) == 0)
			return a;
	}
	return AMBIGUITY_NONE;
}

int ambiguity_refuse(enum ambiguity found, const char *who, struct error *err)
{
	if (found == AMBIGUITY_CR)
		error_set(err, HSMIME_EFORMAT, "%s has a CR without LF in its header", who);
	else if (twice[found].field != NULL)
		error_set(
		    err, HSMIME_EFORMAT, "%s has more than one %s field", who, twice[found].field);
	else
		error_set(err, HSMIME_EFORMAT,
		    "%s has more than one value for %s in its Content-Type", who,
		    twice[found].parameter);
	error_hint(err, "mail programs differ in what they show of it, so no signature can vouch "
			"for it; it has to be written again without that");
	return HSMIME_EFORMAT;
}
