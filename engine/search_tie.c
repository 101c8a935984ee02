/* Several keys fit: the error that lists them. */
#include "engine/search.h"

#include <stdlib.h>
#include <string.h>

#include "engine/certificate.h"
#include "engine/slot.h"
#include "util/buffer.h"
#include "util/name.h"

#define SUBJECT_MAX 60 /* octets that are shown */

/* Where IDs are the same the labels have to tell keys apart. */
static const CK_ATTRIBUTE *telling_id(const struct search *s, size_t hit)
{
	const CK_ATTRIBUTE *id = object_get(&s->hits[hit].key, CKA_ID);

	if (id == NULL || object_get(&s->hits[hit].key, CKA_LABEL) == NULL)
		return id;
	for (size_t i = 0; i < s->count; i++) {
		const CK_ATTRIBUTE *other = object_get(&s->hits[i].key, CKA_ID);

		if (i != hit && s->hits[i].token == s->hits[hit].token && other != NULL &&
		    other->ulValueLen == id->ulValueLen &&
		    memcmp(other->pValue, id->pValue, id->ulValueLen) == 0)
			return NULL;
	}
	return id;
}

/* Two cards may have one label. */
static bool needs_serial(const struct search *s, size_t hit)
{
	const struct token *t = s->hits[hit].token;

	for (size_t i = 0; i < s->count; i++)
		if (s->hits[i].token != t && strcmp(s->hits[i].token->label, t->label) == 0)
			return true;
	return false;
}

static void add_certificate(struct buffer *item, X509 *cert)
{
	char *name = name_text(X509_get_subject_name(cert));
	char from[CERTIFICATE_DATE_SIZE], to[CERTIFICATE_DATE_SIZE];

	certificate_date(from, X509_get0_notBefore(cert));
	certificate_date(to, X509_get0_notAfter(cert));
	buffer_printf(
	    item, ", %.*s, valid %s to %s", SUBJECT_MAX, name != NULL ? name : "", from, to);
	free(name);
}

/* URI, type, label and what the certificate says. False: no memory for it. */
static bool describe(struct buffer *item, struct search *s, size_t index)
{
	struct hit *hit = &s->hits[index];
	const CK_ATTRIBUTE *label = object_get(&hit->key, CKA_LABEL);
	bool rsa = object_ulong(&hit->key, CKA_KEY_TYPE, CKK_RSA) == CKK_RSA;
	char *uri = NULL;

	if (uri_format_brief(
		&uri, hit->token, needs_serial(s, index), telling_id(s, index), label) < 0)
		return false;
	buffer_printf(item, "%s (%s", uri, rsa ? "RSA" : "EC");
	free(uri);
	if (label != NULL)
		buffer_printf(
		    item, ", \"%.*s\"", (int)label->ulValueLen, (const char *)label->pValue);
	search_peek(s, hit);
	if (hit->certificate != NULL)
		add_certificate(item, hit->certificate);
	buffer_add_string(item, ")");
	return item->status == 0;
}

/* As many as the hint has room for, each of them whole. */
static size_t list(struct buffer *all, struct search *s, size_t room)
{
	size_t shown = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct buffer item;
		bool fits;

		buffer_init(&item, 1024);
		fits = describe(&item, s, i) && all->len + item.len + 2 <= room;
		if (fits && shown++ > 0)
			buffer_add_string(all, "; ");
		if (fits)
			buffer_add(all, item.data, item.len);
		buffer_free(&item);
		if (!fits)
			break;
	}
	return shown;
}

int search_tie(struct search *s)
{
	const char *how =
	    s->purpose == ENGINE_ANY ? "give the URI of one of them" : "choose one with -k";
	struct buffer all;
	size_t shown;

	error_set(
	    s->err, HSMIME_ENOKEY, "%s keys fit", s->count < SEARCH_HITS ? "several" : "many");
	buffer_init(&all, 4096);
	shown = list(
	    &all, s, sizeof(s->err->hint) - strlen(how) - sizeof(": ; 'hsmime keys' lists all"));
	if (buffer_string(&all) != NULL && shown > 0)
		error_hint(s->err, "%s: %s%s", how, buffer_string(&all),
		    shown < s->count ? "; 'hsmime keys' lists all" : "");
	buffer_free(&all);
	return HSMIME_ENOKEY;
}
