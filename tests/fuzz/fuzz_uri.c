/* Any text as a pkcs11: URI: what is accepted runs nothing and holds no PIN. */
#include "fuzz.h"

#include "engine/module.h"
#include "engine/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct module m = { .file = "/usr/lib/some-module.so" };
	struct error err = { .code = 0 };
	char *text = strndup((const char *)data, len);
	struct uri u;
	int status = uri_parse(&u, text, &m, &err);

	holds(status == err.code && (status == 0) == (u.p11 != NULL));
	if (status == 0) {
		holds(u.pin_source == NULL || u.pin_source[0] != '|');
		holds(p11_kit_uri_get_pin_value(u.p11) == NULL);
		(void)uri_attribute(&u, CKA_ID);
	}
	uri_free(&u);
	free(text);
	return 0;
}
