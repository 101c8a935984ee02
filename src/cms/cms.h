/*
 * cms: what the readers and writers of CMS (RFC 5652) share.
 */
#ifndef CMS_CMS_H
#define CMS_CMS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/types.h>

#include <hsmime/stream.h>

#include "util/ber_reader.h"
#include "util/error.h"

/* What every function of this layer works in. */
struct cms_env {
	OSSL_LIB_CTX *libctx;
	struct error *err;
};

enum cms_type {
	CMS_UNKNOWN = 0,
	CMS_DATA,
	CMS_SIGNED_DATA,
	CMS_ENVELOPED_DATA,
	CMS_AUTH_ENVELOPED_DATA, /* RFC 5083 */
	CMS_COMPRESSED_DATA,     /* RFC 3274 */
	CMS_DIGESTED_DATA,
	CMS_ENCRYPTED_DATA,
	CMS_AUTHENTICATED_DATA
};

/* cms_type_name(type): the RFC's name, for example "EnvelopedData"; never NULL. */
const char *cms_type_name(enum cms_type type);

/*
 * cms_content_info_enter(type, r, env):
 * Read ContentInfo (RFC 5652 section 3) up to its [0] content and descend into
 * it; *type is what comes next. The reader of that type reads it, then
 * cms_content_info_leave consumes the ends. HSMIME_EFORMAT where it is not CMS.
 */
#define CMS_FRAME_MAX 512 /* octets that are consumed at most where it returns 0 */
int cms_content_info_enter(enum cms_type *type, struct ber_reader *r, struct cms_env *env);

/* cms_content_info_leave(r, env): the ends of content and ContentInfo; octets behind them are not read. */
int cms_content_info_leave(struct ber_reader *r, struct cms_env *env);

/* cms_read_oid(oid, r, what): the next element as an ASN1_OBJECT (free it). */
int cms_read_oid(ASN1_OBJECT **oid, struct ber_reader *r, const char *what);

/* cms_type_of(oid), cms_type_oid(type): between content type and NID-known OID (NULL where unknown). */
enum cms_type cms_type_of(const ASN1_OBJECT *oid);
const ASN1_OBJECT *cms_type_oid(enum cms_type type);

/* cms_type_size(type): octets of type's OID as an element. cms_put_type(sink, type): write it; sink's status. */
uint64_t cms_type_size(enum cms_type type);
int cms_put_type(const hsmime_sink *sink, enum cms_type type);

#endif
