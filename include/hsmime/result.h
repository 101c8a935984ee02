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
	char *serial_number; /* hexadecimal */
	char **emails;       /* of the certificate, NULL-terminated */
	/* YES: the mail has one From field, and every address in it is in the certificate. */
	enum hsmime_answer from_matches;
	char *from_problem;              /* plain words with the other addresses; NULL unless NO */
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
	int opened;    /* 0: it could not be read, or was not; status and problem say why */
	hsmime_signer *signers;
	size_t signer_count;
	hsmime_recipient *recipients;
	size_t recipient_count;
	hsmime_recipient *new_recipients; /* hsmime_rewrap: of the message written, in its order */
	size_t new_recipient_count;
	/*
	 * hsmime_rewrap with reencrypt: what the content is encrypted with in the message written, and how: HSMIME_LAYER_ENCRYPTED
	 * or HSMIME_LAYER_AUTH_ENCRYPTED. That it is authenticated now says nothing of before: kind does. Else NULL and 0.
	 */
	const char *new_cipher;
	int new_kind;
	const char *cipher;      /* for example "AES-256-GCM" */
	char *key_uri;           /* the key that decrypted */
	int partial;             /* signed layer: covers only a part of the mail */
	char *content;           /* what the layer covers, for example "multipart/mixed, 3 parts" */
	uint64_t content_offset; /* octets from the start of the layer's input; detached only */
	uint64_t content_size;   /* octets as they came; rewrapped: 0 where not known */
	uint64_t trailing_octets; /* behind the CMS structure; no part of the message */
	char *
	    place; /* of what is signed in a part of the mail, and of hsmime_decrypt, deep: which part of the mail as it is written, for example "1.2"; NULL: all of it */
	int inside_signature; /* deep: left encrypted, since a signature is around it */
} hsmime_layer;

/* The whole; plain data, owned by the caller who frees it with hsmime_result_free. */
typedef struct hsmime_result {
	/*
	 * The verdict of hsmime_verify: 0 valid, else the status that it returned. After
	 * hsmime_decrypt always 0: what holds of a signature inside is in its layer's status.
	 */
	int status;
	int authenticated; /* decryption: 0 when any encrypted layer was CBC (EFAIL) */
	int no_chain;      /* trust was not asked for */
	char *from;        /* the mail's From addresses, comma-separated; where there are too many
			      addresses or From fields, at the end a remark in parentheses */
	int64_t date; /* hsmime_decrypt, hsmime_rewrap: the mail's Date field; HSMIME_NO_TIME */
	char *
	    not_searched; /* hsmime_decrypt, deep: what was not looked through, and why; NULL: all was */
	hsmime_layer *layers;
	size_t layer_count;
	/* NULL-terminated: "chain", "dates", "purpose", "revocation", "time-stamps". */
	const char *const *not_checked;
} hsmime_result;

/* For whom hsmime_encrypt, hsmime_sign or hsmime_rewrap encrypted. Strings belong to the context. */
typedef struct hsmime_made_recipient {
	char *subject; /* of the certificate, RFC 4514 */
	char *issuer;
	char *serial_number;   /* hexadecimal */
	const char *algorithm; /* "RSA PKCS#1 v1.5", "RSA-OAEP" or "ECDH" */
	char *file;            /* of bcc_dir; NULL: in the message itself */
} hsmime_made_recipient;

/*
 * What hsmime_sign, hsmime_encrypt or hsmime_rewrap used; NULL where there is no signature, or no
 * encryption; rewrapping chooses no cipher but with reencrypt.
 */
typedef struct hsmime_made {
	char *key_uri;                   /* the signer's */
	char *subject;                   /* of the signer's certificate, RFC 4514 */
	const char *digest;              /* for example "SHA-256" */
	const char *signature_algorithm; /* as in hsmime_signer */
	const char *cipher;              /* for example "AES-256-CBC" */
	hsmime_made_recipient *recipients;
	size_t recipient_count;
} hsmime_made;

/* hsmime_result_free(result): free result and all it holds. NULL is allowed. */
HSMIME_API void hsmime_result_free(hsmime_result *result);

#ifdef __cplusplus
}
#endif

#endif
