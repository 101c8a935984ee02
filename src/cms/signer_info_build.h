/*
 * signer_info_build: one SignerInfo (RFC 5652 section 5.3) made: first with a
 * zero digest and signature, so that its size is known, then signed.
 */
#ifndef CMS_SIGNER_INFO_BUILD_H
#define CMS_SIGNER_INFO_BUILD_H

#include "cms/algorithm_signature.h"
#include "cms/asn1_signed.h"
#include "cms/cms.h"
#include "cms/signed_writer.h"

/*
 * signer_scheme(out, request, env):
 * The signature algorithm that request asks for. HSMIME_ENOKEY where key and
 * certificate don't belong together, HSMIME_EUSAGE, HSMIME_EUNSUPPORTED,
 * HSMIME_EPOLICY (a digest too weak to sign with).
 */
int signer_scheme(
    struct signature_algorithm *out, const struct signed_write *request, struct cms_env *env);

/*
 * signer_info_new(out, request, scheme, env):
 * The whole SignerInfo; as long as it will be in the end where the key is RSA.
 * 0, HSMIME_EUSAGE, HSMIME_EUNSUPPORTED or HSMIME_ENOMEM.
 */
int signer_info_new(SIGNER_INFO **out, const struct signed_write *request,
    const struct signature_algorithm *scheme, struct cms_env *env);

/*
 * signer_info_sign(info, request, scheme, digest, env):
 * Put digest, of the content, into it and sign. The signature is verified with the certificate
 * before it is anybody's. 0, HSMIME_ETOKEN or HSMIME_ENOMEM.
 */
int signer_info_sign(SIGNER_INFO *info, const struct signed_write *request,
    const struct signature_algorithm *scheme, const unsigned char *digest, struct cms_env *env);

#endif
