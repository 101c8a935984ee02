#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pin_reads.h"

const hsmime_pin_request pin_request = {
	.token_label = "Card", .token_serial = "00a1", .purpose = "sign"
};

struct pin_source *pin_open(const char *spec)
{
	struct pin_source *p = NULL;
	struct error err = { 0 };

	assert_int_equal(pin_source_new(&p, spec, NULL, NULL, &err), 0);
	return p;
}

void pin_read_gives(struct pin_source *p, const char *expected)
{
	struct secret pin;
	struct error err = { 0 };

	assert_int_equal(pin_read(&pin, p, &pin_request, &err), 0);
	assert_int_equal(pin.len, strlen(expected));
	assert_memory_equal(pin.data, expected, pin.len);
	secret_free(&pin);
}

void pin_read_fails(struct pin_source *p, const char *why)
{
	struct secret pin;
	struct error err = { 0 };

	assert_int_equal(pin_read(&pin, p, &pin_request, &err), HSMIME_EPIN);
	assert_null(pin.data);
	assert_int_equal(err.code, HSMIME_EPIN);
	if (strstr(err.message, why) == NULL)
		fail_msg("\"%s\"", err.message);
	assert_null(strstr(err.message, "98765"));
	assert_null(strstr(err.hint, "98765"));
}
