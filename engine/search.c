#include "engine/search.h"

#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/key.h"
#include "engine/log.h"
#include "engine/module.h"
#include "engine/pin.h"
#include "engine/public_key.h"
#include "engine/query.h"
#include "engine/slot.h"

static bool among_others(const struct engine *e, const struct uri *uri)
{
	struct token *t = engine_token_first(e, uri);

	return t != NULL && engine_token_after(e, uri, t) != NULL;
}

int search_begin(struct search *s, struct engine *e, const char *uri, enum engine_purpose purpose,
    struct error *err)
{
	struct error unlisted = { 0 };
	int r = module_ready(e->module, err);

	memset(s, 0, sizeof(*s));
	s->e = e;
	s->purpose = purpose;
	s->text = uri;
	s->err = err;
	if (r == 0)
		r = uri_parse(&s->uri, uri, e->module, err);
	if (r == 0)
		engine_tell_ignored(e, uri);
	/* One that came since the tokens were listed; where that fails none is there, which is told. */
	if (r == 0 && engine_token_first(e, &s->uri) == NULL)
		(void)token_refresh(e->module, &unlisted);
	if (r == 0)
		s->several = among_others(e, &s->uri);
	if (r == 0 && s->uri.pin_source != NULL)
		r = pin_source_from_uri(&s->uri_pin, s->uri.pin_source, e->pin, err);
	if (r < 0)
		search_end(s);
	return r;
}

static void hit_free(struct hit *hit)
{
	object_free(&hit->key);
	EVP_PKEY_free(hit->public_key);
	X509_free(hit->certificate);
	memset(hit, 0, sizeof(*hit));
}

/* The one that is reported as the error, if any is, tells itself. */
static void say_passed(const struct search *s)
{
	for (size_t i = 0; s->several && i < s->passed.count; i++) {
		const struct passed_token *p = &s->passed.list[i];

		if (p->token == s->reported)
			continue;
		if (atomic_load(&p->token->stuck) > 0)
			token_say_stuck(p->token, &p->why);
		else
			log_say(
			    0, "token \"%s\" is passed over: %s", p->token->label, p->why.message);
	}
}

void search_end(struct search *s)
{
	say_passed(s);
	for (size_t i = 0; i < s->count; i++)
		hit_free(&s->hits[i]);
	for (size_t i = 0; i < s->twin_count; i++)
		hit_free(&s->twins[i]);
	s->count = s->twin_count = 0;
	passed_free(&s->passed);
	pin_source_free(s->uri_pin);
	uri_free(&s->uri);
	s->uri_pin = NULL;
}

static void close_gap(struct search *s, size_t index)
{
	s->count--;
	memmove(&s->hits[index], &s->hits[index + 1], (s->count - index) * sizeof(s->hits[0]));
	memset(&s->hits[s->count], 0, sizeof(s->hits[0]));
}

void search_drop(struct search *s, size_t index)
{
	hit_free(&s->hits[index]);
	close_gap(s, index);
}

void search_set_apart(struct search *s, size_t index)
{
	if (s->twin_count < SEARCH_HITS)
		s->twins[s->twin_count++] = s->hits[index];
	else
		hit_free(&s->hits[index]);
	close_gap(s, index);
}

bool search_fits(const struct object *o, enum engine_purpose purpose)
{
	CK_ULONG type = object_ulong(o, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);

	if (!object_supported(o))
		return false;
	if (purpose != ENGINE_DECRYPT && object_bool(o, CKA_SIGN, true))
		return true;
	if (purpose == ENGINE_SIGN)
		return false;
	if (type == CKK_RSA && object_unwraps_only(o))
		return true;
	return object_bool(o, type == CKK_RSA ? CKA_DECRYPT : CKA_DERIVE, true);
}

/* Those that show that they are not the one that is sought take no room from it. */
static bool is_another(const struct search *s, const struct object *o)
{
	return s->only != NULL && public_key_compare(o, s->only) == 0;
}

/* One object of absurd size does not hide the others. */
static int unreadable(struct work *w, CK_RV rv)
{
	if (rv != CKR_BUFFER_TOO_SMALL)
		return work_refused(w, rv);
	log_say(0, "token \"%s\": an object is passed over, as it does not say how large it is",
	    w->token->label);
	return 0;
}

/* Copies of keys, which are not to be found, are not made meanwhile. */
static int look(struct work *w, struct query *q, int (*find)(struct work *w, struct query *q))
{
	int r;

	log_say(2, "token \"%s\": looking for %s", w->token->label,
	    q->object_class == CKO_PRIVATE_KEY   ? "private keys"
	    : q->object_class == CKO_CERTIFICATE ? "certificates"
						 : "public keys");
	copies_look(w->token);
	r = find(w, q);
	copies_looked(w->token);
	return r;
}

static int note_private(struct query *q, struct work *w, CK_OBJECT_HANDLE handle)
{
	struct search *s = q->s;
	struct object o = { 0 };
	CK_RV rv = object_read_key(&o, w->module, w->session.handle, handle);
	bool other;

	if (rv != CKR_OK)
		return unreadable(w, rv);
	other = copies_has(&o) || is_another(s, &o);
	if (other || !search_fits(&o, s->purpose)) {
		s->unfit += !other;
		s->unsupported += !other && !object_supported(&o);
		object_free(&o);
		return 0;
	}
	s->hits[s->count] =
	    (struct hit){ .token = w->token, .key = o, .generation = w->session.generation };
	s->count++;
	return 0;
}

static int find_private(struct work *w, struct query *q)
{
	CK_OBJECT_HANDLE *handles = NULL;
	size_t count = 0;
	CK_RV rv =
	    object_find_all(&handles, &count, w->module, w->session.handle, q->template, q->count);
	int r = work_refused(w, rv);

	if (r == 0 && count == 0)
		r = work_nothing(w);
	/* What a first try found has handles that do not hold. */
	while (q->s->count > q->before)
		hit_free(&q->s->hits[--q->s->count]);
	for (size_t i = 0; r == 0 && i < count && q->s->count < SEARCH_HITS; i++)
		r = note_private(q, w, handles[i]);
	free(handles);
	return r;
}

static int look_for_private(struct work *w, void *arg)
{
	return look(w, arg, find_private);
}

int search_private(struct search *s, struct token *t, const CK_ATTRIBUTE *template, size_t count)
{
	struct query *q = NULL;
	size_t before = s->count;
	int r = query_new(&q, s, CKO_PRIVATE_KEY, template, count);
	bool found = false;

	if (r == 0)
		r = query_run(&found, q, t, true, look_for_private);
	query_free(q);
	while (!found && s->count > before)
		hit_free(&s->hits[--s->count]);
	return r;
}

static int show(struct query *q, struct work *w, CK_OBJECT_HANDLE handle)
{
	struct object o = { 0 };
	CK_RV rv;
	int r;

	if (q->object_class == CKO_CERTIFICATE)
		rv = object_read_certificate(&o, w->module, w->session.handle, handle);
	else
		rv = object_read_key(&o, w->module, w->session.handle, handle);
	r = rv != CKR_OK ? unreadable(w, rv) : 0;
	if (r != 0)
		return r;
	q->shown++;
	if (rv == CKR_OK && !copies_has(&o))
		r = q->each(q->arg, w->token, &o);
	object_free(&o);
	return r;
}

static int show_all(struct work *w, struct query *q)
{
	CK_OBJECT_HANDLE *handles = NULL;
	size_t count = 0;
	CK_RV rv =
	    object_find_all(&handles, &count, w->module, w->session.handle, q->template, q->count);
	int r = work_refused(w, rv), stop = 0;

	/* A second try shows the rest, from where the first was cut off. */
	for (size_t i = q->shown; r == 0 && stop == 0 && i < count; i++) {
		r = show(q, w, handles[i]);
		if (r == SEARCH_STOP) {
			stop = 1;
			r = 0;
		}
	}
	free(handles);
	return r;
}

static int look_for_public(struct work *w, void *arg)
{
	return look(w, arg, show_all);
}

int search_public(struct search *s, struct token *t, bool login, CK_OBJECT_CLASS object_class,
    const CK_ATTRIBUTE *template, size_t count, search_each each, void *arg, size_t *shown)
{
	struct query *q = NULL;
	bool done = false;
	int r = query_new(&q, s, object_class, template, count);

	if (r == 0) {
		q->each = each;
		q->arg = arg;
		r = query_run(&done, q, t, login, look_for_public);
		if (shown != NULL)
			*shown += q->shown;
	}
	query_free(q);
	return r;
}

/* A URI's pin-source is one key's. */
static int deliver_twins(struct engine_found *found, struct search *s)
{
	int r = 0;

	if (s->twin_count == 0 || s->uri_pin != NULL)
		return 0;
	found->others = calloc(s->twin_count, sizeof(struct token_key *));
	if (found->others == NULL)
		return error_nomem(s->err);
	for (size_t i = 0; r == 0 && i < s->twin_count; i++) {
		struct hit *twin = &s->twins[i];

		if (EVP_PKEY_eq(twin->public_key, token_key_public(found->key)) != 1)
			continue;
		r = key_new(&found->others[found->other_count], s->e, twin->token, &twin->key,
		    twin->generation, twin->public_key, s->err);
		found->other_count += r == 0;
	}
	return r;
}

int search_deliver(struct engine_found *found, struct search *s, struct hit *hit)
{
	int r = search_complete(s, hit);

	if (r == 0)
		r = key_new(&found->key, s->e, hit->token, &hit->key, hit->generation,
		    hit->public_key, s->err);
	if (r == 0)
		r = deliver_twins(found, s);
	if (r < 0) {
		engine_found_free(found);
		return r;
	}
	found->uri = strdup(token_key_uri(found->key));
	found->token_label = strdup(hit->token->label);
	if (found->uri == NULL || found->token_label == NULL) {
		engine_found_free(found);
		return error_nomem(s->err);
	}
	found->certificate = hit->certificate;
	hit->certificate = NULL;
	found->named = hit->named;
	found->key->pin = s->uri_pin;
	s->uri_pin = NULL;
	return 0;
}

int search_failed(struct search *s, const struct token *t)
{
	const struct passed_token *passed = s->passed.list;

	if (t != NULL)
		passed = passed_find(&s->passed, t);
	if (passed == NULL)
		return 0;
	s->reported = passed->token;
	if (s->err != NULL)
		*s->err = passed->why;
	return passed->why.code;
}
