/*
 * token_key: one private key on a token, as the provider sees it. Operations
 * take a session from the token's pool, run the mechanism that works there
 * (PKCS#11 where the token has it, padding in software over raw RSA where it
 * has not), and bring the key back after a lost session where that is safe.
 */
#ifndef ENGINE_TOKEN_KEY_H
#define ENGINE_TOKEN_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "util/error.h"

struct token_key;

enum token_key_type { TOKEN_KEY_RSA, TOKEN_KEY_EC };

/*
 * token_key_group(out, keys, count, turn, err):
 * One key of several that are the same key on several tokens (at most 32): an operation is done by
 * whichever token is free and well, of several that are by keys[turn % count] first (engine/group.h).
 * It takes references of its own. HSMIME_EUSAGE where they are not the same key; HSMIME_ENOMEM.
 */
int token_key_group(struct token_key **out, struct token_key *const *keys, size_t count,
    unsigned turn, struct error *err);

/* token_key_up_ref(k), token_key_free(k): shared ownership; NULL may be freed. */
struct token_key *token_key_up_ref(struct token_key *k);
void token_key_free(struct token_key *k);

enum token_key_type token_key_type(const struct token_key *k);

/*
 * token_key_public(k):
 * The public key as a software EVP_PKEY (default provider of the engine's own
 * library context); k keeps it. From the token's public key or certificate or,
 * for RSA, from the private key object.
 */
EVP_PKEY *token_key_public(const struct token_key *k);

/*
 * token_key_uri(k): RFC 7512, without secrets; k keeps it. Of a group that of the key that the last
 * operation was done with.
 */
const char *token_key_uri(const struct token_key *k);

enum token_sign_scheme {
	TOKEN_SIGN_RSA_PKCS1,
	TOKEN_SIGN_RSA_PSS,
	TOKEN_SIGN_RSA_RAW,
	TOKEN_SIGN_ECDSA
};

/* What to sign and how. digest names are OpenSSL's ("SHA256"). */
struct token_sign {
	enum token_sign_scheme scheme;
	const char
	    *digest; /* of data; PKCS1: NULL signs data as it is (a DigestInfo or any octets) */
	const char *mgf1_digest;   /* PSS; NULL: digest */
	size_t salt_len;           /* PSS, octets */
	const unsigned char *data; /* the digest's value; RAW: as long as the modulus */
	size_t len;
};

/* token_key_size(k): octets of a signature at most (RSA: of the modulus; EC: DER ECDSA-Sig-Value). */
size_t token_key_size(const struct token_key *k);

/*
 * token_key_sign(k, sig, sig_len, request, err):
 * Sign. *sig_len is the room at sig and becomes the signature's length; ECDSA
 * gives a DER ECDSA-Sig-Value (RFC 5480). Returns 0, HSMIME_ETOKEN (the token failed, or
 * can't do it), HSMIME_EPIN, HSMIME_ENOKEY (after a lost session the key is not to be found, or
 * not told apart from others), HSMIME_EUNSUPPORTED (an unknown digest), HSMIME_EUSAGE or
 * HSMIME_ENOMEM.
 */
int token_key_sign(struct token_key *k, unsigned char *sig, size_t *sig_len,
    const struct token_sign *request, struct error *err);

enum token_decrypt_scheme {
	TOKEN_DECRYPT_RSA_PKCS1,
	TOKEN_DECRYPT_RSA_OAEP,
	TOKEN_DECRYPT_RSA_RAW
};

/* What to decrypt and how. */
struct token_decrypt {
	enum token_decrypt_scheme scheme;
	const char *digest;         /* OAEP */
	const char *mgf1_digest;    /* OAEP; NULL: digest */
	const unsigned char *label; /* OAEP; may be NULL */
	size_t label_len;
	const unsigned char *data;
	size_t len;
	/*
	 * With a substitute (same for the same input; see cms/content_key.h) a
	 * failed decryption, or a result that is not substitute_len octets long,
	 * gives the substitute with status 0; which of the two it was is decided
	 * in constant time and not told. Without one it is HSMIME_EINVALID.
	 */
	const unsigned char *substitute;
	size_t substitute_len;
};

/*
 * token_key_decrypt(k, out, out_len, request, err):
 * Decrypt. *out_len is the room at out (at least token_key_size) and becomes
 * the length. One token call (DESIGN: closed list of codes). Returns 0,
 * HSMIME_EINVALID (only without a substitute; err says nothing about why),
 * HSMIME_ETOKEN (a code of the closed list, or a refusal before the token saw the
 * ciphertext), HSMIME_EPIN, HSMIME_ENOKEY (as above), HSMIME_EUNSUPPORTED (an unknown
 * digest), HSMIME_EUSAGE or HSMIME_ENOMEM. Data that is longer than the modulus does not
 * decrypt, and costs the same calls.
 */
int token_key_decrypt(struct token_key *k, unsigned char *out, size_t *out_len,
    const struct token_decrypt *request, struct error *err);

/* token_key_unwraps(k): an RSA key that may not decrypt (CKA_DECRYPT) and may unwrap (CKA_UNWRAP). */
bool token_key_unwraps(const struct token_key *k);

/* What is unwrapped. */
enum token_content {
	TOKEN_CONTENT_OCTETS, /* a secret of any kind, which is of use only where it can be read */
	TOKEN_CONTENT_AES_CBC,
	TOKEN_CONTENT_AES_GCM,
	TOKEN_CONTENT_DES3_CBC
};

/*
 * token_key_unwrap(on_token, out, out_len, k, request, content, err):
 * The content key that request->data is under k, which unwraps. Where the token lets its octets be
 * read they are at out as after token_key_decrypt; else *out_len is 0 and *on_token the key on
 * the token (engine/content_on_token.h; its owner is the caller). on_token NULL: the octets or
 * HSMIME_ETOKEN. One C_UnwrapKey sees the message; which template and mechanism the token
 * takes, and what it lets be read, is found out before with a key of our own under k's public
 * key, once for each kind of content. Without CKA_UNWRAP's mechanism there is no padding in
 * software: RSA_RAW is HSMIME_EUNSUPPORTED. request has a substitute, but for TOKEN_CONTENT_OCTETS, where
 * it may be absent; without one a wrong ciphertext is HSMIME_EINVALID. Else as token_key_decrypt, which
 * calls it for keys that unwrap.
 */
struct token_content_key;
int token_key_unwrap(struct token_content_key **on_token, unsigned char *out, size_t *out_len,
    struct token_key *k, const struct token_decrypt *request, enum token_content content,
    struct error *err);

/*
 * token_key_derive(k, out, out_len, peer, peer_len, err):
 * ECDH (CKM_ECDH1_DERIVE with CKD_NULL): the shared x coordinate, field size
 * octets. peer is the uncompressed point (0x04 ‖ x ‖ y) on the key's curve,
 * which is checked here. *out_len is the room and becomes the length.
 */
int token_key_derive(struct token_key *k, unsigned char *out, size_t *out_len,
    const unsigned char *peer, size_t peer_len, struct error *err);

/*
 * token_key_set_error(err): keep err for this thread's engine_take_error.
 * The provider calls it when an operation failed for the token's sake.
 */
void token_key_set_error(const struct error *err);

#endif
