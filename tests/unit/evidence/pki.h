/*
 * pki: certificates made in memory.
 */
#ifndef TEST_EVIDENCE_PKI_H
#define TEST_EVIDENCE_PKI_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define PKI_NOW                                                                                    \
	INT64_C(1700000000) /* the middle of a certificate's life, where a plan says nothing else */
#define PKI_HOUR INT64_C(3600)

struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

#define PKI_CA                                                                                     \
	{ NID_basic_constraints, "critical,CA:TRUE" },                                             \
	{                                                                                          \
		NID_key_usage, "critical,keyCertSign,cRLSign"                                      \
	}

/* What a certificate says; what is zero is left to a default. */
struct plan {
	const char *name;
	const struct identity *issuer; /* NULL: itself */
	const char *key_type;          /* "EC" (P-256), "RSA" (2048), "RSA-512" and so on */
	const char *digest;            /* "SHA256" */
	int64_t from, to;              /* an hour before and after PKI_NOW */
	struct {
		int nid;
		const char *value; /* as in openssl.cnf */
	} extensions[6];
};

/* Make key and certificate; free with identity_free. */
void identity_make(struct identity *out, const struct plan *plan);
void identity_free(struct identity *i);

#endif
