/* The keys on a token and their certificates. */
#include "api/doctor.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

/* What is on the token at hand. */
struct holding {
	struct doctor *d;
	struct engine *e;
	const char *query; /* behind a URI: how to come to the PIN, or NULL */
	const struct diagnosis_object *list;
	size_t count;
	bool login;
	bool all;                    /* private keys show */
	struct doctor_trial *trials; /* of private keys, by the place in list */
};

/* By their IDs; where one of them has none, by the public key, as engine/choice.h does. */
static bool belong(const struct diagnosis_object *a, const struct diagnosis_object *b)
{
	if (a->id_len > 0 && b->id_len > 0)
		return a->id_len == b->id_len && memcmp(a->id, b->id, a->id_len) == 0;
	return a->public_key != NULL && b->public_key != NULL &&
	       EVP_PKEY_eq(a->public_key, b->public_key) == 1;
}

/* The next object of that kind that belongs to o, from *at on, which is moved behind it; NULL at the end. */
static const struct diagnosis_object *partner(
    size_t *at, const struct holding *h, const struct diagnosis_object *o, enum diagnosis_kind kind)
{
	while (*at < h->count) {
		const struct diagnosis_object *other = &h->list[(*at)++];

		if (other->kind == kind && other != o && belong(other, o))
			return other;
	}
	return NULL;
}

static size_t partners(
    const struct holding *h, const struct diagnosis_object *o, enum diagnosis_kind kind)
{
	size_t at = 0, n = 0;

	while (partner(&at, h, o, kind) != NULL)
		n++;
	return n;
}

/* A key is meant where it, its certificate or its public key is named. */
static bool is_named(const struct holding *h, const struct diagnosis_object *o)
{
	bool named = o->named;

	for (size_t i = 0; i < h->count && !named; i++)
		named = h->list[i].named && belong(&h->list[i], o);
	return named;
}

/* What the private key shows, or the only public key object that belongs to it. */
static EVP_PKEY *known_public(const struct holding *h, const struct diagnosis_object *o)
{
	size_t at = 0;
	const struct diagnosis_object *public_key;

	if (o->public_key != NULL || partners(h, o, DIAGNOSIS_PUBLIC) != 1)
		return o->public_key;
	public_key = partner(&at, h, o, DIAGNOSIS_PUBLIC);
	return public_key->public_key;
}

static bool same_or_unknown(EVP_PKEY *a, EVP_PKEY *b)
{
	return a == NULL || b == NULL || EVP_PKEY_eq(a, b) == 1;
}

/* Whether one of the certificates is of that public key; also where there is nothing to compare. */
static bool certificate_fits_key(
    const struct holding *h, const struct diagnosis_object *o, EVP_PKEY *public_key)
{
	const struct diagnosis_object *cert;
	size_t at = 0, seen = 0;

	while ((cert = partner(&at, h, o, DIAGNOSIS_CERTIFICATE)) != NULL) {
		if (same_or_unknown(cert->public_key, public_key))
			return true;
		seen++;
	}
	return seen == 0;
}

/* False where the certificate is told to be another key's. */
static bool tell_certificates(const struct holding *h, const struct diagnosis_object *o)
{
	size_t n = partners(h, o, DIAGNOSIS_CERTIFICATE);

	if (n == 0)
		doctor_say(h->d, DOCTOR_KEY_NO_CERTIFICATE, o->uri,
		    "the token has no certificate for the key");
	else if (n > 1)
		doctor_say(h->d, DOCTOR_KEY_SEVERAL_CERTIFICATES, o->uri,
		    "the key has %zu certificates: one that is valid and fits goes before the "
		    "others",
		    n);
	if (certificate_fits_key(h, o, known_public(h, o)))
		return true;
	doctor_say(h->d, DOCTOR_KEY_MISMATCH, o->uri,
	    "the certificate with the key's ID is another key's");
	return false;
}

static void look_at_key(const struct holding *h, const struct diagnosis_object *o)
{
	bool fits;

	h->d->private_keys++;
	if (!is_named(h, o))
		return;
	fits = tell_certificates(h, o);
	h->d->bare_keys += partners(h, o, DIAGNOSIS_CERTIFICATE) == 0;
	if (o->always_authenticate)
		doctor_say(h->d, DOCTOR_KEY_ALWAYS_AUTHENTICATE, o->uri,
		    "the key wants the PIN for every use");
	if (!o->supported)
		doctor_say(h->d, DOCTOR_KEY_NOT_FOR_MAIL, o->uri,
		    "the key is neither RSA nor EC, and this version uses no others");
	else if (!o->may[ENGINE_SIGN] && !o->may[ENGINE_DECRYPT])
		doctor_say(h->d, DOCTOR_KEY_NOT_FOR_MAIL, o->uri,
		    "the key may neither sign nor decrypt, so hsmime has no use for it");
	else if (h->login && (fits || o->rsa)) /* an EC key is compared with its certificate */
		doctor_try(&h->trials[o - h->list], h->d, h->e, o, h->query);
}

static void add_uses(
    struct doctor_uses *uses, const struct diagnosis_object *key, const struct doctor_trial *trial)
{
	uses->known |= key->supported;
	for (size_t p = 0; p < ENGINE_PURPOSES; p++) {
		uses->may[p] |= key->may[p];
		uses->can[p] |= key->may[p] && !trial->failed[p];
	}
}

/* Of the keys, those of the kind that shows, that may be the certificate's. */
static struct doctor_uses uses_of(const struct holding *h, const struct diagnosis_object *o)
{
	bool shows = h->all || partners(h, o, DIAGNOSIS_PRIVATE) > 0;
	enum diagnosis_kind kind = shows ? DIAGNOSIS_PRIVATE : DIAGNOSIS_PUBLIC;
	const struct diagnosis_object *key;
	struct doctor_uses uses = { 0 };
	size_t at = 0, seen = 0;

	while ((key = partner(&at, h, o, kind)) != NULL) {
		EVP_PKEY *public_key = shows ? known_public(h, key) : key->public_key;
		const struct doctor_trial *trial = &h->trials[key - h->list];

		if (!trial->strange && same_or_unknown(o->public_key, public_key))
			add_uses(&uses, key, trial);
		seen++;
	}
	if (!shows && seen == 0)
		memset(uses.can, true, sizeof(uses.can));
	return uses;
}

/* Without a public key object too, SoftHSM and others show nothing of a key before a login. */
static void look_at_certificate(const struct holding *h, const struct diagnosis_object *o)
{
	struct doctor_uses uses;
	bool alone = h->all && partners(h, o, DIAGNOSIS_PRIVATE) == 0;
	bool authority =
	    o->certificate != NULL && (X509_get_extension_flags(o->certificate) & EXFLAG_CA) != 0;

	if (o->certificate == NULL || authority || !is_named(h, o))
		return;
	if (alone)
		doctor_say(h->d, DOCTOR_CERTIFICATE_NO_KEY, o->uri,
		    "the certificate's private key is not here");
	uses = uses_of(h, o);
	doctor_certificate(h->d, o->certificate, o->uri, &uses);
}

static void look_at_public_key(const struct holding *h, const struct diagnosis_object *o)
{
	if (!h->all && is_named(h, o) && !certificate_fits_key(h, o, o->public_key) &&
	    partners(h, o, DIAGNOSIS_PUBLIC) == 0)
		doctor_say(h->d, DOCTOR_KEY_MISMATCH, o->uri,
		    "the certificate with the public key's ID is another key's");
}

static void look_at_all(const struct holding *h)
{
	static void (*const looks[])(const struct holding *h, const struct diagnosis_object *o) = {
		[DIAGNOSIS_PRIVATE] = look_at_key,
		[DIAGNOSIS_PUBLIC] = look_at_public_key,
		[DIAGNOSIS_CERTIFICATE] = look_at_certificate,
	};

	for (size_t i = 0; i < h->count; i++)
		looks[h->list[i].kind](h, &h->list[i]);
}

/* What shows without a login, where one was wanted and failed. */
static int gather(struct diagnosis_object **list, size_t *count, struct holding *h,
    const hsmime_token *t, struct error *err)
{
	const struct diagnosis_keys *keys = &h->d->keys;
	int status = diagnose_objects(list, count, h->e, t->uri, keys, h->login, err), again;

	if (!h->login || (status != HSMIME_EPIN && status != HSMIME_ETOKEN))
		return status;
	doctor_fail(h->d, status == HSMIME_EPIN ? DOCTOR_LOGIN_FAILED : DOCTOR_TOKEN_UNREADABLE,
	    t->label, err);
	h->login = false;
	h->d->unread |= status == HSMIME_ETOKEN;
	again = diagnose_objects(list, count, h->e, t->uri, keys, false, err);
	/* A token that fails in both ways is told of once. */
	return again == HSMIME_ETOKEN && status == HSMIME_ETOKEN ? 0 : again;
}

void doctor_keys(
    struct doctor *d, struct engine *e, const hsmime_token *t, const char *query, bool login)
{
	struct diagnosis_object *list = NULL;
	struct holding h = { .d = d, .e = e, .query = query, .login = login };
	struct error err = { 0 };
	size_t count = 0, from;
	int status;

	status = gather(&list, &count, &h, t, &err);
	d->unread |= status != 0;
	if (status != 0)
		doctor_fail(d, DOCTOR_TOKEN_UNREADABLE, t->label, &err);
	else if (h.login && (t->flags & HSMIME_TOKEN_LOGIN_REQUIRED) != 0)
		doctor_say(d, DOCTOR_LOGIN_DONE, t->label, "the login succeeded");
	h.all = h.login || (t->flags & HSMIME_TOKEN_LOGIN_REQUIRED) == 0;
	d->all_shown &= h.all;
	h.list = list;
	h.count = count;
	from = d->count;
	h.trials = calloc(count + 1, sizeof(*h.trials));
	if (h.trials != NULL)
		look_at_all(&h);
	else
		d->nomem = true;
	doctor_fold(d, from);
	free(h.trials);
	diagnose_objects_free(list, count);
}
