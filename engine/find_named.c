/* A key by what its certificate says. */
#include "engine/find_named.h"

#include <string.h>

#include "engine/certificate.h"
#include "engine/choice.h"
#include "engine/find.h"
#include "engine/selector.h"
#include "engine/slot.h"

static void note_unfit(struct choice *c, X509 *cert)
{
	c->unfit++;
	if (c->example != NULL && !certificate_better(cert, c->example))
		return;
	X509_free(c->example);
	X509_up_ref(cert);
	c->example = cert;
}

/* What is named as a whole goes before what is named in part. */
static int choose_named(void *arg, struct token *t, const struct object *o)
{
	struct choice *c = arg;
	X509 *cert = object_certificate(o);
	char problem[CERTIFICATE_PROBLEM_SIZE];
	int grade = cert != NULL ? (int)selector_grade(c->selector, cert) : SELECTOR_OTHER;
	int r = 0;

	if (grade > c->grade) {
		choice_free(c);
		c->grade = grade;
	}
	if (grade != SELECTOR_OTHER && grade == c->grade) {
		certificate_problem(problem, cert, c->purpose);
		if (problem[0] == '\0')
			r = choice_add(c, t, o, cert, 0);
		else
			note_unfit(c, cert);
	}
	X509_free(cert);
	return r;
}

static int unusable(struct search *s, const struct choice *c)
{
	char problem[CERTIFICATE_PROBLEM_SIZE];

	certificate_problem(problem, c->example, c->purpose);
	if (c->unfit == 1)
		error_set(s->err, HSMIME_ENOKEY, "the certificate for %.200s on the token %s",
		    c->selector->text, problem);
	else
		error_set(s->err, HSMIME_ENOKEY,
		    "none of the %zu certificates for %.200s on the tokens can be used: the newest "
		    "%s",
		    c->unfit, c->selector->text, problem);
	return error_hint(
	    s->err, "'hsmime keys' shows the certificates and their dates; choose a key with -k");
}

static int nobody(struct search *s, const struct choice *c)
{
	int r = find_no_token(s);

	if (r < 0)
		return r;
	if (c->count > 0)
		error_set(s->err, HSMIME_ENOKEY, "the private key for %.200s is not on its token",
		    c->selector->text);
	else if (c->unfit > 0)
		return unusable(s, c);
	else
		error_set(s->err, HSMIME_ENOKEY, "no certificate on the tokens names %.200s",
		    c->selector->text);
	return error_hint(s->err, "'hsmime keys' lists the certificates; choose a key with -k");
}

/* Of one key the first token that has it will do; where several keys fit, which one is not guessed. */
static int follow(struct search *s, struct choice *c)
{
	int r = 0;

	s->passes_pin = choice_one_key(c);
	for (unsigned order = FIND_OPEN; order < FIND_ORDERS; order++)
		for (size_t i = 0; r == 0 && i < c->count; i++) {
			struct chosen *item = &c->items[i];

			if (item->followed || find_order(item->token) > order ||
			    (s->passes_pin && !find_further(s, item->token)))
				continue;
			item->followed = true;
			r = choice_follow(s, item);
		}
	return r;
}

int find_named(struct engine_found *found, struct engine *e, const struct selector *selector,
    enum engine_purpose purpose, struct error *err)
{
	struct choice c = { .selector = selector, .purpose = purpose };
	struct search s;
	int r = search_begin(&s, e, NULL, purpose, err);

	if (r < 0)
		return r;
	r = choice_over(&s, &c, choose_named);
	if (r == 0)
		r = follow(&s, &c);
	/* What is wrong with the certificate says more than which other token could not be looked at. */
	if (r == 0 && s.count == 0 && s.unfit == 0 &&
	    (s.passed.count == 0 || (c.count == 0 && c.unfit > 0)))
		r = nobody(&s, &c);
	if (r == 0)
		r = find_finish(found, &s);
	choice_free(&c);
	search_end(&s);
	return r;
}

int engine_find_by_email(struct engine_found *found, struct engine *e, const char *email,
    enum engine_purpose purpose, struct error *err)
{
	const struct selector s = { .kind = SELECTOR_EMAIL, .text = email, .value = email };

	memset(found, 0, sizeof(*found));
	return find_named(found, e, &s, purpose, err);
}
