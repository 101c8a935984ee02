#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/find.h"
#include "engine/key.h"
#include "engine/find_named.h"
#include "engine/module.h"
#include "engine/search.h"
#include "engine/selector.h"
#include "engine/slot.h"
#include "engine/slot_ask.h"
#include "engine/watch.h"

/* The URI without its query, which says how to come to the token. */
static int shown_length(const char *uri)
{
	return (int)strcspn(uri, "?");
}

int find_no_token(struct search *s)
{
	if (engine_token_first(s->e, &s->uri) != NULL)
		return 0;
	if (s->e->token_label != NULL && engine_token_first(s->e, NULL) == NULL)
		error_set(s->err, HSMIME_ENOKEY, "there is no token \"%s\"", s->e->token_label);
	else if (s->text != NULL)
		error_set(
		    s->err, HSMIME_ENOKEY, "no token matches %.*s", shown_length(s->text), s->text);
	else
		error_set(s->err, HSMIME_ENOKEY, "no token is there");
	return error_hint(s->err,
	    "insert the token; 'hsmime tokens' lists those that are there, and "
	    "'hsmime doctor' tells of modules that do not start");
}

static int no_key(struct search *s)
{
	if (s->text == NULL)
		error_set(s->err, HSMIME_ENOKEY, "no private key fits");
	else
		error_set(s->err, HSMIME_ENOKEY, "no private key fits %.*s", shown_length(s->text),
		    s->text);
	if (uri_id_in_digits(&s->uri))
		return error_hint(s->err,
		    "an ID in hexadecimal takes a percent sign before each octet (id=%%01, not "
		    "id=01); 'hsmime keys' lists the keys on the tokens");
	return error_hint(s->err, "'hsmime keys' lists the keys on the tokens");
}

static int nothing(struct search *s)
{
	static const char *const purposes[] = { "sign", "decrypt", "sign or decrypt" };
	int r = search_failed(s, NULL);

	if (r < 0)
		return r;
	if (s->unfit > 0 && s->unsupported == s->unfit) {
		error_set(s->err, HSMIME_ENOKEY,
		    "the key is there, but of a kind that this version does not use");
		return error_hint(s->err, "use an RSA or EC key; 'hsmime keys' shows the kinds");
	}
	if (s->unfit > 0) {
		error_set(s->err, HSMIME_ENOKEY, "the key is there, but may not be used to %s",
		    purposes[s->purpose]);
		return error_hint(s->err, "'hsmime keys' shows what each key may be used for");
	}
	r = find_no_token(s);
	return r < 0 ? r : no_key(s);
}

int find_finish(struct engine_found *found, struct search *s)
{
	found->unfit = s->count == 0 && s->unfit > 0;
	if (s->count == 0)
		return nothing(s);
	find_prefer(s);
	found->tie = s->count > 1;
	if (found->tie)
		return search_tie(s);
	return search_deliver(found, s, &s->hits[0]);
}

/* CKA_ID and CKA_LABEL as the URI gives them. */
static size_t uri_template(CK_ATTRIBUTE *template, const struct uri *u)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_ID, CKA_LABEL };
	size_t n = 0;

	for (size_t i = 0; i < 2; i++)
		if (uri_attribute(u, types[i]) != NULL)
			template[n++] = *uri_attribute(u, types[i]);
	return n;
}

static CK_OBJECT_CLASS uri_class(const struct uri *u)
{
	const CK_ATTRIBUTE *a = uri_attribute(u, CKA_CLASS);
	CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;

	if (a != NULL && a->ulValueLen == sizeof(object_class))
		memcpy(&object_class, a->pValue, sizeof(object_class));
	return object_class;
}

bool find_same_id(const struct find_ids *ids, size_t i, const CK_ATTRIBUTE *id)
{
	return ids->items[i].len == id->ulValueLen &&
	       memcmp(ids->items[i].octets, id->pValue, id->ulValueLen) == 0;
}

int find_note_id(void *arg, struct token *t, const struct object *o)
{
	struct find_ids *ids = arg;
	const CK_ATTRIBUTE *id = object_get(o, CKA_ID);

	(void)t;
	if (id == NULL || id->ulValueLen > sizeof(ids->items[0].octets))
		return 0;
	for (size_t i = 0; i < ids->count; i++)
		if (find_same_id(ids, i, id))
			return 0;
	memcpy(ids->items[ids->count].octets, id->pValue, id->ulValueLen);
	ids->items[ids->count++].len = id->ulValueLen;
	return ids->count == SEARCH_HITS ? SEARCH_STOP : 0;
}

/* The label that is listed before a login is a certificate's or public key's: the key may have another. */
static int on_token(struct search *s, struct token *t)
{
	static const CK_OBJECT_CLASS others[] = { CKO_CERTIFICATE, CKO_PUBLIC_KEY };
	CK_OBJECT_CLASS object_class = uri_class(&s->uri);
	CK_ATTRIBUTE template[2];
	size_t n = uri_template(template, &s->uri), before = s->count;
	int r;

	if (object_class != CKO_PRIVATE_KEY)
		return find_by_public(s, t, object_class, template, n);
	r = search_private(s, t, template, n);
	for (size_t i = 0; r == 0 && i < 2; i++)
		if (s->count == before && uri_attribute(&s->uri, CKA_LABEL) != NULL)
			r = find_by_public(s, t, others[i], template, n);
	return r;
}

int find_any(void *arg, struct token *t, const struct object *o)
{
	(void)arg;
	(void)t;
	(void)o;
	return SEARCH_STOP;
}

/* Whether t shows, before any login, something that the URI names. */
static bool hints_at(struct search *s, struct token *t)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_CERTIFICATE, CKO_PUBLIC_KEY };
	CK_ATTRIBUTE template[2];
	size_t n = uri_template(template, &s->uri), shown = 0;

	for (size_t i = 0; i < 2 && shown == 0; i++)
		if (search_public(s, t, false, classes[i], template, n, find_any, NULL, &shown) < 0)
			return false;
	return shown > 0;
}

/* Whether what was found is that key. */
static bool found_is(struct search *s, const EVP_PKEY *key)
{
	bool is = true;

	for (size_t i = 0; i < s->count && is; i++) {
		search_peek(s, &s->hits[i]);
		is = s->hits[i].public_key != NULL && EVP_PKEY_eq(s->hits[i].public_key, key) == 1;
	}
	return is;
}

/* Tokens that show something of the key, or the others. */
struct round {
	bool shown;
	bool open_only; /* no PIN is sent */
	EVP_PKEY
	*one; /* of which the first token will do that has it; NULL: it may be several keys */
	size_t tried, failed;
};

static bool takes_part(const struct round *round, struct search *s, struct token *t)
{
	if (round->open_only && find_order(t) != FIND_OPEN)
		return false;
	return hints_at(s, t) == round->shown && (!s->passes_pin || find_further(s, t));
}

static int on_tokens(struct round *round, struct search *s, struct token *const *tokens)
{
	int r = 0;

	for (; r == 0 && *tokens != NULL; tokens++) {
		if (!takes_part(round, s, *tokens))
			continue;
		r = on_token(s, *tokens);
		s->passes_pin = s->passes_pin && found_is(s, round->one);
		round->tried++;
		round->failed += passed_find(&s->passed, *tokens) != NULL;
	}
	return r;
}

static int on_every_token(struct search *s)
{
	struct token *t = NULL;
	int r = 0;

	for (t = engine_token_first(s->e, &s->uri); r == 0 && t != NULL;
	     t = engine_token_after(s->e, &s->uri, t))
		r = on_token(s, t);
	return r;
}

/*
 * Over several tokens nobody is asked for the PINs of all: first come the tokens that show
 * something of the key, and the rest only if it is not there: what shows may be its certificate alone.
 */
static int over_tokens(struct search *s)
{
	CK_ATTRIBUTE template[2];
	size_t n = uri_template(template, &s->uri);
	struct round shown = { .shown = true }, hidden = { .shown = false };
	struct token **tokens = NULL;
	int r;

	if (!s->several)
		return on_every_token(s);
	r = find_tokens(&tokens, s);
	if (r < 0)
		return r;
	shown.one = hidden.one = find_one_key(s, template, n);
	s->passes_pin = shown.one != NULL;
	r = on_tokens(&shown, s, tokens);
	/* Where one that shows it failed, PINs of those that do not are not tried for it. */
	hidden.open_only = shown.failed > 0;
	if (r == 0 && s->count == 0 && s->unfit == 0)
		r = shown.tried == 0 ? on_every_token(s) : on_tokens(&hidden, s, tokens);
	EVP_PKEY_free(shown.one);
	free(tokens);
	return r;
}

static int by_uri(struct engine_found *found, struct engine *e, const char *uri,
    enum engine_purpose purpose, struct error *err)
{
	struct search s;
	int r = search_begin(&s, e, uri, purpose, err);

	if (r < 0)
		return r;
	r = over_tokens(&s);
	if (r == 0)
		r = find_finish(found, &s);
	search_end(&s);
	return r;
}

static int find_key(struct engine_found *found, struct engine *e, const char *key,
    enum engine_purpose purpose, struct error *err)
{
	struct selector selector;
	int r = selector_parse(&selector, key, err);

	memset(found, 0, sizeof(*found));
	if (r == 0 && selector.kind == SELECTOR_URI)
		r = by_uri(found, e, key, purpose, err);
	else if (r == 0)
		r = find_named(found, e, &selector, purpose, err);
	selector_free(&selector);
	return r;
}

/* The arguments, for the thread that does it. */
struct call {
	struct engine_found *found;
	struct engine *e;
	const char *key;
	enum engine_purpose purpose;
	struct error *err;
};

static int run(void *arg)
{
	struct call *c = arg;

	return find_key(c->found, c->e, c->key, c->purpose, c->err);
}

int engine_find_key(struct engine_found *found, struct engine *e, const char *key,
    enum engine_purpose purpose, struct error *err)
{
	struct call c = { found, e, key, purpose, err };

	return engine_run(e, run, &c, err);
}

/* Which modules p11-kit's proxy has is not asked, as that would load them all. */
static int parse_quietly(struct uri *u, const char *text, const struct engine *e)
{
	struct error ignored = { 0 };

	return uri_parse(u, text, e->module->proxy ? NULL : e->module, &ignored);
}

static bool says(
    const struct uri *u, CK_ATTRIBUTE_TYPE type, const unsigned char *value, size_t len)
{
	const CK_ATTRIBUTE *a = uri_attribute(u, type);

	return a == NULL || (a->ulValueLen == len && memcmp(a->pValue, value, len) == 0);
}

bool engine_uri_names(struct engine *e, const char *uri, const struct token_key *k)
{
	struct uri u;
	bool named;

	if (parse_quietly(&u, uri, e) < 0)
		return false;
	named = uri_matches_token(&u, k->token) && says(&u, CKA_ID, k->id, k->id_len) &&
		says(&u, CKA_LABEL, k->label, k->label_len);
	uri_free(&u);
	return named;
}

/* Whether what was asked for says which token has it, and that one is there and answers. */
static bool is_elsewhere(const struct engine *e, const char *key)
{
	struct uri u = { 0 };
	bool elsewhere;

	if (key == NULL || strncmp(key, "pkcs11:", 7) != 0)
		return e->token_label != NULL && engine_token_first(e, NULL) != NULL;
	if (parse_quietly(&u, key, e) < 0)
		return false;
	elsewhere =
	    (e->token_label != NULL || uri_names_token(&u)) && engine_token_first(e, &u) != NULL;
	uri_free(&u);
	return elsewhere;
}

bool engine_hidden(struct engine *e, const char *key, struct error *stuck)
{
	const struct token *t = slot_stuck(e->module, NULL);

	if (t == NULL || is_elsewhere(e, key))
		return false;
	(void)watch_stuck(stuck, t);
	return true;
}

bool engine_names_token_only(struct engine *e, const char *key)
{
	struct uri u;
	bool only;

	if (strncmp(key, "pkcs11:", 7) != 0 || parse_quietly(&u, key, e) < 0)
		return false;
	only = uri_attribute(&u, CKA_ID) == NULL && uri_attribute(&u, CKA_LABEL) == NULL;
	uri_free(&u);
	return only;
}

void engine_found_free(struct engine_found *found)
{
	if (found == NULL)
		return;
	token_key_free(found->key);
	for (size_t i = 0; i < found->other_count; i++)
		token_key_free(found->others[i]);
	free(found->others);
	X509_free(found->certificate);
	free(found->uri);
	free(found->token_label);
	memset(found, 0, sizeof(*found));
}
