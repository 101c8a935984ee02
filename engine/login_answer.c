#include "engine/login_answer.h"

#include <stddef.h>

#include <hsmime/context.h>

#include "engine/login_attempt.h"
#include "engine/pin.h"
#include "engine/recovery.h"
#include "engine/slot.h"

#define LOGIN (1U << LOGIN_LOGIN)
#define SET_PIN (1U << LOGIN_SET_PIN)
#define INIT_TOKEN (1U << LOGIN_INIT_TOKEN)
#define EVERY (LOGIN | SET_PIN | INIT_TOKEN)

/*
 * Vague codes are not here: some cards give them for a wrong PIN. PIN_INVALID, PIN_LEN_RANGE and
 * PIN_TOO_WEAK are for functions that set a PIN (PKCS#11 v2.40 section 5.1.6), of C_SetPIN then for
 * the new one; a token that is initialised again is not given a new one.
 */
static const struct {
	CK_RV rv;
	unsigned calls;
	enum login_answer answer;
} answers[] = {
	{ CKR_OK, EVERY, ANSWER_ACCEPTED },
	{ CKR_USER_ALREADY_LOGGED_IN, LOGIN, ANSWER_UNSEEN },
	{ CKR_PIN_LOCKED, EVERY, ANSWER_STATE },
	{ CKR_PIN_EXPIRED, EVERY, ANSWER_STATE },
	{ CKR_USER_PIN_NOT_INITIALIZED, EVERY, ANSWER_STATE },
	{ CKR_HOST_MEMORY, EVERY, ANSWER_OTHER },
	{ CKR_DEVICE_MEMORY, EVERY, ANSWER_OTHER },
	{ CKR_OPERATION_NOT_INITIALIZED, EVERY, ANSWER_OTHER },
	{ CKR_SESSION_READ_ONLY_EXISTS, EVERY, ANSWER_OTHER },
	{ CKR_USER_ANOTHER_ALREADY_LOGGED_IN, EVERY, ANSWER_OTHER },
	{ CKR_USER_TOO_MANY_TYPES, EVERY, ANSWER_OTHER },
	{ CKR_USER_TYPE_INVALID, EVERY, ANSWER_OTHER },
	{ CKR_TOKEN_NOT_PRESENT, EVERY, ANSWER_OTHER },
	{ CKR_TOKEN_NOT_RECOGNIZED, EVERY, ANSWER_OTHER },
	{ CKR_TOKEN_WRITE_PROTECTED, EVERY, ANSWER_OTHER },
	{ CKR_FUNCTION_NOT_SUPPORTED, SET_PIN | INIT_TOKEN, ANSWER_OTHER },
	{ CKR_OPERATION_ACTIVE, SET_PIN | INIT_TOKEN, ANSWER_OTHER },
	{ CKR_SESSION_READ_ONLY, SET_PIN | INIT_TOKEN, ANSWER_OTHER },
	{ CKR_SESSION_EXISTS, SET_PIN | INIT_TOKEN, ANSWER_OTHER },
	{ CKR_USER_NOT_LOGGED_IN, SET_PIN | INIT_TOKEN, ANSWER_OTHER },
	{ CKR_USER_ALREADY_LOGGED_IN, SET_PIN | INIT_TOKEN, ANSWER_OTHER },
	{ CKR_PIN_INVALID, SET_PIN, ANSWER_OTHER },
	{ CKR_PIN_LEN_RANGE, SET_PIN, ANSWER_OTHER },
	{ CKR_PIN_TOO_WEAK, SET_PIN, ANSWER_OTHER },
};

bool login_answer_session(const struct login_sent *sent, CK_RV rv)
{
	/* OpenSC has logged the slot out; that is between an operation's start and the operation. */
	const bool lost_operation =
	    rv == CKR_OPERATION_NOT_INITIALIZED || rv == CKR_USER_NOT_LOGGED_IN;

	return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED ||
	       rv == CKR_CRYPTOKI_NOT_INITIALIZED || rv == CKR_TOKEN_NOT_PRESENT ||
	       (lost_operation && sent->call == LOGIN_LOGIN && sent->user == CKU_CONTEXT_SPECIFIC);
}

enum login_answer login_answer(const struct login_sent *sent, CK_RV rv)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (answers[i].rv == rv && (answers[i].calls & (1U << sent->call)) != 0)
			return answers[i].answer;
	if (login_answer_session(sent, rv) || (sent->plain && rv != CKR_PIN_INCORRECT))
		return ANSWER_OTHER;
	return recovery_of(rv) == RECOVERY_SESSION ? ANSWER_LOST : ANSWER_REFUSED;
}

bool login_answer_new(struct error *err, CK_RV rv, const char *label, const char *which)
{
	char name[48];

	if (rv != CKR_PIN_INVALID && rv != CKR_PIN_LEN_RANGE && rv != CKR_PIN_TOO_WEAK)
		return false;
	error_set(err, HSMIME_EPIN, "token \"%s\" does not take the %s (%s)", label, which,
	    recovery_name(rv, name, sizeof(name)));
	error_hint(err, "choose another one, of the length and the characters that it takes");
	return true;
}

/* The user's PIN is locked, or this would not have been tried. */
static int puk_locked(const struct attempt *a)
{
	error_set(a->err, HSMIME_EPIN, "token \"%s\" does not unblock its PIN (CKR_PIN_LOCKED)",
	    a->token->label);
	return error_hint(a->err, "its PUK is locked too, or its module unblocks in another way; "
				  "the security officer's PIN may do (hsmime pin unblock without "
				  "--puk)");
}

static int locked(const struct attempt *a)
{
	int r = recovery_error(a->err, CKR_PIN_LOCKED, a->token->label, "log in");

	if (a->about.kind == HSMIME_PIN_PUK)
		return puk_locked(a);
	if (a->about.kind != HSMIME_PIN_SO)
		return r;
	error_set(a->err, r, "token \"%s\" has locked its security officer's PIN", a->token->label);
	return error_hint(a->err, "nothing unblocks that one; who made the token may help");
}

static int expired(const struct attempt *a)
{
	error_set(a->err, HSMIME_EPIN, "the PIN of token \"%s\" has expired (CKR_PIN_EXPIRED)",
	    a->token->label);
	return error_hint(a->err, "change the PIN with hsmime pin change, and start again");
}

static const char *what(const struct attempt *a)
{
	return a->sent.call == LOGIN_LOGIN ? "log in" : a->about.purpose;
}

/* As the next run hints, which finds it in the memory. */
static void hint_vague(const struct attempt *a, const char *whose)
{
	bool remembered = !pin_attended(a->source) && a->source->memory != NULL;

	error_hint(a->err,
	    "check that the token works and that %s is right; it is not tried again%s", whose,
	    remembered ? " until \"hsmime pin forget\", or a login by a person, allows that" : "");
}

/* Some cards give vague codes for a wrong PIN. */
static int refused(const struct attempt *a, CK_RV rv)
{
	static const char *const whose[] = { [HSMIME_PIN_USER] = "the PIN",
		[HSMIME_PIN_SO] = "the security officer's PIN",
		[HSMIME_PIN_PUK] = "the PUK" };
	char name[48];
	int r = recovery_error(a->err, rv, a->token->label, what(a));
	bool said = r == HSMIME_EPIN && a->about.kind == HSMIME_PIN_USER;

	recovery_name(rv, name, sizeof(name));
	if (r != HSMIME_EPIN && a->sent.call == LOGIN_LOGIN)
		error_set(a->err, HSMIME_EPIN, "token \"%s\" refused the login (%s)",
		    a->token->label, name);
	else if (r != HSMIME_EPIN)
		error_set(a->err, HSMIME_EPIN, "token \"%s\" did not %s (%s)", a->token->label,
		    what(a), name);
	if (r != HSMIME_EPIN)
		hint_vague(a, whose[a->about.kind]);
	else if (!said)
		error_hint(a->err, "check %s; it is not tried again", whose[a->about.kind]);
	return HSMIME_EPIN;
}

static int cancelled(const struct attempt *a, CK_RV rv)
{
	char name[48];

	error_set(a->err, HSMIME_EPIN, "no PIN was typed on the pad of token \"%s\" (%s)",
	    a->token->label, recovery_name(rv, name, sizeof(name)));
	return error_hint(
	    a->err, "start again, and type it on the pad before the token stops waiting");
}

/* The module, not the token: its session may not do this, or it does it in another way. */
static bool other_way(CK_RV rv)
{
	return rv == CKR_FUNCTION_NOT_SUPPORTED || rv == CKR_USER_NOT_LOGGED_IN ||
	       rv == CKR_SESSION_READ_ONLY;
}

int login_answer_error(const struct attempt *a, CK_RV rv)
{
	const char *label = a->token->label;
	int r;

	if (rv == CKR_PIN_EXPIRED)
		return expired(a);
	if (rv == CKR_PIN_LOCKED)
		return locked(a);
	if (a->about.pin_pad && (rv == CKR_FUNCTION_CANCELED || rv == CKR_CANCEL))
		return cancelled(a, rv);
	if (login_answer(&a->sent, rv) == ANSWER_REFUSED)
		return refused(a, rv);
	if (a->sent.call == LOGIN_SET_PIN && login_answer_new(a->err, rv, label, "new PIN"))
		return HSMIME_EPIN;
	if (a->sent.call == LOGIN_INIT_TOKEN &&
	    login_answer_new(a->err, rv, label, "new security officer's PIN"))
		return HSMIME_EPIN;
	r = recovery_error(a->err, rv, label, what(a));
	if (a->about.kind == HSMIME_PIN_PUK && other_way(rv))
		error_hint(a->err,
		    "not every module unblocks by a PUK; OpenSC does as user_pin_unblock_style "
		    "in opensc.conf says");
	return r;
}
