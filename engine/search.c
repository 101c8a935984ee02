#include "engine/search.h"

#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/key.h"
#include "engine/log.h"
#include "engine/module.h"
#include "engine/pin.h"
#include "engine/public_key.h"
#include "engine/slot.h"

#define TEMPLATE_MAX 6

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
	/* One that came since the tokens were listed; where that fails none is there, which is told. */
	if (r == 0 && engine_token_first(e, &s->uri) == NULL)
		(void)token_refresh(e->module, &unlisted);
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

void search_end(struct search *s)
{
	for (size_t i = 0; i < s->count; i++)
		hit_free(&s->hits[i]);
	s->count = 0;
	pin_source_free(s->uri_pin);
	uri_free(&s->uri);
	s->uri_pin = NULL;
}

void search_drop(struct search *s, size_t index)
{
	hit_free(&s->hits[index]);
	s->count--;
	memmove(&s->hits[index], &s->hits[index + 1], (s->count - index) * sizeof(s->hits[0]));
	memset(&s->hits[s->count], 0, sizeof(s->hits[0]));
}

static void set_work(
    struct work *w, struct search *s, struct token *t, bool login, struct error *err)
{
	memset(w, 0, sizeof(*w));
	w->token = t;
	w->pin = s->uri_pin != NULL ? s->uri_pin : s->e->pin;
	w->purpose = s->purpose == ENGINE_SIGN ? "sign" : "decrypt";
	if (s->listing)
		w->purpose = "list keys";
	w->login = login;
	w->err = err;
}

/* One token that fails does not keep the others from being searched. */
static int settle(struct search *s, struct token *t, int r, const struct error *err)
{
	if (r == HSMIME_ETOKEN || r == HSMIME_EUNSUPPORTED) {
		log_say(0, "token \"%s\" is passed over: %s", t->label, err->message);
		s->failed = *err;
		return 0;
	}
	if (r < 0 && s->err != NULL)
		*s->err = *err;
	if (r < 0 && err->code == 0)
		return error_set(s->err, r, "%s", hsmime_status_name(r));
	return r;
}

/* A template with the class in front. */
struct query {
	struct search *s;
	CK_OBJECT_CLASS object_class;
	CK_ATTRIBUTE template[TEMPLATE_MAX + 1];
	size_t count;
	size_t before; /* hits on other tokens */
	work_function run;
	search_each each;
	void *arg;
	size_t shown;
};

static void set_query(struct query *q, struct search *s, CK_OBJECT_CLASS object_class,
    const CK_ATTRIBUTE *template, size_t count)
{
	memset(q, 0, sizeof(*q));
	q->s = s;
	q->before = s->count;
	q->object_class = object_class;
	q->template[0] = (CK_ATTRIBUTE){ CKA_CLASS, &q->object_class, sizeof(q->object_class) };
	q->count = 1;
	for (size_t i = 0; i < count && i < TEMPLATE_MAX; i++)
		q->template[q->count++] = template[i];
}

/* Flags that a token does not tell stand in nobody's way; the operation will show. */
static bool fits_purpose(const struct search *s, const struct object *o)
{
	CK_ULONG type = object_ulong(o, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);

	if (type != CKK_RSA && type != CKK_EC)
		return false;
	if (s->purpose == ENGINE_SIGN)
		return object_bool(o, CKA_SIGN, true);
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
	return rv == CKR_BUFFER_TOO_SMALL ? 0 : work_refused(w, rv);
}

static int look(struct work *w, void *arg)
{
	struct query *q = arg;
	int r;

	log_say(2, "token \"%s\": looking for %s", w->token->label,
	    q->object_class == CKO_PRIVATE_KEY   ? "private keys"
	    : q->object_class == CKO_CERTIFICATE ? "certificates"
						 : "public keys");
	copies_look(w->token);
	r = q->run(w, q);
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
	if (other || !fits_purpose(s, &o)) {
		s->unfit += !other;
		object_free(&o);
		return 0;
	}
	s->hits[s->count] =
	    (struct hit){ .token = w->token, .key = o, .generation = w->session.generation };
	s->count++;
	return 0;
}

static int find_private(struct work *w, void *arg)
{
	struct query *q = arg;
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

int search_private(struct search *s, struct token *t, const CK_ATTRIBUTE *template, size_t count)
{
	struct query q;
	struct work w;
	struct error err = { 0 };
	size_t before = s->count;
	int r;

	set_query(&q, s, CKO_PRIVATE_KEY, template, count);
	q.run = find_private;
	set_work(&w, s, t, true, &err);
	r = work_run(&w, look, &q);
	while (r < 0 && s->count > before)
		hit_free(&s->hits[--s->count]);
	return settle(s, t, r, &err);
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

static int show_all(struct work *w, void *arg)
{
	struct query *q = arg;
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

int search_public(struct search *s, struct token *t, bool login, CK_OBJECT_CLASS object_class,
    const CK_ATTRIBUTE *template, size_t count, search_each each, void *arg, size_t *shown)
{
	struct query q;
	struct work w;
	struct error err = { 0 };
	int r;

	set_query(&q, s, object_class, template, count);
	q.run = show_all;
	q.each = each;
	q.arg = arg;
	set_work(&w, s, t, login, &err);
	r = work_run(&w, look, &q);
	if (shown != NULL)
		*shown += q.shown;
	return settle(s, t, r, &err);
}

int search_deliver(struct engine_found *found, struct search *s, struct hit *hit)
{
	int r = search_complete(s, hit);

	if (r == 0)
		r = key_new(&found->key, s->e, hit->token, &hit->key, hit->generation,
		    hit->public_key, s->err);
	if (r < 0)
		return r;
	found->uri = strdup(token_key_uri(found->key));
	found->token_label = strdup(hit->token->label);
	if (found->uri == NULL || found->token_label == NULL) {
		engine_found_free(found);
		return error_nomem(s->err);
	}
	found->certificate = hit->certificate;
	hit->certificate = NULL;
	found->key->pin = s->uri_pin;
	s->uri_pin = NULL;
	return 0;
}

int search_failed(struct search *s)
{
	if (s->err != NULL)
		*s->err = s->failed;
	return s->failed.code;
}
