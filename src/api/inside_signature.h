/*
 * inside_signature: whether there is encryption inside the signature that is outermost in a
 * message. Nothing is verified, and nothing is read but the beginnings of the layers.
 */
#ifndef API_INSIDE_SIGNATURE_H
#define API_INSIDE_SIGNATURE_H

#include "api/input.h"

/*
 * inside_multipart(found, c, env):
 * c is an ENTITY_SIGNED whose header was read. *found is CMS_ENVELOPED_DATA or
 * CMS_AUTH_ENVELOPED_DATA where the signed part is that, or has a further signature around it;
 * else, and where it can't be read, CMS_UNKNOWN. 0, HSMIME_EIO or HSMIME_ENOMEM.
 */
int inside_multipart(enum cms_type *found, struct cms_input *c, struct cms_env *env);

/*
 * inside_signed_octets(whole, sink, c, env):
 * All of the content of the SignedData at c->ber to sink. *whole is false where there is none, or it can't be read.
 * 0, or a status of sink, HSMIME_EIO or HSMIME_ENOMEM.
 */
int inside_signed_octets(
    bool *whole, const hsmime_sink *sink, struct cms_input *c, struct cms_env *env);

/* inside_signed_data(found, c, env): the same where c->ber is at a SignedData. */
int inside_signed_data(enum cms_type *found, struct cms_input *c, struct cms_env *env);

#endif
