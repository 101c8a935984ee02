/*
 * hsmime/result.h: what a verification or decryption found, layer by layer.
 */
#ifndef HSMIME_RESULT_H
#define HSMIME_RESULT_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include <hsmime/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HSMIME_NO_TIME INT64_MIN

/* Three-valued answers. */
enum hsmime_answer { HSMIME_NO = 0, HSMIME_YES = 1, HSMIME_NOT_CHECKED = 2 };

enum hsmime_layer_kind {
	HSMIME_LAYER_SIGNED_DETACHED = 1, /* multipart/signed, or a detached CMS signature */
	HSMIME_LAYER_SIGNED_OPAQUE,       /* SignedData with its content inside */
	HSMIME_LAYER_ENCRYPTED,           /* EnvelopedData: not authenticated */
	HSMIME_LAYER_AUTH_ENCRYPTED       /* AuthEnvelopedData */
};

/* One signature of a layer. Strings belong to the result; NULL where unknown. */
typedef struct hsmime_signer {
	int status;                 /* 0: signature and trust as asked hold; else a status */
	int signature_status;       /* 0: the cryptographic signature holds; else a status */
	enum hsmime_answer trusted; /* chain to a trust anchor; NOT_CHECKED with no_chain */
	char *problem;              /* plain words, NULL where status is 0 */
	X509 *certificate;          /* the signer's; NULL where it was not found */
	char *subject;              /* RFC 4514 */
	char *issuer;
	char *serial_number;             /* hexadecimal */
	char **emails;                   /* of the certificate, NULL-terminated */
	enum hsmime_answer from_matches; /* the mail's From address is in the certificate */
	const char *digest;              /* for example "SHA-256" */
	const char *signature_algorithm; /* "RSA PKCS#1 v1.5", "RSA-PSS", "ECDSA", "DSA", … */
	unsigned key_bits;
	int64_t signing_time; /* claimed by the signer, Unix time; HSMIME_NO_TIME */
	int crlf_form; /* 1: matched the CRLF form of the octets, 0: the octets as they came */
} hsmime_signer;

/* One recipient of an encrypted layer. */
typedef struct hsmime_recipient {
	char *issuer;        /* RFC 4514, or NULL */
	char *serial_number; /* hexadecimal, or NULL */
	char *key_id;        /* SubjectKeyIdentifier, hexadecimal, or NULL */
	const char *
	    algorithm; /* "RSA PKCS#1 v1.5", "RSA-OAEP", "ECDH", "password", "symmetric key", "other" */
	int used;      /* the one whose key decrypted */
} hsmime_recipient;

/* One CMS layer, outermost first. */
typedef struct hsmime_layer {
	enum hsmime_layer_kind kind;
	int status;    /* 0, or what does not hold */
	char *problem; /* plain words, NULL where status is 0 */
	hsmime_signer *signers;
	size_t signer_count;
	hsmime_recipient *recipients;
	size_t recipient_count;
	const char *cipher;      /* for example "AES-256-GCM" */
	char *key_uri;           /* the key that decrypted */
	int partial;             /* signed layer: covers only a part of the mail */
	char *content;           /* what the layer covers, for example "multipart/mixed, 3 parts" */
	uint64_t content_offset; /* octets from the start of the layer's input; detached only */
	uint64_t content_size;   /* octets as they came */
} hsmime_layer;

/* The whole; plain data, owned by the caller who frees it with hsmime_result_free. */
typedef struct hsmime_result {
	int status;        /* the verdict: 0 valid, else the status that the call returned */
	int authenticated; /* decryption: 0 when any encrypted layer was CBC (EFAIL) */
	int no_chain;      /* trust was not asked for */
	char *from;        /* the mail's From addresses, comma-separated */
	hsmime_layer *layers;
	size_t layer_count;
	const char *const *not_checked; /* in words, NULL-terminated, for example "revocation" */
} hsmime_result;

/* hsmime_result_free(result): free result and all it holds. NULL is allowed. */
HSMIME_API void hsmime_result_free(hsmime_result *result);

#ifdef __cplusplus
}
#endif

#endif
