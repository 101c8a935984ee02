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

/* Unattended, and nothing tells the next run of a PIN that was refused. */
static bool forgetful(const struct pin_source *source)
{
	return !pin_attended(source) && source->memory != NULL &&
	       !pin_memory_usable(source->memory);
}

static int refuse_forgetful(const struct attempt *a)
{
	error_set(a->err, HSMIME_EPIN,
	    "a wrong PIN was given for token \"%s\", and the state folder can't be written, which "
	    "would keep this one from being sent again and again",
	    a->token->label);
	return error_hint(a->err,
	    "make the state folder writable (in a systemd service by StateDirectory=), or log in "
	    "once by hand (hsmime keys --login), which resets the count");
}

/* Whether nothing forbids a PIN that nobody has typed. */
static int check_flags(const struct attempt *a)
{
	unsigned flags = attempt_flags(a->token, a->about.kind);

	if ((flags & HSMIME_TOKEN_PIN_LOCKED) != 0)
		return login_answer_error(a, CKR_PIN_LOCKED);
	if ((flags & HSMIME_TOKEN_PIN_COUNT_LOW) != 0 && forgetful(a->source))
		return refuse_forgetful(a);
	if ((flags & HSMIME_TOKEN_PIN_FINAL_TRY) == 0 || pin_person(a->source))
		return 0;
	error_set(a->err, HSMIME_EPIN,
	    "one more wrong PIN locks token \"%s\"; nothing logs in unattended", a->token->label);
	return error_hint(a->err, "log in once by hand with the right PIN (hsmime keys --login), "
				  "which resets the count");
}

/* A right PIN takes them away; what the token says is read again only after a while. */
static void clear_flags(struct token *t, enum hsmime_pin_kind kind)
{
	const unsigned tries =
	    HSMIME_TOKEN_PIN_COUNT_LOW | HSMIME_TOKEN_PIN_FINAL_TRY | HSMIME_TOKEN_PIN_LOCKED;

	if (kind == HSMIME_PIN_USER)
		atomic_fetch_and(&t->flags, ~tries);
	else if (kind == HSMIME_PIN_SO)
		atomic_fetch_and(&t->flags, ~(tries << 4));
}

/* Who types at the token's own pad may do it again. CKR_USER_ALREADY_LOGGED_IN is what was wanted. */
static int judge(struct attempt *a, bool typed_at_pad, CK_RV rv)
{
	enum login_answer answer = login_answer(&a->sent, rv);
	bool again = login_answer_session(&a->sent, rv) || (typed_at_pad && answer == ANSWER_LOST);

	*a->rv = again ? rv : CKR_OK;
	a->lost = again || answer == ANSWER_LOST;
	a->unseen = answer == ANSWER_UNSEEN;
	if (answer == ANSWER_ACCEPTED)
		clear_flags(a->token, a->about.kind);
	return a->unseen || answer == ANSWER_ACCEPTED ? 0 : login_answer_error(a, rv);
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
static int send_pin(struct attempt *a, const struct secret *pin, CK_RV *rv)
{
	struct token *t = a->token;
	const unsigned char *data = pin != NULL ? pin->data : NULL;
	CK_ULONG len = pin != NULL ? pin->len : 0;

	a->answer = pin != NULL ? &t->login.memory.doubt.answer : NULL;
	*rv = a->send != NULL
		  ? a->send(a, data, len)
		  : cryptoki_login(t->module, a->session, a->sent.user, data, len, a->answer);
	return judge(a, pin == NULL, *rv);
}

/* A card that is pulled out is often first missed by a login. */
static void remember_accepted(const struct attempt *a, const struct secret *pin)
{
	struct login *l = &a->token->login;

	if (a->about.kind == HSMIME_PIN_USER && a->sent.call == LOGIN_LOGIN)
		l->has_accepted = crypto_tag(l->accepted, pin->data, pin->len);
}

/* That the token took it the last time is good for one answer that did not come. */
static bool use_up_accepted(const struct attempt *a, const struct secret *pin)
{
	struct login *l = &a->token->login;
	unsigned char tag[CRYPTO_TAG];
	bool same = l->has_accepted && a->about.kind == HSMIME_PIN_USER &&
		    crypto_tag(tag, pin->data, pin->len) &&
		    CRYPTO_memcmp(l->accepted, tag, sizeof(tag)) == 0;

	if (same)
		l->has_accepted = false;
	return same;
}

/*
 * Whether the PIN is not to be sent again. Where the token went during the login it may or may not
 * have looked at the PIN: a person may type the same again, and nobody else unless the token is
 * known to take it. Then the same may be tried at once, in another session.
 */
static bool counts(
    const struct attempt *a, const struct pin_try *try, const struct secret *pin, CK_RV rv)
{
	enum login_answer answer = login_answer(&a->sent, rv);
	bool known, forgiven;

	if (answer != ANSWER_LOST)
		return answer == ANSWER_REFUSED;
	/* Both are used up. */
	known = use_up_accepted(a, pin);
	forgiven = pin_memory_forgives(try);
	if (known || forgiven || pin_person(a->source))
		*a->rv = rv;
	return !known && !forgiven && !pin_attended(a->source);
}

static void accepted(const struct attempt *a, const struct secret *pin, bool by_person)
{
	bool keeps = by_person || (a->typed && a->source->for_uses);

	remember_accepted(a, pin);
	if (by_person)
		pin_memory_clear_kind(a->source->memory, a->token, a->about.kind);
	if (keeps && a->sent.call == LOGIN_LOGIN && a->sent.user == CKU_USER)
		pin_cache_put(a->source->cache, a->token, pin);
}

static void refused(const struct attempt *a, const struct secret *pin)
{
	struct login *l = &a->token->login;

	pin_cache_forget(a->token);
	l->has_accepted = false;
	login_refused_add(&l->memory, a->about.kind, pin, a->lost);
	if (a->err != NULL)
		a->err->unanswered = a->lost;
}

/* Both memories know of the PIN before it is sent. */
static int begin(struct attempt *a, struct pin_try *try, const struct secret *pin)
{
	struct login_memory *m = &a->token->login.memory;
	int r = pin_memory_begin(try, a->err);

	if (r < 0)
		return r;
	r = login_refused_begin(m, &a->sent, a->about.kind, pin_attended(a->source), pin);
	if (r == 0)
		return 0;
	pin_memory_end(try, PIN_VOID, CKR_OK);
	return error_nomem(a->err);
}

static int try_pin(struct attempt *a, struct pin_try *try, const struct secret *pin, bool by_person)
{
	struct login_memory *m = &a->token->login.memory;
	CK_RV rv = CKR_OK;
	int r = login_refused_check(m, a->about.kind, pin, a->token->label, a->err);

	if (r == 0 && a->ready != NULL)
		r = a->ready(a, pin);
	if (r == 0)
		r = begin(a, try, pin);
	if (r < 0)
		return r;
	r = send_pin(a, pin, &rv);
	login_refused_end(m);
	if (!counts(a, try, pin, rv)) {
		pin_memory_end(try, rv == CKR_OK ? PIN_ACCEPTED : PIN_VOID, rv);
		if (rv == CKR_OK)
			accepted(a, pin, by_person);
		return r;
	}
	pin_memory_end(try, PIN_REFUSED, rv);
	refused(a, pin);
	if (r == HSMIME_EPIN)
		warn_of_flags(a);
	return r;
}

/* A person is told that the pad waits, and agrees to a last try. */
static int try_pad(struct attempt *a)
{
	struct secret consent = { 0 };
	CK_RV rv;
	int r = 0;

	if (pin_person(a->source))
		r = pin_read(&consent, a->source, &a->about, a->err);
	else
		log_say_now("token \"%s\" asks for its PIN on its own pad", a->token->label);
	secret_free(&consent);
	if (r == 0 && a->ready != NULL)
		r = a->ready(a, NULL);
	return r < 0 ? r : send_pin(a, NULL, &rv);
}

/*
 * A person is told with the question. Who may be at a pad has to know before it is used; otherwise it
 * can wait until others may log in again, in a callback too.
 */
static void warn_unasked(const struct attempt *a)
{
	static const char wrong[] =
	    "a wrong PIN was given for the token with serial number %s since its last login";
	bool asked = a->about.pin_pad ? pin_person(a->source) : pin_attended(a->source);

	if (asked || !a->about.count_low)
		return;
	if (a->about.pin_pad)
		log_say_now(wrong, a->token->serial);
	else
		log_say(0, wrong, a->token->serial);
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
	CK_USER_TYPE kept_for = a->source->for_uses ? CKU_CONTEXT_SPECIFIC : CKU_USER;

	return a->sent.user == kept_for && a->kept == NULL && a->send == NULL &&
	       pin_attended(a->source) && !a->about.count_low && !a->about.final_try &&
	       pin_cache_get(pin, a->source->cache, a->token);
}

/* Of a PIN that nobody has typed. */
static int look(struct pin_try *try, const struct attempt *a)
{
	return a->typed ? 0 : pin_memory_look(try, a->source, a->token, a->about.kind, a->err);
}

static int ask_and_try(struct attempt *a, struct secret *pin)
{
	struct pin_try try = { 0 };
	bool cached = from_cache(pin, a);
	int r = look(&try, a);

	if (r == 0 && !cached)
		r = pin_read(pin, a->source, &a->about, a->err);
	if (r == 0)
		r = try_pin(a, &try, pin, a->typed && !cached && pin_person(a->source));
	return r;
}

int attempt_given(struct attempt *a, const struct secret *pin)
{
	struct pin_try try = { 0 };
	CK_RV rv;
	int r;

	fill_in(a);
	if (pin->data == NULL)
		return send_pin(a, NULL, &rv);
	r = look(&try, a);
	return r == 0 ? try_pin(a, &try, pin, a->typed && pin_person(a->source)) : r;
}

int attempt_run(struct attempt *a)
{
	struct secret pin = { 0 };
	int r;

	fill_in(a);
	r = check_flags(a);
	if (r < 0)
		return r;
	warn_unasked(a);
	a->typed = pin_attended(a->source) || a->about.final_try;
	r = a->about.pin_pad ? try_pad(a) : ask_and_try(a, &pin);
	if (r == 0 && a->kept != NULL)
		*a->kept = pin;
	else
		secret_free(&pin);
	return r;
}
