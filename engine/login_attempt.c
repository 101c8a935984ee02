#include "engine/login_attempt.h"

#include <string.h>

#include <openssl/crypto.h>

#include <hsmime/token.h>

#include "engine/crypto.h"
#include "engine/cryptoki.h"
#include "engine/log.h"
#include "engine/pin.h"
#include "engine/pin_cache.h"
#include "engine/pin_memory.h"
#include "engine/recovery.h"
#include "engine/slot.h"

/* The security officer's stand four bits above the user's, in the same order. */
unsigned attempt_flags(const struct token *t, enum hsmime_pin_kind kind)
{
	const unsigned all = HSMIME_TOKEN_PIN_COUNT_LOW | HSMIME_TOKEN_PIN_FINAL_TRY |
			     HSMIME_TOKEN_PIN_LOCKED | HSMIME_TOKEN_PIN_TO_BE_CHANGED;
	unsigned flags = atomic_load(&t->flags);

	if (kind == HSMIME_PIN_USER)
		return flags & all;
	return kind == HSMIME_PIN_SO ? (flags >> 4) & all : 0;
}

static int locked(const struct attempt *a)
{
	int r = recovery_error(a->err, CKR_PIN_LOCKED, a->token->label, "log in");

	if (a->about.kind != HSMIME_PIN_SO)
		return r;
	error_set(a->err, r, "token \"%s\" has locked its security officer's PIN", a->token->label);
	return error_hint(a->err, "nothing unblocks that one; who made the token may help");
}

/* Whether nothing forbids a PIN that nobody has typed. */
static int check_flags(const struct attempt *a)
{
	unsigned flags = attempt_flags(a->token, a->about.kind);

	if ((flags & HSMIME_TOKEN_PIN_LOCKED) != 0)
		return locked(a);
	if ((flags & HSMIME_TOKEN_PIN_FINAL_TRY) == 0 || pin_person(a->source))
		return 0;
	error_set(a->err, HSMIME_EPIN,
	    "one more wrong PIN locks token \"%s\"; nothing logs in unattended", a->token->label);
	return error_hint(a->err, "log in once by hand with the right PIN (hsmime keys --login), "
				  "which resets the count");
}

static struct login_refused *refused_of(const struct attempt *a)
{
	return &a->token->login.refused[a->about.kind];
}

static bool was_refused(const struct login_refused *l, const unsigned char *tag)
{
	for (size_t i = 0; i < l->count && i < LOGIN_REFUSED_MAX; i++)
		if (CRYPTO_memcmp(l->tags[i], tag, LOGIN_DIGEST) == 0)
			return true;
	return false;
}

void attempt_refused(const struct attempt *a, const struct secret *pin)
{
	struct login_refused *l = refused_of(a);
	unsigned char tag[CRYPTO_TAG];

	pin_cache_forget(a->token);
	a->token->login.has_accepted = false;
	if (crypto_tag(tag, pin->data, pin->len))
		memcpy(l->tags[l->count++ % LOGIN_REFUSED_MAX], tag, LOGIN_DIGEST);
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
static bool not_the_pin(const struct attempt *a, CK_RV rv)
{
	static const CK_RV list[] = { CKR_HOST_MEMORY, CKR_DEVICE_MEMORY,
		CKR_OPERATION_NOT_INITIALIZED, CKR_SESSION_READ_ONLY_EXISTS,
		CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_USER_TOO_MANY_TYPES, CKR_USER_TYPE_INVALID,
		CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED, CKR_TOKEN_WRITE_PROTECTED };

	if (a->send != NULL && rv == CKR_FUNCTION_NOT_SUPPORTED)
		return true;
	return void_session(rv, a->user) || among(rv, list, sizeof(list) / sizeof(list[0]));
}

/* Refusals for the state that the PIN is in, whichever was sent. */
static bool state_of_pin(CK_RV rv)
{
	static const CK_RV list[] = { CKR_PIN_LOCKED, CKR_PIN_EXPIRED,
		CKR_USER_PIN_NOT_INITIALIZED };

	return among(rv, list, sizeof(list) / sizeof(list[0]));
}

static int describe(const struct attempt *a, CK_RV rv)
{
	char name[48];
	int r;

	if (rv == CKR_PIN_EXPIRED) {
		error_set(a->err, HSMIME_EPIN,
		    "the PIN of token \"%s\" has expired (CKR_PIN_EXPIRED)", a->token->label);
		return error_hint(a->err, "change the PIN with hsmime pin change, and start again");
	}
	r = recovery_error(a->err, rv, a->token->label, "log in");
	if (not_the_pin(a, rv) || r == HSMIME_EPIN || recovery_of(rv) == RECOVERY_SESSION)
		return r;
	/* Some cards give vague codes for a wrong PIN. */
	error_set(a->err, HSMIME_EPIN, "token \"%s\" refused the login (%s)", a->token->label,
	    recovery_name(rv, name, sizeof(name)));
	return error_hint(a->err, "check the PIN; it is not tried again");
}

/* CKR_USER_ALREADY_LOGGED_IN is what was wanted: the login is the application's. */
static int judge(const struct attempt *a, CK_RV rv)
{
	static const char *const whose[] = {
		[HSMIME_PIN_SO] = "the security officer's PIN", [HSMIME_PIN_PUK] = "the PUK"
	};
	int r;

	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return 0;
	r = describe(a, rv);
	if (r == HSMIME_EPIN && a->about.kind != HSMIME_PIN_USER && !state_of_pin(rv))
		error_hint(a->err, "check %s; it is not tried again", whose[a->about.kind]);
	return r == HSMIME_EPIN && rv == CKR_PIN_LOCKED ? locked(a) : r;
}

static void warn_of_flags(const struct attempt *a)
{
	struct token *t = a->token;
	unsigned flags = token_update_flags(t) == CKR_OK ? attempt_flags(t, a->about.kind) : 0;

	if ((flags & HSMIME_TOKEN_PIN_LOCKED) != 0 && a->about.kind == HSMIME_PIN_SO)
		error_hint(a->err, "the security officer's PIN is locked now");
	else if ((flags & HSMIME_TOKEN_PIN_LOCKED) != 0)
		error_hint(a->err, "the PIN is locked now; unblock it with hsmime pin unblock");
	else if ((flags & HSMIME_TOKEN_PIN_FINAL_TRY) != 0)
		error_hint(a->err, "check the PIN: the next wrong one locks the token");
	else if ((flags & HSMIME_TOKEN_PIN_TO_BE_CHANGED) != 0)
		error_hint(a->err, "check the PIN; the token says that it has to be changed "
				   "(hsmime pin change) before it can be used");
}

/* pin NULL: the token asks by itself. */
static int send_pin(const struct attempt *a, const struct secret *pin, CK_RV *answer)
{
	const unsigned char *data = pin != NULL ? pin->data : NULL;
	CK_ULONG len = pin != NULL ? pin->len : 0;

	*answer = a->send != NULL
		      ? a->send(a, data, len)
		      : cryptoki_login(a->token->module, a->session, a->user, data, len);
	*a->rv = void_session(*answer, a->user) ? *answer : CKR_OK;
	return judge(a, *answer);
}

/* A card that is pulled out is often first missed by the login for one operation. */
static void remember_accepted(const struct attempt *a, const struct secret *pin)
{
	struct login *l = &a->token->login;

	if (a->user == CKU_CONTEXT_SPECIFIC)
		l->has_accepted = crypto_tag(l->accepted, pin->data, pin->len);
}

static bool was_accepted(const struct attempt *a, const struct secret *pin)
{
	const struct login *l = &a->token->login;
	unsigned char tag[CRYPTO_TAG];

	return l->has_accepted && crypto_tag(tag, pin->data, pin->len) &&
	       CRYPTO_memcmp(l->accepted, tag, sizeof(tag)) == 0;
}

/*
 * Whether the PIN is not to be sent again. Where the token went during the login it may or may not
 * have looked at the PIN: a person may type the same again, and nobody else unless the token is
 * known to take it.
 */
static bool counts(const struct attempt *a, const struct secret *pin, CK_RV answer)
{
	if (not_the_pin(a, answer) || state_of_pin(answer))
		return false;
	if (recovery_of(answer) != RECOVERY_SESSION)
		return true;
	return !pin_attended(a->source) && !was_accepted(a, pin);
}

static int check_process(const struct attempt *a, const struct secret *pin)
{
	unsigned char tag[CRYPTO_TAG];

	/* Only once a PIN was refused: the first digest of a process takes part of a millisecond. */
	if (refused_of(a)->count == 0)
		return 0;
	if (!crypto_tag(tag, pin->data, pin->len))
		return error_openssl(a->err, HSMIME_EINTERNAL, "can't digest");
	if (!was_refused(refused_of(a), tag))
		return 0;
	error_set(a->err, HSMIME_EPIN,
	    "token \"%s\" refused this PIN before; it is not tried again", a->token->label);
	return error_hint(a->err, "check the PIN and start again");
}

static void accepted(const struct attempt *a, const struct secret *pin, bool by_person)
{
	remember_accepted(a, pin);
	if (!by_person)
		return;
	pin_memory_clear(a->source->memory, a->token);
	if (a->user == CKU_USER)
		pin_cache_put(a->source->cache, a->token, pin);
}

static int try_pin(
    const struct attempt *a, struct pin_try *try, const struct secret *pin, bool by_person)
{
	CK_RV answer;
	int r = check_process(a, pin);

	if (r == 0)
		r = pin_memory_begin(try, a->err);
	if (r < 0)
		return r;
	r = send_pin(a, pin, &answer);
	if (r == 0 || !counts(a, pin, answer)) {
		pin_memory_end(try, answer == CKR_OK ? PIN_ACCEPTED : PIN_VOID);
		if (answer == CKR_OK)
			accepted(a, pin, by_person);
		return r;
	}
	pin_memory_end(try, PIN_REFUSED);
	attempt_refused(a, pin);
	if (r == HSMIME_EPIN)
		warn_of_flags(a);
	return r;
}

/* A person is told that the pad waits, and agrees to a last try. */
static int try_pad(const struct attempt *a)
{
	struct secret consent = { 0 };
	CK_RV answer;
	int r = 0;

	if (pin_person(a->source))
		r = pin_read(&consent, a->source, &a->about, a->err);
	else
		log_say(0, "token \"%s\" asks for its PIN on its own pad", a->token->label);
	secret_free(&consent);
	return r < 0 ? r : send_pin(a, NULL, &answer);
}

/* A person is told with the question. */
static void warn_unattended(const struct attempt *a)
{
	if (!pin_attended(a->source) && a->about.count_low)
		log_say(1,
		    "a wrong PIN was given for the token with serial number %s since its last "
		    "login",
		    a->token->serial);
}

static void fill_in(struct attempt *a)
{
	unsigned flags = attempt_flags(a->token, a->about.kind);

	a->about.token_label = a->token->label;
	a->about.token_serial = a->token->serial;
	a->about.count_low = (flags & HSMIME_TOKEN_PIN_COUNT_LOW) != 0;
	a->about.final_try = (flags & HSMIME_TOKEN_PIN_FINAL_TRY) != 0;
	a->about.pin_pad = (atomic_load(&a->token->flags) & HSMIME_TOKEN_PIN_PAD) != 0;
}

/* A PIN that is known to be right, unless somebody tried wrong ones or changed it meanwhile. */
static bool from_cache(struct secret *pin, const struct attempt *a)
{
	return a->user == CKU_USER && a->kept == NULL && a->send == NULL &&
	       pin_attended(a->source) && !a->about.count_low && !a->about.final_try &&
	       pin_cache_get(pin, a->source->cache, a->token);
}

static int ask_and_try(const struct attempt *a, struct secret *pin)
{
	bool asked = pin_attended(a->source) || a->about.final_try;
	struct pin_try try = { 0 };
	bool cached = from_cache(pin, a);
	int r = 0;

	if (!asked)
		r = pin_memory_look(&try, a->source, a->token, a->about.kind, a->err);
	if (r == 0 && !cached)
		r = pin_read(pin, a->source, &a->about, a->err);
	if (r == 0)
		r = try_pin(a, &try, pin, asked && !cached && pin_person(a->source));
	return r;
}

int attempt_run(struct attempt *a)
{
	struct secret pin = { 0 };
	int r;

	fill_in(a);
	r = check_flags(a);
	if (r < 0)
		return r;
	warn_unattended(a);
	r = a->about.pin_pad ? try_pad(a) : ask_and_try(a, &pin);
	if (r == 0 && a->kept != NULL)
		*a->kept = pin;
	else
		secret_free(&pin);
	return r;
}
