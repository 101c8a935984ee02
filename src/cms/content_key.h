/*
 * content_key: RSA key transport without an oracle (RFC 3218, RFC 8551 section 6).
 */
#ifndef CMS_CONTENT_KEY_H
#define CMS_CONTENT_KEY_H

#include <stddef.h>

#include <openssl/types.h>

#include "cms/cms.h"
#include "cms/content_holder.h"
#include "util/secret.h"

#define CONTENT_KEY_SECRET 32 /* octets of the secret kept per user */

/*
 * The contract with keys that choose by themselves: an octet-string parameter
 * of the asymmetric cipher. Where EVP_PKEY_CTX_settable_params lists it, it is
 * set to the substitute content key before the decryption, and EVP_PKEY_decrypt then
 * gives that key for every ciphertext that does not decrypt to one of its length; a
 * failure is a failure of the token. Where it is not listed, the choice is made here.
 */
#define CONTENT_KEY_SUBSTITUTE "hsmime-substitute"

/* What a substitute derives from, beside the public key. */
struct content_key_input {
	const unsigned char *encrypted;
	size_t encrypted_len;
	const ASN1_OBJECT *cipher; /* content-encryption algorithm */
	size_t key_len;            /* octets of the content key, at most 32 */
	const unsigned char *secret;
};

/*
 * content_key_choose(out, ctx, key, in, env):
 * Decrypt in->encrypted with key by ctx (of EVP_PKEY_decrypt_init, padding set), once.
 * *out gets what came back where it is as long as a content key, else the substitute:
 * HMAC-SHA256(secret, SubjectPublicKeyInfo | encrypted as a
 * number below the modulus and as long | cipher) cut to in->key_len.
 * Nothing tells which; 0, HSMIME_ETOKEN (the token itself failed), HSMIME_EUSAGE (no
 * secret), HSMIME_ENOMEM or HSMIME_EINTERNAL. Free *out with secret_free.
 */
int content_key_choose(struct secret *out, EVP_PKEY_CTX *ctx, EVP_PKEY *key,
    const struct content_key_input *in, struct cms_env *env);

/*
 * content_key_unwrap(out, unwrapper, key, wrapped, in, env):
 * The same by a key that unwraps, with the same substitute; wrapped lacks encrypted and
 * substitute, which come from in. What unwrapper->unwrap returns, too. Free *out with content_key_clear.
 */
int content_key_unwrap(struct content_key *out, const struct content_unwrapper *unwrapper,
    EVP_PKEY *key, struct content_wrapped *wrapped, const struct content_key_input *in,
    struct cms_env *env);

/*
 * content_key_prepare(key): what substitutes take from an RSA key's public half is kept with key, so that many
 * messages for it cost that once. Before others use key; where it can't be kept nothing changes.
 */
void content_key_prepare(EVP_PKEY *key);

/* content_key_refuse(env): HSMIME_EINVALID with the words of every failure to decrypt. */
int content_key_refuse(struct cms_env *env);

#endif
