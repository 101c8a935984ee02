#include "engine/login_refused.h"

#include <string.h>

#include <openssl/crypto.h>

#include "engine/crypto.h"

bool login_refused_any(const struct login_memory *m, enum hsmime_pin_kind kind)
{
	return m->refused[kind].count > 0 || m->doubt.pin.data != NULL;
}

static bool add(struct login_refused *l, const struct secret *pin, bool unknown)
{
	size_t i = l->count % LOGIN_REFUSED_MAX;

	if (!crypto_tag(l->pins[i].tag, pin->data, pin->len))
		return false;
	l->pins[i].unknown = unknown;
	l->count++;
	return true;
}

void login_refused_add(
    struct login_memory *m, enum hsmime_pin_kind kind, const struct secret *pin, bool unknown)
{
	(void)add(&m->refused[kind], pin, unknown);
}

/* The call of an earlier PIN was given up: what is to be thought of that PIN. False where OpenSSL fails. */
static bool settle(struct login_memory *m)
{
	struct login_doubt *d = &m->doubt;
	unsigned long rv = atomic_load(&d->answer);
	enum login_answer answer = ANSWER_LOST;
	bool counts = true, done = true;

	if (d->pin.data == NULL)
		return true;
	if (rv != LOGIN_UNANSWERED) {
		answer = login_answer(&d->sent, rv);
		counts = answer == ANSWER_REFUSED || (answer == ANSWER_LOST && !d->attended);
	}
	if (counts)
		done = add(&m->refused[d->kind], &d->pin, answer != ANSWER_REFUSED);
	if (done)
		login_refused_end(m);
	return done;
}

static int refuse(bool unknown, const char *label, struct error *err)
{
	if (unknown) {
		error_set(err, HSMIME_EPIN,
		    "token \"%s\" was sent this PIN before and did not say whether it is right; it "
		    "is not tried again",
		    label);
		return error_hint(err, "see to the token, check the PIN, and start again");
	}
	error_set(
	    err, HSMIME_EPIN, "token \"%s\" refused this PIN before; it is not tried again", label);
	return error_hint(err, "check the PIN and start again");
}

int login_refused_check(struct login_memory *m, enum hsmime_pin_kind kind, const struct secret *pin,
    const char *label, struct error *err)
{
	const struct login_refused *l = &m->refused[kind];
	unsigned char tag[CRYPTO_TAG];

	if (!settle(m))
		return error_openssl(err, HSMIME_EINTERNAL, "can't digest");
	/* Only once a PIN was refused: the first digest of a process takes part of a millisecond. */
	if (l->count == 0)
		return 0;
	if (!crypto_tag(tag, pin->data, pin->len))
		return error_openssl(err, HSMIME_EINTERNAL, "can't digest");
	for (size_t i = 0; i < l->count && i < LOGIN_REFUSED_MAX; i++)
		if (CRYPTO_memcmp(l->pins[i].tag, tag, LOGIN_DIGEST) == 0)
			return refuse(l->pins[i].unknown, label, err);
	return 0;
}

int login_refused_begin(struct login_memory *m, const struct login_sent *sent,
    enum hsmime_pin_kind kind, bool attended, const struct secret *pin)
{
	struct login_doubt *d = &m->doubt;

	atomic_store(&d->answer, LOGIN_UNANSWERED);
	d->sent = *sent;
	d->kind = kind;
	d->attended = attended;
	return secret_copy(&d->pin, pin);
}

void login_refused_end(struct login_memory *m)
{
	secret_free(&m->doubt.pin);
}

void login_refused_forget(struct login_memory *m, enum hsmime_pin_kind kind)
{
	OPENSSL_cleanse(&m->refused[kind], sizeof(m->refused[kind]));
	if (m->doubt.kind == kind)
		login_refused_end(m);
}

void login_refused_wipe(struct login_memory *m)
{
	OPENSSL_cleanse(m->refused, sizeof(m->refused));
	login_refused_end(m);
}
