#include "engine/login.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include <hsmime/token.h>

#include "engine/crypto.h"
#include "engine/cryptoki.h"
#include "engine/module.h"
#include "engine/pin.h"
#include "engine/recovery.h"
#include "engine/slot.h"

void login_init(struct login *l)
{
	gate_init(&l->gate);
	atomic_store(&l->in, false);
}

void login_free(struct login *l)
{
	gate_free(&l->gate);
	OPENSSL_cleanse(l->refused, sizeof(l->refused));
}

void login_lost(struct token *t)
{
	atomic_store(&t->login.in, false);
}

/*
 * Whether nothing forbids a PIN that nobody has typed. Wrong PINs given
 * elsewhere count too, so flags that are not fresh are read again.
 */
static int check_flags(struct token *t, const struct pin_source *pin, struct error *err)
{
	unsigned flags = atomic_load(&t->flags);

	if ((flags & HSMIME_TOKEN_PIN_LOCKED) != 0)
		return recovery_error(err, CKR_PIN_LOCKED, t->label, "log in");
	if ((flags & HSMIME_TOKEN_PIN_FINAL_TRY) == 0 || pin->callback != NULL)
		return 0;
	error_set(err, HSMIME_EPIN,
	    "one more wrong PIN locks token \"%s\"; nothing logs in unattended", t->label);
	return error_hint(err, "log in once by hand with the right PIN, which resets the count");
}

static bool was_refused(const struct login *l, const unsigned char *tag)
{
	for (size_t i = 0; i < l->refused_count && i < LOGIN_REFUSED_MAX; i++)
		if (CRYPTO_memcmp(l->refused[i], tag, LOGIN_DIGEST) == 0)
			return true;
	return false;
}

static void remember_refused(struct login *l, const unsigned char *tag)
{
	memcpy(l->refused[l->refused_count++ % LOGIN_REFUSED_MAX], tag, LOGIN_DIGEST);
}

/* Refusals of a login that have nothing to do with the PIN. Vague codes are not among them. */
static bool not_the_pin(CK_RV rv)
{
	static const CK_RV list[] = { CKR_HOST_MEMORY, CKR_DEVICE_MEMORY,
		CKR_OPERATION_NOT_INITIALIZED, CKR_SESSION_READ_ONLY_EXISTS,
		CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_USER_TOO_MANY_TYPES, CKR_USER_TYPE_INVALID,
		CKR_TOKEN_NOT_RECOGNIZED, CKR_TOKEN_WRITE_PROTECTED };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i] == rv)
			return true;
	return recovery_of(rv) != RECOVERY_NONE;
}

/* Whether the refusal counts as a wrong PIN, which is not to be sent again. */
static bool wrong_pin(CK_RV rv)
{
	return rv != CKR_PIN_LOCKED && rv != CKR_PIN_EXPIRED && rv != CKR_USER_PIN_NOT_INITIALIZED;
}

/* CKR_USER_ALREADY_LOGGED_IN is what was wanted: the login is the application's. */
static int judge(struct token *t, CK_RV rv, struct error *err)
{
	char name[48];
	int r;

	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return 0;
	r = recovery_error(err, rv, t->label, "log in");
	if (not_the_pin(rv) || r == HSMIME_EPIN)
		return r;
	/* Some cards give vague codes for a wrong PIN. */
	error_set(err, HSMIME_EPIN, "token \"%s\" refused the login (%s)", t->label,
	    recovery_name(rv, name, sizeof(name)));
	return error_hint(err, "check the PIN; it is not tried again");
}

static void warn_of_count(struct token *t, struct error *err)
{
	unsigned flags = token_update_flags(t) == CKR_OK ? atomic_load(&t->flags) : 0;

	if ((flags & HSMIME_TOKEN_PIN_LOCKED) != 0)
		error_hint(err, "the PIN is locked now; unblock it with the token's own tool");
	else if ((flags & HSMIME_TOKEN_PIN_FINAL_TRY) != 0)
		error_hint(err, "check the PIN: the next wrong one locks the token");
}

static int try_pin(struct token *t, const struct session *s, CK_USER_TYPE user,
    const struct secret *pin, CK_RV *rv, struct error *err)
{
	unsigned char tag[CRYPTO_TAG];
	int r;

	/* Only once a PIN was refused: the first digest of a process takes part of a millisecond. */
	if (t->login.refused_count > 0 && !crypto_tag(tag, pin->data, pin->len))
		return error_openssl(err, HSMIME_EINTERNAL, "can't digest");
	if (t->login.refused_count > 0 && was_refused(&t->login, tag)) {
		error_set(err, HSMIME_EPIN,
		    "token \"%s\" refused this PIN before; it is not tried again", t->label);
		return error_hint(err, "check the PIN and start again");
	}
	*rv = cryptoki_login(t->module, s->handle, user, pin->data, pin->len);
	r = judge(t, *rv, err);
	if (r == HSMIME_EPIN && wrong_pin(*rv)) {
		if (!crypto_tag(tag, pin->data, pin->len))
			return error_openssl(err, HSMIME_EINTERNAL, "can't digest");
		remember_refused(&t->login, tag);
		warn_of_count(t, err);
	}
	return r;
}

/* A person is told with the question. */
static void warn_unattended(
    const struct pin_source *source, const struct token *t, const hsmime_pin_request *request)
{
	char text[256];

	if (pin_attended(source) || !request->count_low || source->log == NULL)
		return;
	snprintf(text, sizeof(text),
	    "a wrong PIN was given for the token with serial number %s since its last login",
	    t->serial);
	source->log(source->log_arg, 1, text);
}

static int ask_and_try(struct token *t, const struct session *s, CK_USER_TYPE user,
    struct pin_source *source, const char *purpose, CK_RV *rv, struct error *err)
{
	unsigned flags = atomic_load(&t->flags);
	hsmime_pin_request request = { t->label, t->serial, purpose,
		(flags & HSMIME_TOKEN_PIN_COUNT_LOW) != 0,
		(flags & HSMIME_TOKEN_PIN_FINAL_TRY) != 0 };
	struct secret pin = { 0 };
	int r = check_flags(t, source, err);

	if (r < 0)
		return r;
	if ((flags & HSMIME_TOKEN_PIN_PAD) != 0) {
		*rv = cryptoki_login(t->module, s->handle, user, NULL, 0);
		return judge(t, *rv, err);
	}
	warn_unattended(source, t, &request);
	r = pin_read(&pin, source, &request, err);
	if (r == 0)
		r = try_pin(t, s, user, &pin, rv, err);
	secret_free(&pin);
	return r;
}

CK_RV login_check(struct token *t, const struct session *s)
{
	CK_SESSION_INFO info = { 0 };
	CK_RV rv = cryptoki_session_info(t->module, s->handle, &info);

	if (rv == CKR_OK &&
	    (info.state == CKS_RO_PUBLIC_SESSION || info.state == CKS_RW_PUBLIC_SESSION))
		rv = CKR_USER_NOT_LOGGED_IN;
	return rv;
}

/* Another part of the program, or we before the sessions were lost, may have logged in. */
static bool in_already(struct token *t, const struct session *s)
{
	CK_SESSION_INFO info = { 0 };

	if (!t->login.tried && t->module->owner)
		return false;
	return cryptoki_session_info(t->module, s->handle, &info) == CKR_OK &&
	       (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

static int log_in(struct token *t, const struct session *s, struct pin_source *pin,
    const char *purpose, CK_RV *rv, struct error *err)
{
	int r = 0;

	if (atomic_load(&t->login.in))
		return 0;
	if (!in_already(t, s)) {
		if (t->login.tried || !token_flags_fresh(t))
			token_update_flags(t);
		t->login.tried = true;
		r = ask_and_try(t, s, CKU_USER, pin, purpose, rv, err);
	}
	if (r == 0)
		atomic_store(&t->login.in, true);
	return r;
}

int login_user(struct token *t, const struct session *s, struct pin_source *pin,
    const char *purpose, CK_RV *rv, struct error *err)
{
	int r;

	*rv = CKR_OK;
	if (atomic_load(&t->login.in))
		return 0;
	gate_enter(&t->login.gate);
	r = log_in(t, s, pin, purpose, rv, err);
	gate_leave(&t->login.gate);
	return r;
}

int login_context(struct token *t, const struct session *s, struct pin_source *pin,
    const char *purpose, CK_RV *rv, struct error *err)
{
	int r;

	*rv = CKR_OK;
	gate_enter(&t->login.gate);
	if (t->login.refused_count > 0)
		token_update_flags(t);
	r = ask_and_try(t, s, CKU_CONTEXT_SPECIFIC, pin, purpose, rv, err);
	gate_leave(&t->login.gate);
	return r;
}
