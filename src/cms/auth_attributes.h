/*
 * auth_attributes: the attributes of AuthEnvelopedData (RFC 5083 section 2) and
 * the unprotected ones of EnvelopedData.
 */
#ifndef CMS_AUTH_ATTRIBUTES_H
#define CMS_AUTH_ATTRIBUTES_H

#include <stdint.h>

#include <openssl/types.h>

#include "cms/cms.h"
#include "util/buffer.h"

/*
 * auth_attributes_read(aad, der, content_type, env):
 * Append the additional authenticated data of authAttrs, whose element der
 * holds (NULL: there are none), to aad: their DER as a SET OF (section 2.2). A
 * content-type attribute must be there unless content_type is id-data, once and with that
 * value. 0, HSMIME_EFORMAT or HSMIME_ENOMEM.
 */
int auth_attributes_read(struct buffer *aad, const struct buffer *der,
    const ASN1_OBJECT *content_type, struct cms_env *env);

/* attributes_check(der, tag, env): whether der holds [tag] (1 or 2) IMPLICIT SET OF Attribute. 0 or HSMIME_EFORMAT. */
int attributes_check(const struct buffer *der, uint32_t tag, struct cms_env *env);

#endif
