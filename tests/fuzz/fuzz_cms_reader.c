/* Any octets as a CMS message: the readers neither crash nor leak nor hang. */
#include "cms/enveloped_reader.h"
#include "cms/signed_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int no_key(void *arg, EVP_PKEY **key, size_t *index, const struct recipient *recipients,
    size_t count, struct error *err)
{
	(void)arg, (void)key, (void)index, (void)recipients, (void)count;
	return error_set(err, HSMIME_ENOKEY, "no key");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const unsigned char secret[32];
	hsmime_memory memory = { data, len, 0 }, beside = { data, len, 0 };
	hsmime_source source, detached;
	struct error err = { .code = 0 };
	struct cms_env env = { NULL, &err };
	struct ber_reader r = { .depth = 0 };
	struct signed_read sign = { .detached = len % 2 == 0 ? &detached : NULL, .text = true };
	struct enveloped_read envelope = { .find = no_key, .secret = secret };
	struct signed_result signed_result = { .count = 0 };
	struct enveloped_result enveloped = { .count = 0 };
	enum cms_type type = CMS_UNKNOWN;

	hsmime_source_memory(&source, &memory);
	hsmime_source_memory(&detached, &beside);
	if (ber_open(&r, &source, &err) == 0 && cms_content_info_enter(&type, &r, &env) == 0) {
		if (type == CMS_SIGNED_DATA && signed_read(&signed_result, &r, &sign, &env) == 0)
			(void)cms_content_info_leave(&r, &env);
		if (type == CMS_ENVELOPED_DATA || type == CMS_AUTH_ENVELOPED_DATA)
			(void)enveloped_read(&enveloped, &r, type, &envelope, &env);
	}
	signed_result_free(&signed_result);
	enveloped_result_free(&enveloped);
	ber_close(&r);
	return 0;
}
