#include "pki.h"

#include <openssl/rsa.h>

#include <time.h>

static void add_extensions(X509 *cert, X509 *issuer, const struct plan *plan)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	for (size_t i = 0; i < 6 && plan->extensions[i].nid != 0; i++) {
		X509_EXTENSION *extension = X509V3_EXT_conf_nid(
		    NULL, &ctx, plan->extensions[i].nid, plan->extensions[i].value);

		assert_non_null(extension);
		assert_int_equal(X509_add_ext(cert, extension, -1), 1);
		X509_EXTENSION_free(extension);
	}
}

static void set_name_and_times(X509 *cert, const struct plan *plan)
{
	static long serial = 1;
	int64_t from = plan->from != 0 ? plan->from : PKI_NOW - PKI_HOUR;
	int64_t to = plan->to != 0 ? plan->to : PKI_NOW + PKI_HOUR;

	assert_int_equal(X509_set_version(cert, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
			     (const unsigned char *)plan->name, -1, -1, 0),
	    1);
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)from));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)to));
}

/* As it is read from a message: what OpenSSL keeps of the making is gone. */
static X509 *reread(X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	const unsigned char *p = der;
	X509 *copy = d2i_X509(NULL, &p, len);

	assert_non_null(copy);
	OPENSSL_free(der);
	X509_free(cert);
	return copy;
}

static EVP_PKEY *key_of(const char *type)
{
	if (type == NULL || strcmp(type, "EC") == 0)
		return EVP_EC_gen("P-256");
	return EVP_RSA_gen(
	    strcmp(type, "RSA") == 0 ? 2048 : (unsigned)strtoul(type + strlen("RSA-"), NULL, 10));
}

void identity_make(struct identity *out, const struct plan *plan)
{
	EVP_PKEY *key = key_of(plan->key_type);
	X509 *cert = X509_new();
	X509 *issuer = plan->issuer != NULL ? plan->issuer->cert : cert;
	EVP_PKEY *signing = plan->issuer != NULL ? plan->issuer->key : key;
	const EVP_MD *md = EVP_get_digestbyname(plan->digest != NULL ? plan->digest : "SHA256");

	assert_non_null(key);
	assert_non_null(cert);
	set_name_and_times(cert, plan);
	assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(issuer)), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	add_extensions(cert, issuer, plan);
	assert_true(X509_sign(cert, signing, md) > 0);
	*out = (struct identity){ .key = key, .cert = reread(cert) };
}

void identity_free(struct identity *i)
{
	EVP_PKEY_free(i->key);
	X509_free(i->cert);
	*i = (struct identity){ 0 };
}
