#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "engine/certificate.h"
#include "engine/compat.h"
#include "engine/engine_internal.h"
#include "engine/module.h"
#include "engine/printed.h"
#include "engine/public_key.h"
#include "engine/search.h"
#include "engine/selector.h"
#include "engine/slot.h"
#include "util/name.h"

static void token_clear(hsmime_token *t)
{
	free(t->label);
	free(t->serial);
	free(t->manufacturer);
	free(t->model);
	free(t->uri);
	free(t->slot_description);
}

void engine_tokens_free(hsmime_token *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++)
		token_clear(&list[i]);
	free(list);
}

static char *slot_description(const struct token *t)
{
	char text[PRINTED_SLOT_ROOM];
	CK_SLOT_INFO info;

	/* Without an answer there is nothing to tell. */
	(void)token_slot_info(&info, t);
	printed_slot(text, &info);
	return strdup(text);
}

static int fill_token(hsmime_token *out, struct token *t)
{
	out->label = strdup(t->label);
	out->serial = strdup(t->serial);
	out->manufacturer = strdup(t->manufacturer);
	out->model = strdup(t->model);
	out->slot_description = slot_description(t);
	out->flags = atomic_load(&t->flags);
	if (atomic_load(&t->stuck) > 0)
		out->flags |= HSMIME_TOKEN_STUCK;
	if (uri_format(&out->uri, t, NULL, NULL, CK_UNAVAILABLE_INFORMATION) < 0 ||
	    out->label == NULL || out->serial == NULL || out->manufacturer == NULL ||
	    out->model == NULL || out->slot_description == NULL)
		return HSMIME_ENOMEM;
	return 0;
}

static bool listed(const struct engine *e, const struct token *t)
{
	return e->token_label == NULL || strcmp(e->token_label, t->label) == 0;
}

int engine_tokens(hsmime_token **list, size_t *count, struct engine *e, struct error *err)
{
	struct token *t = NULL;
	size_t n = 0;
	int r = module_ready(e->module, err);

	*list = NULL;
	*count = 0;
	if (r == 0)
		r = token_refresh(e->module, err);
	if (r < 0)
		return r;
	for (t = token_first(e->module); t != NULL; t = token_after(t))
		n++;
	*list = calloc(n + 1, sizeof(**list));
	if (*list == NULL)
		return error_nomem(err);
	for (t = token_first(e->module); r == 0 && t != NULL && *count < n; t = token_after(t))
		if (listed(e, t))
			r = fill_token(&(*list)[(*count)++], t);
	if (r == 0)
		return 0;
	engine_tokens_free(*list, *count);
	*list = NULL;
	*count = 0;
	return error_nomem(err);
}

static void key_clear(hsmime_key *k)
{
	for (size_t i = 0; k->emails != NULL && k->emails[i] != NULL; i++)
		free(k->emails[i]);
	free(k->emails);
	free(k->uri);
	free(k->label);
	free(k->token_label);
	free(k->token_serial);
	free(k->id);
	free(k->subject);
	free(k->issuer);
	free(k->serial_number);
	X509_free(k->certificate);
}

void engine_keys_free(hsmime_key *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++)
		key_clear(&list[i]);
	free(list);
}

/* The list while it grows. */
struct listing {
	hsmime_key *keys;
	size_t count;
	size_t room;
	size_t token_start;           /* the first entry of the token at hand */
	CK_OBJECT_CLASS object_class; /* of the objects that come */
	bool all_seen;                /* private keys too */
	const struct selector *selector;
};

static hsmime_key *find_entry(struct listing *l, const CK_ATTRIBUTE *id)
{
	for (size_t i = l->token_start; id != NULL && i < l->count; i++)
		if (l->keys[i].id_len == id->ulValueLen &&
		    memcmp(l->keys[i].id, id->pValue, id->ulValueLen) == 0)
			return &l->keys[i];
	return NULL;
}

static hsmime_key *add_entry(struct listing *l)
{
	if (l->count == l->room) {
		size_t room = l->room == 0 ? 16 : l->room * 2;
		hsmime_key *larger = realloc(l->keys, room * sizeof(*larger));

		if (larger == NULL)
			return NULL;
		l->keys = larger;
		l->room = room;
	}
	memset(&l->keys[l->count], 0, sizeof(*l->keys));
	return &l->keys[l->count++];
}

/* What a token or a BIO gives has no NUL at its end. */
static char *text_of_octets(const void *octets, size_t len)
{
	char *text = malloc(len + 1);

	if (text == NULL)
		return NULL;
	if (len > 0)
		memcpy(text, octets, len);
	text[len] = '\0';
	return text;
}

static char *text_of(const CK_ATTRIBUTE *a)
{
	return a != NULL ? text_of_octets(a->pValue, a->ulValueLen) : strdup("");
}

static int start_entry(hsmime_key *k, struct token *t, const struct object *o, bool all_seen)
{
	const CK_ATTRIBUTE *id = object_get(o, CKA_ID), *label = object_get(o, CKA_LABEL);

	k->has_private_key = all_seen ? 0 : -1;
	k->not_before = k->not_after = INT64_MIN;
	k->type = "unknown";
	k->label = text_of(label);
	k->token_label = strdup(t->label);
	k->token_serial = strdup(t->serial);
	k->id = malloc(id != NULL ? id->ulValueLen : 1);
	if (k->id != NULL && id != NULL) {
		memcpy(k->id, id->pValue, id->ulValueLen);
		k->id_len = id->ulValueLen;
	}
	if (k->label == NULL || k->token_label == NULL || k->token_serial == NULL ||
	    k->id == NULL || uri_format(&k->uri, t, id, label, CK_UNAVAILABLE_INFORMATION) < 0)
		return HSMIME_ENOMEM;
	return 0;
}

static const char *type_name(CK_ULONG type)
{
	static const struct {
		CK_ULONG type;
		const char *name;
	} names[] = { { CKK_RSA, "RSA" }, { CKK_DSA, "DSA" }, { CKK_DH, "DH" }, { CKK_EC, "EC" },
		{ CKK_EC_EDWARDS, "EdDSA" }, { CKK_EC_MONTGOMERY, "XDH" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return "other";
}

static void describe_public(hsmime_key *k, const EVP_PKEY *key)
{
	if (key == NULL || k->bits > 0)
		return;
	k->bits = (unsigned)EVP_PKEY_get_bits(key);
	k->curve = public_key_curve(key);
	if (strcmp(k->type, "unknown") != 0)
		return;
	if (EVP_PKEY_is_a(key, "RSA"))
		k->type = "RSA";
	else
		k->type = EVP_PKEY_is_a(key, "EC") ? "EC" : "other";
}

static void describe_key(hsmime_key *k, const struct object *o, CK_OBJECT_CLASS object_class)
{
	EVP_PKEY *key = public_key_of_object(o);

	k->type = type_name(object_ulong(o, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION));
	describe_public(k, key);
	EVP_PKEY_free(key);
	if (object_class != CKO_PRIVATE_KEY)
		return;
	k->has_private_key = 1;
	k->usage = object_usage(o);
	k->always_authenticate = object_bool(o, CKA_ALWAYS_AUTHENTICATE, false);
}

/* Of several certificates of one key the better is shown. */
static int describe_certificate(hsmime_key *k, X509 *cert)
{
	EVP_PKEY *key = NULL;

	if (k->certificate != NULL && !certificate_better(cert, k->certificate))
		return 0;
	for (size_t i = 0; k->emails != NULL && k->emails[i] != NULL; i++)
		free(k->emails[i]);
	free(k->emails);
	free(k->subject);
	free(k->issuer);
	free(k->serial_number);
	X509_free(k->certificate);
	X509_up_ref(cert);
	k->certificate = cert;
	k->emails = NULL;
	k->subject = name_text(X509_get_subject_name(cert));
	k->issuer = name_text(X509_get_issuer_name(cert));
	k->serial_number = serial_text(X509_get0_serialNumber(cert));
	k->not_before = certificate_time(X509_get0_notBefore(cert));
	k->not_after = certificate_time(X509_get0_notAfter(cert));
	key = public_key_of_certificate(cert);
	describe_public(k, key);
	EVP_PKEY_free(key);
	if (k->subject == NULL || k->issuer == NULL || k->serial_number == NULL)
		return HSMIME_ENOMEM;
	return certificate_emails(&k->emails, cert);
}

/* What names a certificate is asked of all there are, as one key may have several. */
static bool wanted(const struct listing *l, X509 *cert)
{
	return l->selector->kind == SELECTOR_URI ||
	       selector_grade(l->selector, cert) != SELECTOR_OTHER;
}

static void drop_unnamed(struct listing *l)
{
	size_t kept = 0;

	for (size_t i = 0; l->selector->kind != SELECTOR_URI && i < l->count; i++) {
		if (l->keys[i].certificate != NULL)
			l->keys[kept++] = l->keys[i];
		else
			key_clear(&l->keys[i]);
	}
	if (l->selector->kind != SELECTOR_URI)
		l->count = kept;
}

static int note(void *arg, struct token *t, const struct object *o)
{
	struct listing *l = arg;
	hsmime_key *k = find_entry(l, object_get(o, CKA_ID));
	X509 *cert = l->object_class == CKO_CERTIFICATE ? object_certificate(o) : NULL;
	int r = 0;

	if (l->object_class == CKO_CERTIFICATE && (cert == NULL || !wanted(l, cert))) {
		X509_free(cert);
		return 0;
	}
	if (k == NULL) {
		k = add_entry(l);
		r = k != NULL ? start_entry(k, t, o, l->all_seen) : HSMIME_ENOMEM;
	}
	if (r == 0 && cert != NULL)
		r = describe_certificate(k, cert);
	else if (r == 0)
		describe_key(k, o, l->object_class);
	X509_free(cert);
	return r;
}

static int list_token(struct listing *l, struct search *s, struct token *t, bool login)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY,
		CKO_CERTIFICATE };
	const CK_ATTRIBUTE *only = uri_attribute(&s->uri, CKA_CLASS);
	CK_ATTRIBUTE template[2];
	struct error earlier = s->failed;
	size_t n = 0;
	int r = 0;

	/* A token that failed once is not logged in to for the next class again. */
	s->failed.code = 0;
	if (uri_attribute(&s->uri, CKA_ID) != NULL)
		template[n++] = *uri_attribute(&s->uri, CKA_ID);
	if (uri_attribute(&s->uri, CKA_LABEL) != NULL)
		template[n++] = *uri_attribute(&s->uri, CKA_LABEL);
	l->token_start = l->count;
	l->all_seen = login || !token_needs_login(t);
	for (size_t i = 0; r == 0 && s->failed.code == 0 && i < 3; i++) {
		l->object_class = classes[i];
		if (only != NULL && memcmp(only->pValue, &classes[i], sizeof(classes[i])) != 0)
			continue;
		r = search_public(s, t, login, classes[i], template, n, note, l, NULL);
	}
	if (s->failed.code == 0)
		s->failed = earlier;
	return r;
}

static int list_keys(struct listing *l, struct engine *e, bool login, struct error *err)
{
	const char *uri = l->selector->kind == SELECTOR_URI ? l->selector->text : NULL;
	struct search s;
	struct token *t = NULL;
	int r = search_begin(&s, e, uri, ENGINE_SIGN, err);

	if (r < 0)
		return r;
	s.listing = true;
	for (t = engine_token_first(e, &s.uri); r == 0 && t != NULL;
	     t = engine_token_after(e, &s.uri, t))
		r = list_token(l, &s, t, login);
	drop_unnamed(l);
	if (r == 0 && l->count == 0 && s.failed.code < 0)
		r = search_failed(&s);
	search_end(&s);
	return r;
}

static int list_named(hsmime_key **list, size_t *count, struct engine *e, const char *key,
    bool login, struct error *err)
{
	struct selector selector;
	struct listing l = { .selector = &selector };
	int r = selector_parse(&selector, key, err);

	*list = NULL;
	*count = 0;
	if (r == 0)
		r = list_keys(&l, e, login, err);
	selector_free(&selector);
	if (r < 0) {
		engine_keys_free(l.keys, l.count);
		return r;
	}
	*list = l.keys;
	*count = l.count;
	return 0;
}

/* The arguments, for the thread that does it. */
struct call {
	hsmime_key **list;
	size_t *count;
	struct engine *e;
	const char *key;
	bool login;
	struct error *err;
};

static int run(void *arg)
{
	struct call *c = arg;

	return list_named(c->list, c->count, c->e, c->key, c->login, c->err);
}

int engine_keys(hsmime_key **list, size_t *count, struct engine *e, const char *key, bool login,
    struct error *err)
{
	struct call c = { list, count, e, key, login, err };

	return engine_run(e, run, &c, err);
}
