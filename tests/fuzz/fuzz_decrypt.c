/* Any octets as a message to a key that is there: what is accepted has the plaintext's size. */
#include "fuzz.h"

#include "cms/enveloped_reader.h"
#include "fuzz_keys.h"

static struct buffer plain;
static hsmime_memory memory;

static int read_back(void *arg, hsmime_source *out)
{
	(void)arg;
	*out = fuzz_source(&memory, plain.data, plain.len);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const unsigned char secret[32];
	struct enveloped_read how = { .find = fuzz_key_find,
		.content = fuzz_sink(&plain),
		.read_back = read_back,
		.secret = secret };
	hsmime_memory message;
	hsmime_source source = fuzz_source(&message, data, len);
	struct error err = { .code = 0 };
	struct cms_env env = { NULL, &err };
	struct ber_reader r;
	struct enveloped_result result = { .count = 0 };
	enum cms_type type;

	if (ber_open(&r, &source, &err) == 0 && cms_content_info_enter(&type, &r, &env) == 0 &&
	    (type == CMS_ENVELOPED_DATA || type == CMS_AUTH_ENVELOPED_DATA) &&
	    enveloped_read(&result, &r, type, &how, &env) == 0)
		holds(result.content_size == plain.len && result.used < result.count);
	enveloped_result_free(&result);
	buffer_free(&plain);
	ber_close(&r);
	return 0;
}
