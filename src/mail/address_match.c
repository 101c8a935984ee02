#include <string.h>

#include "mail/address.h"
#include "mail/text.h"

bool address_equal(const char *a, const char *b)
{
	return text_equal(a, b);
}

/* What stands in the quotes is the local part itself. */
static bool is_unquoted(const char *address, const char *email)
{
	const char *p = address + 1;

	for (; *p != '\0' && *p != '"'; p++, email++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		if (*email == '\0' || !text_equal_len(p, email, 1))
			return false;
	}
	return *p == '"' && text_equal(p + 1, email);
}

bool address_is(const char *address, const char *email)
{
	if (address_is_remark(address))
		return false;
	return address_equal(address, email) || (*address == '"' && is_unquoted(address, email));
}

bool address_is_remark(const char *address)
{
	return strcmp(address, ADDRESS_MORE) == 0 || strcmp(address, ADDRESS_REPEATED) == 0;
}
