/*
 * signer_info: one SignerInfo (RFC 5652 section 5.3) checked.
 */
#ifndef CMS_SIGNER_INFO_H
#define CMS_SIGNER_INFO_H

#include <openssl/x509.h>

#include "cms/asn1_signed.h"
#include "cms/cms.h"
#include "cms/content_digest.h"
#include "cms/signed_reader.h"

/* What the SignerInfos of a message share. */
struct signer_info_check {
	const struct content_digests *digests; /* finished */
	const ASN1_OBJECT *content_type;       /* eContentType */
	bool have_content;                     /* inside, or given beside */
	const STACK_OF(X509) *certificates;
	const STACK_OF(X509) *extra; /* may be NULL */
	struct cms_env *env;
};

/* signer_info_check(out, info, c): fill *out, whatever was in it, with what info comes to. */
void signer_info_check(
    struct signed_signer *out, const SIGNER_INFO *info, const struct signer_info_check *c);

#endif
