#include "engine/provider/tls_premaster.h"

#include <openssl/rand.h>

#include "engine/constant_time.h"
#include "engine/crypto.h"
#include "util/secret.h"

/* 1 where the premaster secret begins with that version. */
static size_t begins_with(const unsigned char *premaster, unsigned version)
{
	return ct_equal(premaster[0], version >> 8) & ct_equal(premaster[1], version & 0xff);
}

static size_t version_fits(const unsigned char *premaster, const struct tls_versions *v)
{
	size_t old = v->negotiated != 0 ? begins_with(premaster, v->negotiated) : 0;

	return begins_with(premaster, v->client) | old;
}

static int decrypt(struct secret *plain, struct token_key *key, const struct token_decrypt *request,
    struct error *err)
{
	plain->len = plain->room;
	return token_key_decrypt(key, plain->data, &plain->len, request, err);
}

int tls_premaster_decrypt(unsigned char *out, struct token_key *key, const unsigned char *data,
    size_t len, const struct tls_versions *versions, struct error *err)
{
	struct secret random = { 0 }, plain = { 0 };
	struct token_decrypt request = { .scheme = TOKEN_DECRYPT_RSA_PKCS1,
		.data = data,
		.len = len,
		.substitute_len = TLS_PREMASTER_SIZE };
	int status = HSMIME_ENOMEM;

	if (secret_new(&random, TLS_PREMASTER_SIZE) != 0 ||
	    secret_new(&plain, token_key_size(key)) != 0)
		status = error_nomem(err);
	else if (RAND_priv_bytes_ex(crypto_context(), random.data, TLS_PREMASTER_SIZE, 0) != 1)
		status = error_set(err, HSMIME_EINTERNAL, "OpenSSL gives no random octets");
	else {
		request.substitute = random.data;
		status = decrypt(&plain, key, &request, err);
	}
	if (status == 0)
		secret_select(out, plain.data, random.data, TLS_PREMASTER_SIZE,
		    (unsigned)version_fits(plain.data, versions));
	secret_free(&plain);
	secret_free(&random);
	return status;
}
