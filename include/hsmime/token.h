/*
 * hsmime/token.h: which tokens, keys and certificates there are.
 */
#ifndef HSMIME_TOKEN_H
#define HSMIME_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include <hsmime/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A token's state (from CK_TOKEN_INFO, PKCS#11 v3.0 section 3.2), as bits. */
enum hsmime_token_flags {
	HSMIME_TOKEN_INITIALIZED = 1 << 0,
	HSMIME_TOKEN_LOGIN_REQUIRED = 1 << 1,
	HSMIME_TOKEN_PIN_INITIALIZED = 1 << 2,
	HSMIME_TOKEN_PIN_PAD = 1 << 3, /* CKF_PROTECTED_AUTHENTICATION_PATH */
	HSMIME_TOKEN_WRITE_PROTECTED = 1 << 4,
	HSMIME_TOKEN_PIN_COUNT_LOW = 1 << 5,
	HSMIME_TOKEN_PIN_FINAL_TRY = 1 << 6,
	HSMIME_TOKEN_PIN_LOCKED = 1 << 7,
	HSMIME_TOKEN_PIN_TO_BE_CHANGED = 1 << 8,
	HSMIME_TOKEN_SO_PIN_COUNT_LOW = 1 << 9, /* the same of the security officer's PIN */
	HSMIME_TOKEN_SO_PIN_FINAL_TRY = 1 << 10,
	HSMIME_TOKEN_SO_PIN_LOCKED = 1 << 11,
	HSMIME_TOKEN_SO_PIN_TO_BE_CHANGED = 1 << 12,
	/* Not from CK_TOKEN_INFO: it has not returned from a call that was given up (hsmime/context.h). */
	HSMIME_TOKEN_STUCK = 1 << 13
};

/* A token. */
typedef struct hsmime_token {
	char *label;
	char *serial;
	char *manufacturer;
	char *model;
	char *uri; /* RFC 7512, token attributes only */
	char *slot_description;
	unsigned flags; /* enum hsmime_token_flags */
} hsmime_token;

/* What a key may be used for (CKA_SIGN, CKA_DECRYPT, CKA_DERIVE, CKA_UNWRAP), as bits. */
enum hsmime_key_usage {
	HSMIME_KEY_SIGN = 1 << 0,
	HSMIME_KEY_DECRYPT = 1 << 1,
	HSMIME_KEY_DERIVE = 1 << 2,
	HSMIME_KEY_UNWRAP = 1 << 3
};

/* A key or certificate on a token; a certificate and its key are one entry. */
typedef struct hsmime_key {
	char *uri;   /* RFC 7512; fit for key_uri, -k */
	char *label; /* CKA_LABEL, may be empty */
	char *token_label;
	char *token_serial;
	unsigned char *id;   /* CKA_ID */
	size_t id_len;       /* octets */
	const char *type;    /* "RSA", "EC", or another constant name */
	const char *curve;   /* "P-256", "P-384", "P-521", or NULL */
	unsigned bits;       /* size of the key in bits, 0 unknown */
	unsigned usage;      /* enum hsmime_key_usage; 0 where has_private_key is -1: unknown */
	int has_private_key; /* known only after a login on tokens that hide it: -1 unknown */
	int always_authenticate;
	X509 *certificate; /* NULL where the token has none; owned by the list */
	char *subject;     /* RFC 4514, or NULL without a certificate; so are the following */
	char *issuer;
	char *serial_number; /* hexadecimal */
	char **emails;       /* from subjectAltName and subject, NULL-terminated */
	int64_t not_before;  /* Unix time, seconds */
	int64_t not_after;
} hsmime_key;

/*
 * hsmime_tokens(list, count, ctx):
 * All tokens of the configured modules that match the context's token label,
 * in *list (count of them; possibly none). A slot that is stuck and never said
 * whose token it has is in it whatever the label: with empty names,
 * HSMIME_TOKEN_STUCK alone and a URI of its slot. No login. Free with
 * hsmime_tokens_free. Return 0, HSMIME_EUSAGE (a malformed PIN source),
 * HSMIME_ETOKEN or HSMIME_ENOMEM.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_tokens(hsmime_token **list, size_t *count, hsmime_ctx *ctx);
HSMIME_API void hsmime_tokens_free(hsmime_token *list, size_t count);

/*
 * hsmime_keys(list, count, ctx, key, login):
 * The keys and certificates that key names: a URI (RFC 7512; NULL for all), or a name as
 * hsmime_sign takes it (hsmime/operation.h). With
 * login non-zero logs in to each token first, so that private keys show.
 * Free with hsmime_keys_free. Return 0, HSMIME_EUSAGE (a malformed URI or PIN
 * source), HSMIME_EPOLICY (a URI that is refused: with pin-value, with a
 * pin-source other than a file, with another module), HSMIME_EPIN, HSMIME_ETOKEN
 * or HSMIME_ENOMEM.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_keys(
    hsmime_key **list, size_t *count, hsmime_ctx *ctx, const char *key, int login);
HSMIME_API void hsmime_keys_free(hsmime_key *list, size_t count);

/* A set of certificates from files: signers, chains, recipients or trust anchors. */
typedef struct hsmime_certs hsmime_certs;

/*
 * hsmime_certs_new(certs), hsmime_certs_free(certs): an empty set; NULL may be freed.
 * hsmime_certs_load(certs, ctx, path): add every certificate in path: a PEM
 *     file (several are fine), a DER file, or a folder of such files.
 *     Return 0, HSMIME_EIO (can't be read), HSMIME_EFORMAT (holds no
 *     certificate) or HSMIME_ENOMEM. Private keys in a file are passed over.
 * hsmime_certs_add(certs, cert): add cert, taking a reference of its own.
 * hsmime_certs_count, hsmime_certs_get: the members; the set keeps them.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_certs_new(hsmime_certs **certs);
HSMIME_API void hsmime_certs_free(hsmime_certs *certs);
HSMIME_API HSMIME_MUST_CHECK int hsmime_certs_load(
    hsmime_certs *certs, hsmime_ctx *ctx, const char *path);
HSMIME_API HSMIME_MUST_CHECK int hsmime_certs_add(hsmime_certs *certs, X509 *cert);
HSMIME_API size_t hsmime_certs_count(const hsmime_certs *certs);
HSMIME_API X509 *hsmime_certs_get(const hsmime_certs *certs, size_t index);

#ifdef __cplusplus
}
#endif

#endif
