#include "cms/recipient_list.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cms/asn1_enveloped.h"
#include "cms/asn1_item.h"
#include "cms/recipient_ec.h"

static int malformed(struct cms_env *env)
{
	return error_set(env->err, HSMIME_EFORMAT, "a recipient of the message is malformed");
}

static int copy_issuer_serial(struct recipient *to, const PKCS7_ISSUER_AND_SERIAL *from)
{
	unsigned char *issuer = NULL;
	unsigned char *serial = NULL;
	int issuer_len = i2d_X509_NAME(from->issuer, &issuer);
	int serial_len = i2d_ASN1_INTEGER(from->serial, &serial);

	to->issuer = issuer;
	to->serial = serial;
	if (issuer_len <= 0 || serial_len <= 0)
		return HSMIME_ENOMEM;
	to->issuer_len = (size_t)issuer_len;
	to->serial_len = (size_t)serial_len;
	return 0;
}

static int copy_key_id(struct recipient *to, const ASN1_OCTET_STRING *from)
{
	size_t len = (size_t)ASN1_STRING_length(from);

	if (len == 0)
		return HSMIME_EFORMAT;
	to->key_id = OPENSSL_memdup(ASN1_STRING_get0_data(from), len);
	to->key_id_len = len;
	return to->key_id == NULL ? HSMIME_ENOMEM : 0;
}

static void recipient_clear(struct recipient *r)
{
	OPENSSL_free((void *)r->issuer);
	OPENSSL_free((void *)r->serial);
	OPENSSL_free((void *)r->key_id);
	memset(r, 0, sizeof(*r));
}

void recipients_free(struct recipient *recipients, size_t count)
{
	for (size_t i = 0; i < count; i++)
		recipient_clear(&recipients[i]);
	free(recipients);
}

static int make_room(struct recipient_list *list)
{
	size_t room = list->room == 0 ? 8 : list->room * 2;
	void *grown;

	if (list->count < list->room)
		return 0;
	grown = reallocarray(list->recipients, room, sizeof(*list->recipients));
	if (grown == NULL)
		return HSMIME_ENOMEM;
	list->recipients = grown;
	grown = reallocarray(list->places, room, sizeof(*list->places));
	if (grown == NULL)
		return HSMIME_ENOMEM;
	list->places = grown;
	list->room = room;
	return 0;
}

/* The next entry, zeroed but for its place; it counts from now on. */
static int add(struct recipient **out, struct recipient_list *list,
    const struct recipient_place *place, enum recipient_kind kind, const char *algorithm)
{
	int status = list->count < RECIPIENTS_MAX ? make_room(list) : HSMIME_EFORMAT;

	if (status != 0)
		return status;
	*out = &list->recipients[list->count];
	memset(*out, 0, sizeof(**out));
	(*out)->kind = kind;
	(*out)->algorithm = algorithm;
	list->places[list->count++] = *place;
	return 0;
}

static int add_key_trans(
    struct recipient_list *list, const struct recipient_place *place, const ENV_KEY_TRANS *info)
{
	struct rsa_transport t;
	struct recipient *r;
	int status = rsa_transport_read(&t, info->algorithm);
	enum recipient_kind kind = status == 0 ? RECIPIENT_RSA : RECIPIENT_OTHER;
	const char *name = status != 0 ? "other" : t.oaep ? "RSA-OAEP" : "RSA PKCS#1 v1.5";
	bool oaep = t.oaep;

	rsa_transport_clear(&t);
	if (status == 0 || status == HSMIME_EUNSUPPORTED)
		status = add(&r, list, place, kind, name);
	if (status != 0)
		return status;
	r->oaep = oaep;
	if (info->rid->type == RID_KEY_ID)
		return copy_key_id(r, info->rid->d.key_id);
	return copy_issuer_serial(r, info->rid->d.issuer_serial);
}

static int add_encrypted_key(struct recipient_list *list, const struct recipient_place *place,
    bool known, const ENV_AGREE_RID *rid)
{
	struct recipient *r;
	int status =
	    add(&r, list, place, known ? RECIPIENT_EC : RECIPIENT_OTHER, known ? "ECDH" : "other");

	if (status != 0)
		return status;
	if (rid->type == AGREE_RID_KEY_ID)
		return copy_key_id(r, rid->d.key_id->key_id);
	return copy_issuer_serial(r, rid->d.issuer_serial);
}

static int add_key_agree(
    struct recipient_list *list, const struct recipient_place *place, const ENV_KEY_AGREE *info)
{
	struct recipient_place at = *place;
	int checked = recipient_ec_check(info);
	int status = checked == HSMIME_EUNSUPPORTED ? 0 : checked;

	for (int i = 0; status == 0 && i < sk_ENV_ENCRYPTED_KEY_num(info->keys); i++) {
		at.key = (size_t)i;
		status = add_encrypted_key(
		    list, &at, checked == 0, sk_ENV_ENCRYPTED_KEY_value(info->keys, i)->rid);
	}
	return status;
}

static int add_info(struct recipient_list *list, const struct recipient_place *place,
    const ENV_RECIPIENT_INFO *info)
{
	struct recipient *r;

	switch (info->type) {
	case INFO_KEY_TRANS:
		return add_key_trans(list, place, info->d.key_trans);
	case INFO_KEY_AGREE:
		return add_key_agree(list, place, info->d.key_agree);
	case INFO_KEK:
		return add(&r, list, place, RECIPIENT_KEK, "symmetric key");
	case INFO_PASSWORD:
		return add(&r, list, place, RECIPIENT_PASSWORD, "password");
	default:
		return add(&r, list, place, RECIPIENT_OTHER, "other");
	}
}

static ENV_RECIPIENT_INFO *decode(
    const struct recipient_list *list, const struct recipient_place *place)
{
	return asn1_decode(
	    ASN1_ITEM_rptr(ENV_RECIPIENT_INFO), list->encoded.data + place->offset, place->len);
}

static int read_info(struct recipient_list *list, struct ber_reader *r, struct cms_env *env)
{
	struct recipient_place place = { .offset = list->encoded.len };
	ENV_RECIPIENT_INFO *info;
	int status = ber_collect(r, &list->encoded);

	if (status != 0)
		return status;
	place.len = list->encoded.len - place.offset;
	info = decode(list, &place);
	status = info == NULL ? HSMIME_EFORMAT : add_info(list, &place, info);
	ENV_RECIPIENT_INFO_free(info);
	if (status == HSMIME_ENOMEM)
		return error_nomem(env->err);
	if (list->count >= RECIPIENTS_MAX && status != 0)
		return error_set(env->err, HSMIME_EFORMAT,
		    "the message has more than %d recipients", RECIPIENTS_MAX);
	return status == 0 ? 0 : malformed(env);
}

int recipient_list_read(struct recipient_list *list, struct ber_reader *r, struct cms_env *env)
{
	struct ber_header h;
	int status;

	memset(list, 0, sizeof(*list));
	buffer_init(&list->encoded, RECIPIENTS_SIZE_MAX);
	status = ber_enter(r, BER_UNIVERSAL, BER_SET, "RecipientInfos");
	while (status == 0 && (status = ber_peek(r, &h)) == 0)
		status = read_info(list, r, env);
	if (status == BER_END)
		status = ber_leave(r, "RecipientInfos");
	if (status == 0 && list->count == 0)
		status = error_set(env->err, HSMIME_EFORMAT, "the message has no recipient");
	return status;
}

void recipient_list_free(struct recipient_list *list)
{
	recipients_free(list->recipients, list->count);
	free(list->places);
	buffer_free(&list->encoded);
	list->recipients = NULL;
	list->places = NULL;
	list->count = 0;
	list->room = 0;
}

int recipient_list_decrypt(struct content_key *out, const struct recipient_list *list, size_t index,
    const struct recipient_key *key, const X509_ALGOR *algorithm,
    const struct content_cipher *cipher, const unsigned char *secret, struct cms_env *env)
{
	ENV_RECIPIENT_INFO *info = NULL;
	int status;

	memset(out, 0, sizeof(*out));
	if (index < list->count)
		info = decode(list, &list->places[index]);
	if (info != NULL && list->recipients[index].kind == RECIPIENT_RSA)
		status = recipient_rsa_decrypt(
		    out, key, info->d.key_trans, algorithm, cipher, secret, env);
	else if (info != NULL && list->recipients[index].kind == RECIPIENT_EC)
		status = recipient_ec_decrypt(&out->octets, key->key, info->d.key_agree,
		    list->places[index].key, cipher->key_len, env);
	else
		status = error_set(env->err, HSMIME_EINTERNAL,
		    "a key was chosen for a recipient that it can't belong to");
	ENV_RECIPIENT_INFO_free(info);
	return status;
}
