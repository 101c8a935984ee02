#include <string.h>

#include "engine/certificate.h"
#include "engine/choice.h"
#include "engine/find.h"

static int choose_by_email(void *arg, struct token *t, const struct object *o)
{
	struct choice *c = arg;
	X509 *cert = object_certificate(o);

	if (cert != NULL && certificate_names_email(cert, c->email)) {
		if (certificate_valid_now(cert) && certificate_fits(cert, c->purpose))
			choice_add(c, t, o, cert, 0);
		else
			c->unfit++;
	}
	X509_free(cert);
	return 0;
}

static int no_email(struct search *s, const struct choice *c)
{
	int r = find_no_token(s);

	if (r < 0)
		return r;
	if (c->unfit > 0)
		error_set(s->err, HSMIME_ENOKEY,
		    "the certificates for %s on the tokens are not valid now or not for this use",
		    c->email);
	else if (c->count > 0)
		error_set(
		    s->err, HSMIME_ENOKEY, "the private key for %s is not on its token", c->email);
	else
		error_set(s->err, HSMIME_ENOKEY, "no certificate on the tokens names %s", c->email);
	return error_hint(s->err, "'hsmime keys' lists the certificates; choose a key with -k");
}

int engine_find_by_email(struct engine_found *found, struct engine *e, const char *email,
    enum engine_purpose purpose, struct error *err)
{
	struct choice c = { .email = email, .purpose = purpose };
	struct search s;
	int r = search_begin(&s, e, NULL, purpose, err);

	memset(found, 0, sizeof(*found));
	if (r < 0)
		return r;
	r = choice_over(&s, &c, choose_by_email);
	for (size_t i = 0; r == 0 && i < c.count; i++)
		r = choice_follow(&s, &c.items[i]);
	if (r == 0 && s.count == 0 && s.unfit == 0 && s.failed.code == 0)
		r = no_email(&s, &c);
	if (r == 0)
		r = find_finish(found, &s);
	choice_free(&c);
	search_end(&s);
	return r;
}
