#include "cms/auth_attributes.h"

#include <openssl/objects.h>
#include <openssl/x509.h>

#include "cms/asn1_enveloped.h"
#include "cms/asn1_item.h"

static void attributes_free(STACK_OF(X509_ATTRIBUTE) *attributes)
{
	sk_X509_ATTRIBUTE_pop_free(attributes, X509_ATTRIBUTE_free);
}

static int malformed(struct cms_env *env)
{
	return error_set(env->err, HSMIME_EFORMAT, "the attributes of the message are malformed");
}

static STACK_OF(X509_ATTRIBUTE) *decode(const struct buffer *der, uint32_t tag)
{
	return asn1_decode(
	    tag == 1 ? ASN1_ITEM_rptr(ENV_ATTRIBUTES_1) : ASN1_ITEM_rptr(ENV_ATTRIBUTES_2),
	    der->data, der->len);
}

static int check_value(X509_ATTRIBUTE *attribute, const ASN1_OBJECT *content_type)
{
	const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(attribute, 0);

	if (X509_ATTRIBUTE_count(attribute) != 1 || value == NULL || value->type != V_ASN1_OBJECT)
		return HSMIME_EFORMAT;
	return OBJ_cmp(value->value.object, content_type) == 0 ? 0 : HSMIME_EFORMAT;
}

static int check_content_type(const STACK_OF(X509_ATTRIBUTE) *attributes,
    const ASN1_OBJECT *content_type, struct cms_env *env)
{
	int found = 0;
	int status = 0;

	for (int i = 0; status == 0 && i < sk_X509_ATTRIBUTE_num(attributes); i++) {
		X509_ATTRIBUTE *a = sk_X509_ATTRIBUTE_value(attributes, i);

		if (OBJ_obj2nid(X509_ATTRIBUTE_get0_object(a)) == NID_pkcs9_contentType) {
			found++;
			status = check_value(a, content_type);
		}
	}
	if (status == 0 &&
	    (found == 1 || (found == 0 && OBJ_obj2nid(content_type) == NID_pkcs7_data)))
		return 0;
	return error_set(env->err, HSMIME_EFORMAT,
	    "the content-type attribute of the message is missing or wrong");
}

static int append_set(
    struct buffer *aad, const STACK_OF(X509_ATTRIBUTE) *attributes, struct cms_env *env)
{
	unsigned char *der = NULL;
	int len =
	    ASN1_item_i2d((const ASN1_VALUE *)attributes, &der, ASN1_ITEM_rptr(ENV_ATTRIBUTES_SET));
	int status = len < 0 ? HSMIME_ENOMEM : buffer_add(aad, der, (size_t)len);

	OPENSSL_free(der);
	return status == 0 ? 0 : status == HSMIME_ENOMEM ? error_nomem(env->err) : malformed(env);
}

int auth_attributes_read(struct buffer *aad, const struct buffer *der,
    const ASN1_OBJECT *content_type, struct cms_env *env)
{
	STACK_OF(X509_ATTRIBUTE) *attributes;
	int status;

	if (der == NULL)
		return check_content_type(NULL, content_type, env);
	attributes = decode(der, 1);
	if (attributes == NULL || sk_X509_ATTRIBUTE_num(attributes) == 0)
		status = malformed(env);
	else
		status = check_content_type(attributes, content_type, env);
	if (status == 0)
		status = append_set(aad, attributes, env);
	attributes_free(attributes);
	return status;
}

int attributes_check(const struct buffer *der, uint32_t tag, struct cms_env *env)
{
	STACK_OF(X509_ATTRIBUTE) *attributes = decode(der, tag);
	int status = sk_X509_ATTRIBUTE_num(attributes) > 0 ? 0 : malformed(env);

	attributes_free(attributes);
	return status;
}
