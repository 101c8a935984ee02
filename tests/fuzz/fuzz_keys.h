/*
 * fuzz_keys: two keys, published here and so worthless, for which the seeds of
 * fuzz_decrypt and fuzz_rewrap are encrypted.
 */
#ifndef TESTS_FUZZ_KEYS_H
#define TESTS_FUZZ_KEYS_H

#include <openssl/pem.h>

#include "cms/enveloped_reader.h"

static const char fuzz_rsa[] = "-----BEGIN RSA PRIVATE KEY-----\n"
			       "MIICXAIBAAKBgQC2YekjCgYhPz44I6rDltxYGAFm+DUn0CFk1OpXcJbbWslbCIAJ\n"
			       "5Q6dEq4fEEpLdAWDwhUHmxZk0FJeI8wDYz+UTWQ9845N0bBiikpVahTjSStMfHws\n"
			       "zVrW7ThBo9HJulqix+PD4eRFy53Ns2Sf9iM7I9eBflp1/FM2SVEbYnT39QIDAQAB\n"
			       "AoGASJ6dxNzl6fETpijVgsGcBNuyGzzzdWHTGiIJGT30Y203xa6RxN7WvcZFXIsQ\n"
			       "+hA9beQmmXuwI/4q/d8FCchH9On0hIY2Jg8c6lR7HElpKqNXaoi12qd/6loRDwom\n"
			       "7eKFsaiPlo82mjkQYVzvbj2vhZZxkzIdmybKbIJhNjIafaECQQDYbPmt7ojiZDop\n"
			       "LqSvnEZZb/7fARbv4FSjpgJALvCeXPxTkf+1JK3Fe06h4kjs2MBiF1wHJw5k7nAp\n"
			       "Us+OPDONAkEA17tZtcxiR5wyGPLzTkxZM3sqI8y7p+ifDSfGeZ8PmeaEBwo6daq2\n"
			       "lhrcGLE7RaBsyYxU81emr/j+s/SE/ZXICQJACVh7V6VrR8toL4sSFXs8FnSdnuef\n"
			       "I/Cd9wseIcNlJJGDW+B8GEhjMJnohVkOKRwbAqFbmft3xaf+M+qdh9jVqQJADhJ/\n"
			       "iJdbddZfgjce3eWnD++h0RICz7Ih5ebJUJeqmdxqklb9dz16iZIY91dgSWtsjT0l\n"
			       "MXZvPh1c5/o0TqJdmQJBAK7MLABtZQipsHf7i4zd37NKYfZywM9jmI9aZb1FLDmE\n"
			       "YPTCiRPTe8uliHVC6EsTYxFMqjRSDZxYArTMy1mqJ/c=\n"
			       "-----END RSA PRIVATE KEY-----\n";

static const char fuzz_ec[] = "-----BEGIN EC PRIVATE KEY-----\n"
			      "MHcCAQEEIGKIPF9cTrAGwrGRRmDbcqPEkmoaPlsfr7ucVoqWgT5IoAoGCCqGSM49\n"
			      "AwEHoUQDQgAEmS1hlSzR6m/iej4F0+Oy4TQtZpqYVrDNLNAMOnn+gbAcWbkmztoj\n"
			      "L5+JxwlRfkraVTfU9T1UqfX/ebaZQPOelQ==\n"
			      "-----END EC PRIVATE KEY-----\n";

static inline EVP_PKEY *fuzz_key_read(const char *pem)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);

	BIO_free(in);
	return key;
}

/* fuzz_key_find: a recipient_find: a key of the kind of the first recipient that has one. */
static inline int fuzz_key_find(void *arg, EVP_PKEY **key, size_t *index,
    const struct recipient *recipients, size_t count, struct error *err)
{
	(void)arg;
	for (*index = 0; *index < count; ++*index) {
		enum recipient_kind kind = recipients[*index].kind;

		if (kind != RECIPIENT_RSA && kind != RECIPIENT_EC)
			continue;
		*key = fuzz_key_read(kind == RECIPIENT_RSA ? fuzz_rsa : fuzz_ec);
		return *key != NULL ? 0 : error_nomem(err);
	}
	return error_set(err, HSMIME_ENOKEY, "no key");
}

/* fuzz_certificate(): one for the RSA key, unsigned. */
static inline X509 *fuzz_certificate(void)
{
	EVP_PKEY *key = fuzz_key_read(fuzz_rsa);
	X509 *cert = X509_new();

	X509_set_pubkey(cert, key);
	EVP_PKEY_free(key);
	return cert;
}

#endif
