/*
 * recipient_info: RecipientInfos (RFC 5652 section 6.2) made for certificates.
 */
#ifndef CMS_RECIPIENT_INFO_H
#define CMS_RECIPIENT_INFO_H

#include "cms/asn1_enveloped.h"
#include "cms/cms.h"
#include "cms/enveloped_writer.h"
#include "util/secret.h"

/*
 * recipient_infos_make(out, request, content_key, env):
 * content_key encrypted for each of request's recipients. The errors of
 * enveloped_writer_new. Free with recipient_infos_free.
 */
int recipient_infos_make(STACK_OF(ENV_RECIPIENT_INFO) **out, const struct enveloped_write *request,
    const struct secret *content_key, struct cms_env *env);
void recipient_infos_free(STACK_OF(ENV_RECIPIENT_INFO) *infos);

/* recipient_infos_version(infos): the version of an EnvelopedData with these (RFC 5652 section 6.1). */
int recipient_infos_version(const STACK_OF(ENV_RECIPIENT_INFO) *infos);

#endif
