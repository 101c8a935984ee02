/*
 * softtoken: SoftHSM tokens for one test program: a folder of their own, keys
 * that are generated on them, and certificates that a software CA issues for
 * those keys. Everything here fails the test at once where it can't be done.
 */
#ifndef TESTS_TOKEN_SOFTTOKEN_H
#define TESTS_TOKEN_SOFTTOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>

#include "proxy.h"

#define SOFTTOKEN_PIN "12345"

struct softtoken {
	char folder[256];
	CK_FUNCTION_LIST *functions;
	CK_SESSION_HANDLE session; /* on the token made last, logged in */
	EVP_PKEY *ca_key;
	X509 *ca;
	long serial;
};

/* A folder with a SoftHSM configuration, which $SOFTHSM2_CONF names from here on. */
void softtoken_begin(struct softtoken *st);

/* One more token with that label and SOFTTOKEN_PIN; what follows goes to it. */
void softtoken_add(struct softtoken *st, const char *label);

/* A key pair; only the flags below are set on the private key. The result is the public key. */
enum softtoken_key_flags {
	KEY_SIGN = 1,
	KEY_DECRYPT = 2,
	KEY_DERIVE = 4,
	KEY_ALWAYS_AUTHENTICATE = 8,
	KEY_NO_PUBLIC_OBJECT = 16,
	KEY_UNWRAP = 32
};
EVP_PKEY *softtoken_rsa(
    struct softtoken *st, unsigned char id, const char *label, unsigned bits, unsigned flags);
EVP_PKEY *softtoken_ec(
    struct softtoken *st, unsigned char id, const char *label, const char *curve, unsigned flags);

/* What a certificate says. */
struct softtoken_cert {
	const char *name;
	const char *email;     /* or NULL */
	const char *key_usage; /* or NULL */
	long from;             /* seconds from now */
	long to;
};

/* A certificate for key by the CA. */
X509 *softtoken_issue(struct softtoken *st, EVP_PKEY *key, const struct softtoken_cert *c);

/* Put cert on the token; with names its CKA_ISSUER and CKA_SERIAL_NUMBER too; hidden: CKA_PRIVATE. */
void softtoken_store(
    struct softtoken *st, X509 *cert, unsigned char id, const char *label, bool names, bool hidden);

/* The tokens are made: let go of the module. */
void softtoken_seal(struct softtoken *st);

/* Remove the folder. */
void softtoken_end(struct softtoken *st);

/* The controls of the proxy module, which stays loaded, and its functions, for calls behind our back. */
const struct proxy *softtoken_proxy(void);
CK_FUNCTION_LIST *softtoken_proxy_functions(void);

/* The slot of the token with that label, by f. */
CK_SLOT_ID softtoken_slot(CK_FUNCTION_LIST *f, const char *label);

#endif
