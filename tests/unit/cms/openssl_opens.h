/*
 * openssl_opens: OpenSSL's CMS as the judge of what is written.
 */
#ifndef TESTS_CMS_OPENSSL_OPENS_H
#define TESTS_CMS_OPENSSL_OPENS_H

#include <openssl/cms.h>

#include "cms/enveloped_support.h"

/* message, all of it, decrypts to plain with to's key. */
static inline void openssl_opens(
    const struct buffer *message, const struct party *to, const unsigned char *plain, size_t len)
{
	const unsigned char *p = message->data;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)message->len);
	BIO *out = BIO_new(BIO_s_mem());
	char *data = NULL;

	assert_non_null(cms);
	assert_ptr_equal(p, message->data + message->len);
	assert_int_equal(CMS_decrypt(cms, to->key, to->cert, NULL, out, CMS_BINARY), 1);
	assert_int_equal(BIO_get_mem_data(out, &data), len);
	if (len > 0)
		assert_memory_equal(data, plain, len);
	BIO_free(out);
	CMS_ContentInfo_free(cms);
}

#endif
