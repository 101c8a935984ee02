#include "engine/choice.h"

#include <stdlib.h>
#include <string.h>

#include "engine/certificate.h"
#include "engine/engine_internal.h"
#include "engine/find.h"
#include "engine/key.h"
#include "engine/log.h"
#include "engine/public_key.h"
#include "engine/selector.h"
#include "engine/slot.h"

void choice_free(struct choice *c)
{
	for (size_t i = 0; i < c->count; i++)
		X509_free(c->items[i].cert);
	free(c->items);
	X509_free(c->example);
	c->items = NULL;
	c->example = NULL;
	c->count = c->room = c->unfit = 0;
}

static struct chosen *same_key(struct choice *c, const struct token *t, const CK_ATTRIBUTE *id)
{
	for (size_t i = 0; id != NULL && i < c->count; i++)
		if (c->items[i].token == t && c->items[i].id_len == id->ulValueLen &&
		    memcmp(c->items[i].id, id->pValue, id->ulValueLen) == 0)
			return &c->items[i];
	return NULL;
}

static bool make_room(struct choice *c)
{
	size_t room = c->room == 0 ? 16 : c->room * 2;
	struct chosen *larger;

	if (c->count < c->room)
		return true;
	larger = realloc(c->items, room * sizeof(*larger));
	if (larger == NULL)
		return false;
	c->items = larger;
	c->room = room;
	return true;
}

int choice_add(
    struct choice *c, struct token *t, const struct object *o, X509 *cert, size_t candidate)
{
	const CK_ATTRIBUTE *id = object_get(o, CKA_ID);
	struct chosen *item = same_key(c, t, id);

	if (item != NULL && (item->candidate != candidate || !certificate_better(cert, item->cert)))
		return 0;
	if (item == NULL && c->count == CHOSEN_MAX) {
		log_say(
		    0, "more than %d certificates fit: the others are not looked at", CHOSEN_MAX);
		return SEARCH_STOP;
	}
	if (item == NULL && !make_room(c))
		return HSMIME_ENOMEM;
	if (item == NULL) {
		item = &c->items[c->count++];
		memset(item, 0, sizeof(*item));
	}
	X509_free(item->cert);
	X509_up_ref(cert);
	item->cert = cert;
	item->token = t;
	item->candidate = candidate;
	item->id_len = 0;
	if (id != NULL && id->ulValueLen <= sizeof(item->id)) {
		memcpy(item->id, id->pValue, id->ulValueLen);
		item->id_len = id->ulValueLen;
	}
	return 0;
}

/* How sure it is that a private key is a certificate's. */
enum { OTHER, MAY_BE, BY_PUBLIC_OBJECT, PROVEN, GRADES };

static size_t grade_all(
    size_t *best, unsigned char *grades, const struct search *s, size_t before, const EVP_PKEY *key)
{
	size_t count[GRADES] = { 0 };

	for (size_t i = before; i < s->count; i++) {
		int same = public_key_compare(&s->hits[i].key, key);

		grades[i] = same == 1 ? PROVEN : same == 0 ? OTHER : MAY_BE;
		count[grades[i]]++;
	}
	*best = count[PROVEN] > 0 ? PROVEN : MAY_BE;
	return count[*best];
}

/* EC private keys of one ID that show no point: their public key objects may tell them apart. */
static int look_at_public_keys(
    size_t *best, unsigned char *grades, struct search *s, size_t before, const EVP_PKEY *key)
{
	int r = 0;

	for (size_t i = before; r == 0 && i < s->count; i++) {
		struct hit *hit = &s->hits[i];

		if (grades[i] != MAY_BE)
			continue;
		r = search_public_key(s, hit);
		if (r == 0 && hit->public_key != NULL)
			grades[i] =
			    EVP_PKEY_eq(hit->public_key, key) == 1 ? BY_PUBLIC_OBJECT : OTHER;
		if (grades[i] == BY_PUBLIC_OBJECT)
			*best = BY_PUBLIC_OBJECT;
	}
	return r;
}

/* Of the hits from before on, keep those of that grade and give them cert. */
static void keep(struct search *s, size_t before, const unsigned char *grades, size_t best,
    X509 *cert, EVP_PKEY *key)
{
	size_t kept = before;

	for (size_t i = before; i < s->count; i++) {
		struct hit *hit = &s->hits[i];

		EVP_PKEY_free(hit->public_key);
		hit->public_key = NULL;
		/* What is proven twice is one key. */
		if (grades[i] != best || (best == PROVEN && kept > before)) {
			object_free(&hit->key);
			continue;
		}
		EVP_PKEY_up_ref(key);
		hit->public_key = key;
		X509_up_ref(cert);
		hit->certificate = cert;
		s->hits[kept++] = *hit;
	}
	s->count = kept;
}

/* Of the hits from before on, keep what is cert's: one, or those that can't be told apart. */
static int keep_owner(struct search *s, size_t before, X509 *cert)
{
	unsigned char grades[SEARCH_HITS] = { OTHER };
	EVP_PKEY *key = public_key_of_certificate(cert);
	size_t best = PROVEN;
	int r = 0;

	if (key != NULL && grade_all(&best, grades, s, before, key) > 1 && best == MAY_BE)
		r = look_at_public_keys(&best, grades, s, before, key);
	keep(s, before, grades, best, cert, key);
	EVP_PKEY_free(key);
	return r;
}

int choice_private(struct search *s, struct token *t, X509 *cert, const CK_ATTRIBUTE *id)
{
	unsigned char modulus[KEY_SIZE_MAX];
	size_t len = sizeof(modulus), before = s->count;
	CK_ATTRIBUTE template = { CKA_MODULUS, modulus, 0 };
	EVP_PKEY *key = public_key_of_certificate(cert);
	int r = 0;

	if (id != NULL)
		template = *id;
	else if (key != NULL && public_key_modulus(modulus, &len, key))
		template.ulValueLen = len;
	if (template.ulValueLen > 0) {
		s->only = key;
		r = search_private(s, t, &template, 1);
		s->only = NULL;
	}
	if (r == 0 && template.ulValueLen > 0)
		r = keep_owner(s, before, cert);
	EVP_PKEY_free(key);
	return r;
}

int choice_follow(struct search *s, const struct chosen *item)
{
	CK_ATTRIBUTE id = { CKA_ID, (void *)item->id, item->id_len };

	return choice_private(s, item->token, item->cert, item->id_len > 0 ? &id : NULL);
}

bool choice_one_key(const struct choice *c)
{
	for (size_t i = 0; i < c->count; i++) {
		EVP_PKEY *first = X509_get0_pubkey(c->items[0].cert);
		EVP_PKEY *key = X509_get0_pubkey(c->items[i].cert);

		if (first == NULL || key == NULL || EVP_PKEY_eq(first, key) != 1)
			return false;
	}
	return true;
}

/* Of a serial number there is no other certificate, though that one is no use. */
static bool seen(const struct choice *c)
{
	return c->unfit > 0 && c->selector->kind == SELECTOR_SERIAL;
}

int choice_over(struct search *s, struct choice *c, search_each each)
{
	struct token *t = NULL;
	bool passes_pin = s->passes_pin;
	int r = 0;

	for (int login = 0; login < 2 && r == 0 && c->count == 0 && !seen(c); login++)
		for (t = engine_token_first(s->e, &s->uri); r == 0 && t != NULL;
		     t = engine_token_after(s->e, &s->uri, t)) {
			size_t shown = 0;

			s->passes_pin = passes_pin || find_passes_pin(s, t);
			if (login != 0 && token_needs_login(t))
				r = search_public(
				    s, t, false, CKO_CERTIFICATE, NULL, 0, find_any, NULL, &shown);
			if (login == 0 || (token_needs_login(t) && shown == 0 && r == 0))
				r = search_public(
				    s, t, login != 0, CKO_CERTIFICATE, NULL, 0, each, c, NULL);
		}
	return r;
}

int choice_by_names(struct search *s, struct token *t, const struct engine_candidate *n,
    search_each each, struct choice *c)
{
	CK_ATTRIBUTE template[] = { { CKA_ISSUER, (void *)n->issuer, n->issuer_len },
		{ CKA_SERIAL_NUMBER, (void *)n->serial, n->serial_len } };
	CK_ATTRIBUTE id = { CKA_ID, (void *)n->key_id, n->key_id_len };

	if (n->issuer != NULL && n->serial != NULL)
		return search_public(s, t, false, CKO_CERTIFICATE, template, 2, each, c, NULL);
	if (n->key_id != NULL && n->key_id_len > 0)
		return search_public(s, t, false, CKO_CERTIFICATE, &id, 1, each, c, NULL);
	return 0;
}
