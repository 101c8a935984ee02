/* The keys and certificates on the tokens, a row for each key. */
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/find.h"
#include "engine/list_row.h"
#include "engine/public_key.h"
#include "engine/search.h"
#include "engine/selector.h"
#include "engine/slot.h"

void engine_keys_free(hsmime_key *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++)
		list_key_free(&list[i]);
	free(list);
}

void engine_missing_free(struct engine_missing *missing)
{
	free(missing->list);
	*missing = (struct engine_missing){ 0 };
}

/* The list while it grows. */
struct listing {
	struct list_row *rows;
	size_t count;
	size_t room;
	size_t token_start;           /* the first row of the token at hand */
	CK_OBJECT_CLASS object_class; /* of the objects that come */
	bool all_seen;                /* private keys too */
	const struct selector *selector;
	struct engine_missing *missing; /* NULL: nobody wants to know */
};

static struct list_row *add_row(struct listing *l)
{
	if (l->rows == NULL || l->count == l->room) {
		size_t room = l->room == 0 ? 16 : l->room * 2;
		struct list_row *larger = realloc(l->rows, room * sizeof(*larger));

		if (larger == NULL)
			return NULL;
		l->rows = larger;
		l->room = room;
	}
	memset(&l->rows[l->count], 0, sizeof(*l->rows));
	return &l->rows[l->count++];
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
		if (l->rows[i].key.certificate != NULL)
			l->rows[kept++] = l->rows[i];
		else
			list_row_free(&l->rows[i]);
	}
	if (l->selector->kind != SELECTOR_URI)
		l->count = kept;
}

/* A private key is a row of its own: several may have one ID. The rest goes to the row that it fits best. */
static struct list_row *find_row(struct listing *l, const struct object *o, const EVP_PKEY *key)
{
	struct list_row *best = NULL;
	enum list_match match = LIST_OTHER;

	for (size_t i = l->token_start; l->object_class != CKO_PRIVATE_KEY && i < l->count; i++) {
		enum list_match m = list_row_match(&l->rows[i], o, key);

		if (m > match) {
			best = &l->rows[i];
			match = m;
		}
	}
	return best;
}

static int note_object(struct listing *l, struct token *t, const struct object *o, X509 *cert)
{
	EVP_PKEY *key = cert != NULL ? public_key_of_certificate(cert) : public_key_of_object(o);
	struct list_row *row = find_row(l, o, key);
	int r = 0;

	EVP_PKEY_free(key);
	if (row == NULL) {
		row = add_row(l);
		r = row != NULL ? list_row_start(row, t, o, l->all_seen) : HSMIME_ENOMEM;
	}
	if (r == 0 && cert != NULL)
		r = list_row_certificate(row, cert);
	else if (r == 0)
		r = list_row_key(row, o, l->object_class);
	return r;
}

static int note(void *arg, struct token *t, const struct object *o)
{
	struct listing *l = arg;
	X509 *cert = l->object_class == CKO_CERTIFICATE ? object_certificate(o) : NULL;
	int r = 0;

	if (l->object_class != CKO_CERTIFICATE || (cert != NULL && wanted(l, cert)))
		r = note_object(l, t, o, cert);
	X509_free(cert);
	return r;
}

static int list_token(struct listing *l, struct search *s, struct token *t, bool login)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY,
		CKO_CERTIFICATE };
	const CK_ATTRIBUTE *only = uri_attribute(&s->uri, CKA_CLASS);
	CK_ATTRIBUTE template[2];
	size_t n = 0;
	int r = 0;

	if (uri_attribute(&s->uri, CKA_ID) != NULL)
		template[n++] = *uri_attribute(&s->uri, CKA_ID);
	if (uri_attribute(&s->uri, CKA_LABEL) != NULL)
		template[n++] = *uri_attribute(&s->uri, CKA_LABEL);
	l->token_start = l->count;
	l->all_seen = login || !token_needs_login(t);
	/* A token that failed once is not logged in to for the next class again. */
	for (size_t i = 0; r == 0 && passed_find(&s->passed, t) == NULL && i < 3; i++) {
		l->object_class = classes[i];
		if (only != NULL && memcmp(only->pValue, &classes[i], sizeof(classes[i])) != 0)
			continue;
		r = search_public(s, t, login, classes[i], template, n, note, l, NULL);
	}
	return r;
}

static int note_missing(struct listing *l, const struct search *s)
{
	struct engine_missing *m = l->missing;

	if (m == NULL || s->passed.count == 0)
		return 0;
	m->list = calloc(s->passed.count, sizeof(*m->list));
	if (m->list == NULL)
		return error_nomem(s->err);
	for (; m->count < s->passed.count; m->count++) {
		const struct passed_token *p = &s->passed.list[m->count];

		m->list[m->count] = p->why;
		error_prefix(
		    &m->list[m->count], "the list lacks what is on token \"%s\"", p->token->label);
	}
	return 0;
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
	     t = engine_token_after(e, &s.uri, t)) {
		s.passes_pin = find_passes_pin(&s, t);
		r = list_token(l, &s, t, login);
	}
	drop_unnamed(l);
	if (r == 0 && l->count == 0)
		r = search_failed(&s, NULL);
	if (r == 0)
		r = note_missing(l, &s);
	search_end(&s);
	return r;
}

/* What the caller gets of the rows, which are freed. */
static int deliver(hsmime_key **list, size_t *count, struct listing *l, struct error *err)
{
	hsmime_key *keys = calloc(l->count + 1, sizeof(*keys));

	if (keys == NULL)
		return error_nomem(err);
	for (size_t i = 0; i < l->count; i++) {
		keys[i] = l->rows[i].key;
		memset(&l->rows[i].key, 0, sizeof(l->rows[i].key));
	}
	*list = keys;
	*count = l->count;
	return 0;
}

/* The arguments, for the thread that does it. */
struct call {
	hsmime_key **list;
	size_t *count;
	struct engine_missing *missing;
	struct engine *e;
	const char *key;
	bool login;
	struct error *err;
};

static int run(void *arg)
{
	const struct call *c = arg;
	struct selector selector;
	struct listing l = { .selector = &selector, .missing = c->missing };
	int r = selector_parse(&selector, c->key, c->err);

	*c->list = NULL;
	*c->count = 0;
	if (r == 0)
		r = list_keys(&l, c->e, c->login, c->err);
	if (r == 0)
		r = deliver(c->list, c->count, &l, c->err);
	selector_free(&selector);
	for (size_t i = 0; i < l.count; i++)
		list_row_free(&l.rows[i]);
	free(l.rows);
	return r;
}

int engine_list(hsmime_key **list, size_t *count, struct engine_missing *missing, struct engine *e,
    const char *key, bool login, struct error *err)
{
	struct call c = { list, count, missing, e, key, login, err };

	return engine_run(e, run, &c, err);
}

int engine_keys(hsmime_key **list, size_t *count, struct engine *e, const char *key, bool login,
    struct error *err)
{
	return engine_list(list, count, NULL, e, key, login, err);
}
