#include "engine/login.h"

#include <string.h>

#include <openssl/crypto.h>

#include <hsmime/token.h>

#include "engine/crypto.h"
#include "engine/cryptoki.h"
#include "engine/log.h"
#include "engine/module.h"
#include "engine/pin.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/watch.h"

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

static bool nobody_there(const struct pin_source *pin)
{
	return pin->callback == NULL || pin->doubtful;
}

/*
 * Wrong PINs given elsewhere count too, so flags that are not fresh are read again. Only a person
 * may go on where they can't be read.
 */
static int refresh_flags(
    struct token *t, const struct pin_source *pin, CK_RV *rv, struct error *err)
{
	CK_RV flags = token_update_flags(t);

	if (flags == CKR_OK || (pin_attended(pin) && !nobody_there(pin)))
		return 0;
	if (recovery_of(flags) == RECOVERY_SESSION)
		*rv = flags;
	return recovery_error(err, flags, t->label, "tell the state of its PIN");
}

/* Whether nothing forbids a PIN that nobody has typed. */
static int check_flags(struct token *t, const struct pin_source *pin, struct error *err)
{
	unsigned flags = atomic_load(&t->flags);

	if ((flags & HSMIME_TOKEN_PIN_LOCKED) != 0)
		return recovery_error(err, CKR_PIN_LOCKED, t->label, "log in");
	if ((flags & HSMIME_TOKEN_PIN_FINAL_TRY) == 0 || !nobody_there(pin))
		return 0;
	error_set(err, HSMIME_EPIN,
	    "one more wrong PIN locks token \"%s\"; nothing logs in unattended", t->label);
	return error_hint(err, "log in once by hand with the right PIN (hsmime keys --login), "
			       "which resets the count");
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

static bool among(CK_RV rv, const CK_RV *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == rv)
			return true;
	return false;
}

/*
 * The session was not one to log in with, so that the PIN was not looked at. Between an operation's
 * start and the operation that is also where OpenSC has logged the slot out.
 */
static bool void_session(CK_RV rv, CK_USER_TYPE user)
{
	static const CK_RV list[] = { CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,
		CKR_CRYPTOKI_NOT_INITIALIZED, CKR_OPERATION_NOT_INITIALIZED,
		CKR_USER_NOT_LOGGED_IN };

	return among(rv, list, user == CKU_CONTEXT_SPECIFIC ? 5 : 3);
}

/* Refusals of a login that have nothing to do with the PIN. Vague codes are not among them. */
static bool not_the_pin(CK_RV rv, CK_USER_TYPE user)
{
	static const CK_RV list[] = { CKR_HOST_MEMORY, CKR_DEVICE_MEMORY,
		CKR_OPERATION_NOT_INITIALIZED, CKR_SESSION_READ_ONLY_EXISTS,
		CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_USER_TOO_MANY_TYPES, CKR_USER_TYPE_INVALID,
		CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED, CKR_TOKEN_WRITE_PROTECTED };

	return void_session(rv, user) || among(rv, list, sizeof(list) / sizeof(list[0]));
}

/* Refusals for the state that the PIN is in, whichever was sent. */
static bool state_of_pin(CK_RV rv)
{
	static const CK_RV list[] = { CKR_PIN_LOCKED, CKR_PIN_EXPIRED,
		CKR_USER_PIN_NOT_INITIALIZED };

	return among(rv, list, sizeof(list) / sizeof(list[0]));
}

/* CKR_USER_ALREADY_LOGGED_IN is what was wanted: the login is the application's. */
static int judge(struct token *t, CK_RV rv, CK_USER_TYPE user, struct error *err)
{
	char name[48];
	int r;

	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return 0;
	if (rv == CKR_PIN_EXPIRED) {
		error_set(err, HSMIME_EPIN, "the PIN of token \"%s\" has expired (CKR_PIN_EXPIRED)",
		    t->label);
		return error_hint(err, "change the PIN with the token's own tool, and start again");
	}
	r = recovery_error(err, rv, t->label, "log in");
	if (not_the_pin(rv, user) || r == HSMIME_EPIN || recovery_of(rv) == RECOVERY_SESSION)
		return r;
	/* Some cards give vague codes for a wrong PIN. */
	error_set(err, HSMIME_EPIN, "token \"%s\" refused the login (%s)", t->label,
	    recovery_name(rv, name, sizeof(name)));
	return error_hint(err, "check the PIN; it is not tried again");
}

static void warn_of_flags(struct token *t, struct error *err)
{
	unsigned flags = token_update_flags(t) == CKR_OK ? atomic_load(&t->flags) : 0;

	if ((flags & HSMIME_TOKEN_PIN_LOCKED) != 0)
		error_hint(err, "the PIN is locked now; unblock it with the token's own tool");
	else if ((flags & HSMIME_TOKEN_PIN_FINAL_TRY) != 0)
		error_hint(err, "check the PIN: the next wrong one locks the token");
	else if ((flags & HSMIME_TOKEN_PIN_TO_BE_CHANGED) != 0)
		error_hint(err, "check the PIN; the token says that it has to be changed, with its "
				"own tool, before it can be used");
}

/* PKCS#11 v3.0 section 5.6.8: such a login succeeds, and what follows gets CKR_PIN_EXPIRED. */
static void warn_of_change(const struct token *t)
{
	if ((atomic_load(&t->flags) & HSMIME_TOKEN_PIN_TO_BE_CHANGED) != 0)
		log_say(0,
		    "token \"%s\" says that its PIN has to be changed, with its own tool, before "
		    "it can be used",
		    t->label);
}

/* A login that is under way. */
struct attempt {
	struct token *token;
	const struct session *session;
	CK_USER_TYPE user;
	struct pin_source *source;
	CK_RV *rv;
	struct error *err;
};

/* pin NULL: the token asks by itself. */
static int send_pin(const struct attempt *a, const struct secret *pin, CK_RV *answer)
{
	const unsigned char *data = pin != NULL ? pin->data : NULL;

	*answer = cryptoki_login(
	    a->token->module, a->session->handle, a->user, data, pin != NULL ? pin->len : 0);
	*a->rv = void_session(*answer, a->user) ? *answer : CKR_OK;
	return judge(a->token, *answer, a->user, a->err);
}

/*
 * Whether the PIN is not to be sent again. Where the token went during the login it may or may not
 * have looked at the PIN: a person may type the same again, and nobody else.
 */
static bool counts(const struct attempt *a, CK_RV answer)
{
	if (not_the_pin(answer, a->user) || state_of_pin(answer))
		return false;
	return recovery_of(answer) != RECOVERY_SESSION || !pin_attended(a->source);
}

static int try_pin(const struct attempt *a, const struct secret *pin)
{
	struct token *t = a->token;
	unsigned char tag[CRYPTO_TAG];
	CK_RV answer;
	int r;

	/* Only once a PIN was refused: the first digest of a process takes part of a millisecond. */
	if (t->login.refused_count > 0 && !crypto_tag(tag, pin->data, pin->len))
		return error_openssl(a->err, HSMIME_EINTERNAL, "can't digest");
	if (t->login.refused_count > 0 && was_refused(&t->login, tag)) {
		error_set(a->err, HSMIME_EPIN,
		    "token \"%s\" refused this PIN before; it is not tried again", t->label);
		return error_hint(a->err, "check the PIN and start again");
	}
	r = send_pin(a, pin, &answer);
	if (r == 0 || !counts(a, answer))
		return r;
	if (!crypto_tag(tag, pin->data, pin->len))
		return error_openssl(a->err, HSMIME_EINTERNAL, "can't digest");
	remember_refused(&t->login, tag);
	if (r == HSMIME_EPIN)
		warn_of_flags(t, a->err);
	return r;
}

/* The pad knows nothing of the flags: that a wrong PIN locks the token is told before. */
static int try_pad(const struct attempt *a, const hsmime_pin_request *request)
{
	struct secret consent = { 0 };
	CK_RV answer;
	int r = 0;

	if (request->final_try)
		r = pin_read(&consent, a->source, request, a->err);
	secret_free(&consent);
	return r < 0 ? r : send_pin(a, NULL, &answer);
}

/* A person is told with the question. */
static void warn_unattended(
    const struct pin_source *source, const struct token *t, const hsmime_pin_request *request)
{
	if (!pin_attended(source) && request->count_low)
		log_say(1,
		    "a wrong PIN was given for the token with serial number %s since its last "
		    "login",
		    t->serial);
}

static int ask_and_try(const struct attempt *a, const char *purpose)
{
	struct token *t = a->token;
	unsigned flags = atomic_load(&t->flags);
	hsmime_pin_request request = { t->label, t->serial, purpose,
		(flags & HSMIME_TOKEN_PIN_COUNT_LOW) != 0,
		(flags & HSMIME_TOKEN_PIN_FINAL_TRY) != 0, (flags & HSMIME_TOKEN_PIN_PAD) != 0 };
	struct secret pin = { 0 };
	int r = check_flags(t, a->source, a->err);

	if (r < 0)
		return r;
	warn_unattended(a->source, t, &request);
	if (request.pin_pad)
		return try_pad(a, &request);
	r = pin_read(&pin, a->source, &request, a->err);
	if (r == 0)
		r = try_pin(a, &pin);
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

static int log_in(const struct attempt *a, const char *purpose)
{
	struct token *t = a->token;
	int r = 0;

	if (atomic_load(&t->login.in))
		return 0;
	if (!in_already(t, a->session)) {
		if (t->login.tried || !token_flags_fresh(t))
			r = refresh_flags(t, a->source, a->rv, a->err);
		if (r < 0)
			return r;
		t->login.tried = true;
		r = ask_and_try(a, purpose);
		if (r == 0)
			warn_of_change(t);
	}
	if (r == 0)
		atomic_store(&t->login.in, true);
	return r;
}

int login_user(struct token *t, const struct session *s, struct pin_source *pin,
    const char *purpose, CK_RV *rv, struct error *err)
{
	const struct attempt a = { t, s, CKU_USER, pin, rv, err };
	int r;

	*rv = CKR_OK;
	if (atomic_load(&t->login.in))
		return 0;
	if (!gate_enter(&t->login.gate))
		return watch_stuck(err, t);
	r = log_in(&a, purpose);
	gate_leave(&t->login.gate);
	return r;
}

int login_context(struct token *t, const struct session *s, struct pin_source *pin,
    const char *purpose, CK_RV *rv, struct error *err)
{
	const struct attempt a = { t, s, CKU_CONTEXT_SPECIFIC, pin, rv, err };
	int r = 0;

	*rv = CKR_OK;
	if (!gate_enter(&t->login.gate))
		return watch_stuck(err, t);
	if (t->login.refused_count > 0)
		r = refresh_flags(t, pin, rv, err);
	if (r == 0)
		r = ask_and_try(&a, purpose);
	gate_leave(&t->login.gate);
	return r;
}
