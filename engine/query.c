#include "engine/query.h"

#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/log.h"
#include "engine/slot.h"
#include "engine/token_pins.h"
#include "engine/zone.h"

static size_t values_size(const CK_ATTRIBUTE *template, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += template[i].ulValueLen;
	return size;
}

int query_new(struct query **out, struct search *s, CK_OBJECT_CLASS object_class,
    const CK_ATTRIBUTE *template, size_t count)
{
	struct query *q = calloc(1, sizeof(*q) + values_size(template, count));
	unsigned char *at;

	*out = q;
	if (q == NULL)
		return s->err != NULL ? error_nomem(s->err) : HSMIME_ENOMEM;
	at = q->values;
	q->s = s;
	q->before = s->count;
	q->object_class = object_class;
	q->template[0] = (CK_ATTRIBUTE){ CKA_CLASS, &q->object_class, sizeof(q->object_class) };
	q->count = 1;
	for (size_t i = 0; i < count && i < QUERY_TEMPLATE_MAX; i++) {
		CK_ATTRIBUTE *a = &q->template[q->count++];

		*a = (CK_ATTRIBUTE){ template[i].type, at, template[i].ulValueLen };
		if (a->ulValueLen > 0)
			memcpy(at, template[i].pValue, a->ulValueLen);
		at += a->ulValueLen;
	}
	return 0;
}

/* In words, by enum engine_purpose. */
static const char *const purposes[] = { "sign", "decrypt", "find the key" };

static void set_work(struct query *q, struct token *t, bool login)
{
	struct search *s = q->s;
	struct work *w = &q->work;

	memset(w, 0, sizeof(*w));
	w->token = t;
	w->pin = s->uri_pin != NULL ? s->uri_pin : token_pins_of(s->e, t);
	w->purpose = purposes[s->purpose];
	if (s->listing)
		w->purpose = "list keys";
	w->login = login;
	w->err = &q->err;
}

static int look(void *arg)
{
	struct query *q = arg;
	int r = work_run(&q->work, q->run, q);

	q->returned = true;
	return r;
}

static bool passes(const struct search *s, int r)
{
	return r == HSMIME_ETOKEN || r == HSMIME_EUNSUPPORTED ||
	       (r == HSMIME_EPIN && s->passes_pin);
}

static int pass_over(struct search *s, struct token *t, const struct error *err)
{
	int r = passed_note(&s->passed, t, err);

	log_say(2, "token \"%s\" is passed over: %s", t->label, err->message);
	return r < 0 && s->err != NULL ? error_nomem(s->err) : r;
}

/* One token that fails does not keep the others from being searched. */
static int settle(struct search *s, struct token *t, int r, const struct error *err)
{
	const struct passed_token *before = passed_find(&s->passed, t);

	if (passes(s, r))
		return pass_over(s, t, err);
	/* That the PIN is not sent again says less than why. */
	if (r == HSMIME_EPIN && before != NULL && before->why.unanswered) {
		if (s->err != NULL)
			*s->err = before->why;
		return before->why.code;
	}
	if (r < 0 && s->err != NULL)
		*s->err = *err;
	if (r < 0 && err->code == 0)
		return error_set(s->err, r, "%s", hsmime_status_name(r));
	return r;
}

static bool pin_failed(const struct search *s, const struct token *t)
{
	const struct passed_token *passed = passed_find(&s->passed, t);

	return passed != NULL && passed->pin;
}

int query_run(bool *done, struct query *q, struct token *t, bool login, work_function run)
{
	struct search *s = q->s;
	struct error err = { 0 };
	int r;

	*done = false;
	q->returned = true;
	if (login && pin_failed(s, t))
		return 0;
	set_work(q, t, login);
	q->run = run;
	q->returned = false;
	r = s->several ? zone_run_apart(look, q, s->e->call_limit, &err) : look(q);
	*done = r == 0;
	return settle(s, t, r, q->returned ? &q->err : &err);
}

void query_free(struct query *q)
{
	if (q != NULL && q->returned)
		free(q);
}
