#include "engine/recovery.h"

#include <stdio.h>

/* One code: its name, the way out, the status it becomes, its meaning, and what to do. */
struct code {
	CK_RV rv;
	const char *name;
	enum recovery recovery;
	int status;
	const char *words;
	const char *hint;
};

#define CODE(name) CKR_##name, "CKR_" #name

static const char insert_again[] = "insert the token again, or check its reader or connection";
static const char check_service[] = "try again; if it stays, check the token's driver and its logs";
static const char start_again[] =
    "try again, or start the program again; if it stays, check the token's driver and its logs";
static const char other_token[] = "this key or token can't do it; use another key or algorithm";
static const char others[] = "close the other programs that use the token, and start again";
static const char unblock[] = "unblock the PIN with hsmime pin unblock (security officer or PUK)";

static const struct code codes[] = {
	{ CODE(CANCEL), RECOVERY_NONE, HSMIME_ETOKEN, "was told to stop", NULL },
	{ CODE(HOST_MEMORY), RECOVERY_NONE, HSMIME_ENOMEM, "is out of memory", NULL },
	{ CODE(SLOT_ID_INVALID), RECOVERY_SESSION, HSMIME_ETOKEN, "is gone", insert_again },
	{ CODE(GENERAL_ERROR), RECOVERY_NONE, HSMIME_ETOKEN, "failed", start_again },
	{ CODE(FUNCTION_FAILED), RECOVERY_NONE, HSMIME_ETOKEN, "failed", check_service },
	{ CODE(ARGUMENTS_BAD), RECOVERY_NONE, HSMIME_ETOKEN, "does not accept the request", NULL },
	{ CODE(CANT_LOCK), RECOVERY_NONE, HSMIME_ETOKEN, "can't work with threads", NULL },
	{ CODE(ATTRIBUTE_SENSITIVE), RECOVERY_NONE, HSMIME_ETOKEN, "keeps the value secret", NULL },
	{ CODE(ATTRIBUTE_TYPE_INVALID), RECOVERY_NONE, HSMIME_ETOKEN, "lacks an attribute", NULL },
	{ CODE(ATTRIBUTE_VALUE_INVALID), RECOVERY_NONE, HSMIME_ETOKEN, "refuses an attribute",
	    NULL },
	{ CODE(ATTRIBUTE_READ_ONLY), RECOVERY_NONE, HSMIME_ETOKEN, "refuses an attribute", NULL },
	{ CODE(ACTION_PROHIBITED), RECOVERY_NONE, HSMIME_ETOKEN, "forbids it", NULL },
	{ CODE(DATA_INVALID), RECOVERY_NONE, HSMIME_ETOKEN, "refuses the data", NULL },
	{ CODE(DATA_LEN_RANGE), RECOVERY_NONE, HSMIME_ETOKEN, "refuses the data's length", NULL },
	{ CODE(DEVICE_ERROR), RECOVERY_NONE, HSMIME_ETOKEN, "reports a device error",
	    insert_again },
	{ CODE(DEVICE_MEMORY), RECOVERY_NONE, HSMIME_ETOKEN, "has no memory left", check_service },
	{ CODE(DEVICE_REMOVED), RECOVERY_SESSION, HSMIME_ETOKEN, "was removed", insert_again },
	{ CODE(ENCRYPTED_DATA_INVALID), RECOVERY_NONE, HSMIME_ETOKEN, "can't decrypt it", NULL },
	{ CODE(ENCRYPTED_DATA_LEN_RANGE), RECOVERY_NONE, HSMIME_ETOKEN, "can't decrypt it", NULL },
	{ CODE(FUNCTION_CANCELED), RECOVERY_NONE, HSMIME_ETOKEN, "was told to stop", NULL },
	{ CODE(FUNCTION_NOT_SUPPORTED), RECOVERY_MECHANISM, HSMIME_ETOKEN, "can't do it",
	    other_token },
	{ CODE(KEY_HANDLE_INVALID), RECOVERY_OBJECT, HSMIME_ETOKEN, "has lost the key",
	    check_service },
	{ CODE(KEY_SIZE_RANGE), RECOVERY_MECHANISM, HSMIME_ETOKEN,
	    "can't do it with a key of this size", other_token },
	{ CODE(KEY_TYPE_INCONSISTENT), RECOVERY_MECHANISM, HSMIME_ETOKEN,
	    "can't do it with a key of this type", other_token },
	{ CODE(KEY_FUNCTION_NOT_PERMITTED), RECOVERY_MECHANISM, HSMIME_ETOKEN,
	    "does not permit this use of the key", other_token },
	{ CODE(MECHANISM_INVALID), RECOVERY_MECHANISM, HSMIME_ETOKEN, "does not know the algorithm",
	    other_token },
	{ CODE(MECHANISM_PARAM_INVALID), RECOVERY_MECHANISM, HSMIME_ETOKEN,
	    "does not know the algorithm's parameters", other_token },
	{ CODE(OBJECT_HANDLE_INVALID), RECOVERY_OBJECT, HSMIME_ETOKEN, "has lost the object",
	    check_service },
	{ CODE(OPERATION_ACTIVE), RECOVERY_ACTIVE, HSMIME_ETOKEN, "is busy with something else",
	    check_service },
	{ CODE(OPERATION_NOT_INITIALIZED), RECOVERY_NONE, HSMIME_ETOKEN,
	    "lost the operation half-way", check_service },
	{ CODE(PIN_INCORRECT), RECOVERY_NONE, HSMIME_EPIN, "refused the PIN",
	    "check the PIN; it is not tried again" },
	{ CODE(PIN_INVALID), RECOVERY_NONE, HSMIME_EPIN, "refused the PIN",
	    "the PIN has characters that the token does not take" },
	{ CODE(PIN_LEN_RANGE), RECOVERY_NONE, HSMIME_EPIN, "refused the PIN",
	    "the PIN is too long or too short for the token" },
	{ CODE(PIN_TOO_WEAK), RECOVERY_NONE, HSMIME_EPIN, "refused the PIN",
	    "the PIN is too easy to guess for the token" },
	{ CODE(PIN_EXPIRED), RECOVERY_NONE, HSMIME_EPIN, "asks for a new PIN",
	    "change the PIN with hsmime pin change" },
	{ CODE(PIN_LOCKED), RECOVERY_NONE, HSMIME_EPIN, "has locked its PIN", unblock },
	{ CODE(SESSION_CLOSED), RECOVERY_SESSION, HSMIME_ETOKEN, "closed the session",
	    insert_again },
	{ CODE(SESSION_COUNT), RECOVERY_NONE, HSMIME_ETOKEN, "grants no session", NULL },
	{ CODE(SESSION_HANDLE_INVALID), RECOVERY_SESSION, HSMIME_ETOKEN, "closed the session",
	    insert_again },
	{ CODE(SESSION_PARALLEL_NOT_SUPPORTED), RECOVERY_NONE, HSMIME_ETOKEN, "grants no session",
	    NULL },
	{ CODE(SESSION_EXISTS), RECOVERY_NONE, HSMIME_ETOKEN, "has sessions open", others },
	{ CODE(SESSION_READ_ONLY), RECOVERY_NONE, HSMIME_ETOKEN, "is open for reading only", NULL },
	{ CODE(SESSION_READ_ONLY_EXISTS), RECOVERY_NONE, HSMIME_ETOKEN,
	    "is open for reading elsewhere", others },
	{ CODE(SESSION_READ_WRITE_SO_EXISTS), RECOVERY_NONE, HSMIME_ETOKEN,
	    "is in use by its security officer", "log the security officer out" },
	{ CODE(TEMPLATE_INCOMPLETE), RECOVERY_NONE, HSMIME_ETOKEN, "asks for more attributes",
	    NULL },
	{ CODE(TEMPLATE_INCONSISTENT), RECOVERY_NONE, HSMIME_ETOKEN, "refuses the attributes",
	    NULL },
	{ CODE(TOKEN_NOT_PRESENT), RECOVERY_SESSION, HSMIME_ETOKEN, "is not there", insert_again },
	{ CODE(TOKEN_NOT_RECOGNIZED), RECOVERY_NONE, HSMIME_ETOKEN, "is not known to its driver",
	    insert_again },
	{ CODE(TOKEN_WRITE_PROTECTED), RECOVERY_NONE, HSMIME_ETOKEN, "is write-protected",
	    "take its write protection away, or use another token" },
	{ CODE(USER_NOT_LOGGED_IN), RECOVERY_LOGIN, HSMIME_ETOKEN, "asks for a login", NULL },
	{ CODE(USER_PIN_NOT_INITIALIZED), RECOVERY_NONE, HSMIME_EPIN, "has no user PIN yet",
	    "set a PIN with hsmime pin init" },
	{ CODE(USER_ALREADY_LOGGED_IN), RECOVERY_NONE, HSMIME_ETOKEN, "has somebody logged in",
	    others },
	{ CODE(USER_ANOTHER_ALREADY_LOGGED_IN), RECOVERY_NONE, HSMIME_ETOKEN,
	    "is in use by another of its users", "log the other user out" },
	{ CODE(USER_TYPE_INVALID), RECOVERY_NONE, HSMIME_ETOKEN, "knows no such user", NULL },
	{ CODE(USER_TOO_MANY_TYPES), RECOVERY_NONE, HSMIME_ETOKEN, "is in use by another user",
	    NULL },
	{ CODE(DOMAIN_PARAMS_INVALID), RECOVERY_MECHANISM, HSMIME_ETOKEN, "does not know the curve",
	    other_token },
	{ CODE(CURVE_NOT_SUPPORTED), RECOVERY_MECHANISM, HSMIME_ETOKEN, "does not know the curve",
	    other_token },
	{ CODE(UNWRAPPING_KEY_HANDLE_INVALID), RECOVERY_OBJECT, HSMIME_ETOKEN, "has lost the key",
	    check_service },
	{ CODE(UNWRAPPING_KEY_SIZE_RANGE), RECOVERY_MECHANISM, HSMIME_ETOKEN,
	    "can't do it with a key of this size", other_token },
	{ CODE(UNWRAPPING_KEY_TYPE_INCONSISTENT), RECOVERY_MECHANISM, HSMIME_ETOKEN,
	    "can't do it with a key of this type", other_token },
	{ CODE(PUBLIC_KEY_INVALID), RECOVERY_NONE, HSMIME_EINVALID, "refuses the public key",
	    NULL },
	{ CODE(BUFFER_TOO_SMALL), RECOVERY_NONE, HSMIME_ETOKEN, "gave more than was expected",
	    NULL },
	{ CODE(CRYPTOKI_NOT_INITIALIZED), RECOVERY_SESSION, HSMIME_ETOKEN,
	    "was closed by another part of the program", NULL },
	{ CODE(FUNCTION_REJECTED), RECOVERY_NONE, HSMIME_ETOKEN, "was told to refuse", NULL },
};

static const struct code *find(CK_RV rv)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].rv == rv)
			return &codes[i];
	return NULL;
}

enum recovery recovery_of(CK_RV rv)
{
	const struct code *c = find(rv);

	return c != NULL ? c->recovery : RECOVERY_NONE;
}

bool recovery_other_mechanism(CK_RV rv)
{
	return recovery_of(rv) == RECOVERY_MECHANISM || rv == CKR_ARGUMENTS_BAD ||
	       rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_DATA_INVALID ||
	       rv == CKR_ACTION_PROHIBITED;
}

bool recovery_template(CK_RV rv)
{
	return rv == CKR_TEMPLATE_INCOMPLETE || rv == CKR_TEMPLATE_INCONSISTENT ||
	       rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
	       rv == CKR_ATTRIBUTE_READ_ONLY;
}

bool recovery_vague(CK_RV rv)
{
	return rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_DEVICE_ERROR;
}

bool recovery_decrypt_failed(CK_RV rv)
{
	static const CK_RV list[] = { CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_SESSION_CLOSED,
		CKR_SESSION_COUNT, CKR_SESSION_HANDLE_INVALID, CKR_SESSION_PARALLEL_NOT_SUPPORTED,
		CKR_SESSION_READ_ONLY, CKR_SESSION_EXISTS, CKR_SESSION_READ_ONLY_EXISTS,
		CKR_SESSION_READ_WRITE_SO_EXISTS, CKR_OBJECT_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID,
		CKR_UNWRAPPING_KEY_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN, CKR_HOST_MEMORY,
		CKR_DEVICE_MEMORY };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i] == rv)
			return true;
	return false;
}

const char *recovery_name(CK_RV rv, char *buf, size_t size)
{
	const struct code *c = find(rv);

	if (c != NULL)
		snprintf(buf, size, "%s", c->name);
	else
		snprintf(buf, size, "CKR 0x%lx", rv);
	return buf;
}

int recovery_error(struct error *err, CK_RV rv, const char *label, const char *what)
{
	const struct code *c = find(rv);
	const char *words = c != NULL ? c->words : "failed";
	char name[48];

	recovery_name(rv, name, sizeof(name));
	if (label != NULL)
		error_set(err, c != NULL ? c->status : HSMIME_ETOKEN, "token \"%s\" %s (%s: %s)",
		    label, words, what, name);
	else
		error_set(err, c != NULL ? c->status : HSMIME_ETOKEN, "%s %s (%s: %s)",
		    c != NULL && c->hint == insert_again ? "a token" : "the PKCS#11 module", words,
		    what, name);
	if (c != NULL && c->status == HSMIME_EPIN && label != NULL)
		error_set(err, HSMIME_EPIN, "token \"%s\" %s (%s)", label, words, name);
	if (c == NULL || c->hint != NULL)
		error_hint(err, "%s", c != NULL ? c->hint : check_service);
	return c != NULL ? c->status : HSMIME_ETOKEN;
}

void recovery_lacks(struct error *err, CK_RV rv, bool begun, const char *what)
{
	bool lacks = recovery_of(rv) == RECOVERY_MECHANISM ||
		     (!begun && recovery_other_mechanism(rv) && !recovery_vague(rv));

	if (!lacks)
		return;
	error_hint(
	    err, "the token lacks %s for this key; use another key, token or algorithm", what);
	err->incapable = true;
}

int recovery_answered_wrongly(struct error *err, const char *what)
{
	error_set(err, HSMIME_ETOKEN, "the token gave a malformed %s", what);
	return error_hint(err, "%s", check_service);
}
