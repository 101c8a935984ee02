/*
 * fuzz_open: any octets as an enveloped message to a key that is there, decrypted or rewrapped.
 */
#ifndef TESTS_FUZZ_OPEN_H
#define TESTS_FUZZ_OPEN_H

#include "fuzz.h"

#include "cms/enveloped_rewrap.h"
#include "fuzz_keys.h"

static struct buffer plain, frame;
static struct ber_reader r;
static struct error err;
static struct cms_env env = { NULL, &err };
static hsmime_memory message, memory;

static inline int fuzz_read_back(void *arg, hsmime_source *source)
{
	(void)arg;
	*source = fuzz_source(&memory, plain.data, plain.len);
	return 0;
}

static inline int fuzz_rest(void *arg)
{
	(void)arg;
	return cms_content_info_leave(&r, &env);
}

static inline bool fuzz_anything(const unsigned char *data, size_t len)
{
	return len <= CONTENT_PROOF_BEGINNING && data != NULL;
}

/* fuzz_open(data, len, how): the status; how NULL: decrypted into plain. */
static inline int fuzz_open(const void *data, size_t len, const struct enveloped_rewrap *how)
{
	static const unsigned char secret[32];
	hsmime_source source = fuzz_source(&message, data, len);
	hsmime_sink copy = fuzz_sink(&frame);
	struct enveloped_read read = { .find = fuzz_key_find,
		.content = fuzz_sink(&plain),
		.read_back = fuzz_read_back,
		.rest = fuzz_rest,
		.secret = secret };
	struct enveloped_rewrapped result = { .count = 0 };
	enum cms_type type = CMS_UNKNOWN;
	int status = ber_open(&r, &source, &err);

	r.copy = &copy;
	if (status == 0)
		status = cms_content_info_enter(&type, &r, &env);
	r.copy = NULL;
	if (status == 0 && type != CMS_ENVELOPED_DATA && type != CMS_AUTH_ENVELOPED_DATA)
		status = HSMIME_EFORMAT;
	if (status == 0)
		status = how != NULL ? enveloped_rewrap(&result, &r, type, &read, how, &env)
				     : enveloped_read(&result.old, &r, type, &read, &env);
	enveloped_rewrapped_free(&result);
	ber_close(&r);
	buffer_free(&frame);
	return status;
}

#endif
