/*
 * recipient_ec: KeyAgreeRecipientInfo (RFC 5652 section 6.2.2) with
 * ephemeral-static ECDH and the X9.63 KDF (RFC 5753).
 */
#ifndef CMS_RECIPIENT_EC_H
#define CMS_RECIPIENT_EC_H

#include <stddef.h>

#include <openssl/types.h>

#include "cms/asn1_enveloped.h"
#include "cms/cms.h"
#include "util/secret.h"

/*
 * recipient_ec_check(info):
 * Whether this is a key agreement that recipient_ec_decrypt does: 0,
 * HSMIME_EFORMAT (malformed parameters) or HSMIME_EUNSUPPORTED.
 */
int recipient_ec_check(const ENV_KEY_AGREE *info);

/*
 * recipient_ec_decrypt(out, key, info, index, key_len, env):
 * The content key of key_len octets from info's RecipientEncryptedKey number
 * index. 0, HSMIME_EINVALID (with the words of content_key_refuse),
 * HSMIME_ETOKEN, HSMIME_EUNSUPPORTED, HSMIME_ENOMEM or HSMIME_EINTERNAL. Free
 * *out with secret_free.
 */
int recipient_ec_decrypt(struct secret *out, EVP_PKEY *key, const ENV_KEY_AGREE *info, size_t index,
    size_t key_len, struct cms_env *env);

/*
 * recipient_ec_make(out, public, content_key, env):
 * An info with content_key encrypted for public under a fresh ephemeral key,
 * one RecipientEncryptedKey whose rid the caller fills in, and the version.
 * 0, HSMIME_EUNSUPPORTED (another curve than P-256, P-384, P-521),
 * HSMIME_ENOMEM or HSMIME_EINTERNAL.
 */
int recipient_ec_make(
    ENV_KEY_AGREE **out, EVP_PKEY *public, const struct secret *content_key, struct cms_env *env);

#endif
