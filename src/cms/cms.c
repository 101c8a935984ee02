#include "cms/cms.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "util/ber_writer.h"
#include "util/buffer.h"
#include "util/sink.h"

#define OID_MAX 256

struct type_row {
	enum cms_type type;
	int nid;
	const char *name;
};

static const struct type_row types[] = {
	{ CMS_DATA, NID_pkcs7_data, "Data" },
	{ CMS_SIGNED_DATA, NID_pkcs7_signed, "SignedData" },
	{ CMS_ENVELOPED_DATA, NID_pkcs7_enveloped, "EnvelopedData" },
	{ CMS_AUTH_ENVELOPED_DATA, NID_id_smime_ct_authEnvelopedData, "AuthEnvelopedData" },
	{ CMS_COMPRESSED_DATA, NID_id_smime_ct_compressedData, "CompressedData" },
	{ CMS_DIGESTED_DATA, NID_pkcs7_digest, "DigestedData" },
	{ CMS_ENCRYPTED_DATA, NID_pkcs7_encrypted, "EncryptedData" },
	{ CMS_AUTHENTICATED_DATA, NID_id_smime_ct_authData, "AuthenticatedData" },
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

const char *cms_type_name(enum cms_type type)
{
	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (types[i].type == type)
			return types[i].name;
	return "unknown content";
}

enum cms_type cms_type_of(const ASN1_OBJECT *oid)
{
	int nid = OBJ_obj2nid(oid);

	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (types[i].nid == nid)
			return types[i].type;
	return CMS_UNKNOWN;
}

const ASN1_OBJECT *cms_type_oid(enum cms_type type)
{
	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (types[i].type == type)
			return OBJ_nid2obj(types[i].nid);
	return NULL;
}

uint64_t cms_type_size(enum cms_type type)
{
	return ber_element_size(OBJ_length(cms_type_oid(type)));
}

int cms_put_type(const hsmime_sink *sink, enum cms_type type)
{
	const ASN1_OBJECT *oid = cms_type_oid(type);
	size_t len = OBJ_length(oid);
	int status = ber_put_header(sink, BER_UNIVERSAL, BER_OID, false, len);

	return status == 0 ? sink_write(sink, OBJ_get0_data(oid), len) : status;
}

int cms_read_oid(ASN1_OBJECT **oid, struct ber_reader *r, const char *what)
{
	struct ber_header h;
	struct buffer der;
	const unsigned char *p = NULL;
	int status = 0;

	*oid = NULL;
	buffer_init(&der, OID_MAX);
	status = ber_peek(r, &h);
	if (status == BER_END ||
	    (status == 0 && (h.constructed || !ber_is(&h, BER_UNIVERSAL, BER_OID))))
		status = error_set(r->err, HSMIME_EFORMAT, "%s is missing", what);
	if (status == 0)
		status = ber_collect(r, &der);
	if (status != 0)
		goto out;
	p = der.data;
	ERR_set_mark();
	*oid = d2i_ASN1_OBJECT(NULL, &p, (long)der.len);
	ERR_pop_to_mark();
	if (*oid == NULL)
		status = error_set(r->err, HSMIME_EFORMAT, "%s is malformed", what);
out:
	buffer_free(&der);
	return status;
}

int cms_content_info_enter(enum cms_type *type, struct ber_reader *r, struct cms_env *env)
{
	ASN1_OBJECT *oid = NULL;
	int status = 0;

	*type = CMS_UNKNOWN;
	status = ber_enter(r, BER_UNIVERSAL, BER_SEQUENCE, "CMS ContentInfo");
	if (status == 0)
		status = cms_read_oid(&oid, r, "the CMS content type");
	if (status == 0)
		status = ber_enter(r, BER_CONTEXT, 0, "CMS content");
	if (status == 0)
		*type = cms_type_of(oid);
	ASN1_OBJECT_free(oid);
	if (status == BER_END)
		return error_set(env->err, HSMIME_EFORMAT, "this is not a CMS message");
	return status;
}

int cms_content_info_leave(struct ber_reader *r, struct cms_env *env)
{
	int status = ber_leave(r, "CMS content");

	if (status == 0)
		status = ber_leave(r, "CMS ContentInfo");
	if (status == BER_END)
		return error_set(env->err, HSMIME_EFORMAT, "the CMS message is cut off");
	return status;
}
