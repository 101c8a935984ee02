/* The tokens: state, PIN, what each of them can do; then its keys. */
#include "api/doctor.h"

#include <string.h>

#include "util/buffer.h"

static void tell_flags(struct doctor *d, const hsmime_token *t)
{
	static const struct {
		unsigned flag;
		enum doctor_kind kind;
		const char *what;
	} rows[] = {
		{ HSMIME_TOKEN_PIN_LOCKED, DOCTOR_PIN_LOCKED, "the PIN is locked" },
		{ HSMIME_TOKEN_PIN_FINAL_TRY, DOCTOR_PIN_FINAL_TRY,
		    "one more wrong PIN locks the token" },
		{ HSMIME_TOKEN_PIN_COUNT_LOW, DOCTOR_PIN_COUNT_LOW,
		    "a wrong PIN was given since the last login" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((t->flags & rows[i].flag) != 0) {
			doctor_say(d, rows[i].kind, t->label, "%s", rows[i].what);
			break;
		}
	if ((t->flags & HSMIME_TOKEN_PIN_TO_BE_CHANGED) != 0)
		doctor_say(d, DOCTOR_PIN_TO_BE_CHANGED, t->label,
		    "the token says that its PIN has to be changed");
	if ((t->flags & HSMIME_TOKEN_LOGIN_REQUIRED) != 0 &&
	    (t->flags & HSMIME_TOKEN_PIN_INITIALIZED) == 0)
		doctor_say(d, DOCTOR_PIN_NOT_SET, t->label, "the token has no PIN");
	if ((t->flags & HSMIME_TOKEN_WRITE_PROTECTED) != 0)
		doctor_say(d, DOCTOR_TOKEN_WRITE_PROTECTED, t->label,
		    "nothing can be stored on the token; that is no hindrance to signing and "
		    "decrypting");
}

static void tell_operations(struct doctor *d, const char *label, const struct diagnosis_token *t)
{
	struct buffer direct, unknown;

	buffer_init(&direct, 1024);
	buffer_init(&unknown, 1024);
	for (size_t i = 0; i < DIAGNOSIS_OPERATIONS; i++) {
		const char *name = t->operations[i].name;

		if (t->operations[i].way == DIAGNOSIS_MISSING)
			doctor_say(
			    d, DOCTOR_MECHANISM_MISSING, label, "the token can't do %s", name);
		else if (t->operations[i].way == DIAGNOSIS_UNKNOWN)
			buffer_printf(&unknown, "%s%s", unknown.len > 0 ? ", " : "", name);
		else if (t->operations[i].way == DIAGNOSIS_BY_SOFTWARE)
			doctor_say(d, DOCTOR_MECHANISM_BY_SOFTWARE, label,
			    "%s: hsmime does the padding, as the token can't", name);
		else
			buffer_printf(&direct, "%s%s", direct.len > 0 ? ", " : "", name);
	}
	if (direct.len > 0 && buffer_string(&direct) != NULL)
		doctor_say(
		    d, DOCTOR_MECHANISMS, label, "the token does %s", buffer_string(&direct));
	if (unknown.len > 0 && buffer_string(&unknown) != NULL)
		doctor_say(d, DOCTOR_MECHANISMS_FAILED, label,
		    "the token does not say whether it can do %s (%s)", buffer_string(&unknown),
		    t->refusal);
	buffer_free(&direct);
	buffer_free(&unknown);
}

static void look_closer(struct doctor *d, struct engine *e, const hsmime_token *t)
{
	struct diagnosis_token more;
	struct error err = { 0 };

	if (diagnose_token(&more, e, t->uri, &err) != 0) {
		doctor_fail(d, DOCTOR_TOKEN_UNREADABLE, t->label, &err);
		return;
	}
	doctor_say(d, DOCTOR_TOKEN_FOUND, t->label,
	    "the token is there: %s %s, serial number %s, hardware %u.%u, firmware %u.%u",
	    t->manufacturer, t->model, t->serial, more.hardware[0], more.hardware[1],
	    more.firmware[0], more.firmware[1]);
	if (more.sessions_max > 0 && more.sessions >= more.sessions_max)
		doctor_say(d, DOCTOR_TOKEN_SESSIONS, t->label,
		    "all %lu sessions of the token are in use", more.sessions_max);
	tell_operations(d, t->label, &more);
}

/* Never on the last try, whoever may be there to ask. */
static bool may_log_in(struct doctor *d, const hsmime_token *t)
{
	const unsigned never = HSMIME_TOKEN_PIN_LOCKED | HSMIME_TOKEN_PIN_FINAL_TRY;

	if ((t->flags & HSMIME_TOKEN_LOGIN_REQUIRED) == 0)
		return d->options->login != 0;
	if (d->options->login == 0)
		doctor_say(d, DOCTOR_LOGIN_LEFT_OUT, t->label,
		    "no login without --login: private keys may be hidden, and none was tried");
	else if ((t->flags & never) != 0)
		doctor_say(d, DOCTOR_LOGIN_WITHHELD, t->label,
		    (t->flags & HSMIME_TOKEN_PIN_LOCKED) != 0
			? "no login, as the PIN is locked: no key was tried"
			: "no login, as a wrong PIN would lock the token: no key was tried, and "
			  "nothing unattended logs in either");
	return d->options->login != 0 && (t->flags & never) == 0;
}

/* Where a token shows certificates, and none of them is named, its keys are not those that are meant. */
static bool may_be_named(struct doctor *d, struct engine *e, const hsmime_token *t)
{
	struct diagnosis_keys keys = { d->keys.names, d->keys.count, NULL };
	struct diagnosis_object *list = NULL;
	struct error err = { 0 };
	size_t count = 0, named = 0, certificates = 0;

	if (diagnose_objects(&list, &count, e, t->uri, &keys, false, &err) != 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		named += list[i].named;
		certificates += list[i].kind == DIAGNOSIS_CERTIFICATE;
	}
	diagnose_objects_free(list, count);
	return named > 0 || certificates == 0;
}

/* Whether one of the keys that were asked for may be on the token. */
static bool is_meant(const char **query, struct doctor *d, struct engine *e, const hsmime_token *t)
{
	enum diagnosis_reach reach = DIAGNOSIS_ALLOWED;
	struct error err = { 0 };

	/* Where that fails the token is told of later. */
	(void)diagnose_reach(&reach, query, e, t->uri, &d->keys, &err);
	return reach == DIAGNOSIS_ALLOWED ||
	       (reach == DIAGNOSIS_BY_CERTIFICATE && may_be_named(d, e, t));
}

/* With a login that says it. */
static void tell_refused_source(struct doctor *d, struct engine *e, const hsmime_token *t)
{
	struct error err = { 0 };

	if ((t->flags & HSMIME_TOKEN_LOGIN_REQUIRED) != 0 &&
	    diagnose_pin(e, t->uri, &d->keys, &err) == HSMIME_EPIN)
		doctor_fail(d, DOCTOR_PIN_SOURCE_REFUSED, t->label, &err);
}

static void look_at(struct doctor *d, struct engine *e, const hsmime_token *t)
{
	const char *query = NULL;
	bool login;

	if ((t->flags & HSMIME_TOKEN_INITIALIZED) == 0)
		return;
	look_closer(d, e, t);
	tell_flags(d, t);
	if (!is_meant(&query, d, e, t))
		return;
	login = may_log_in(d, t);
	if (!login)
		tell_refused_source(d, e, t);
	d->all_shown &= login || (t->flags & HSMIME_TOKEN_LOGIN_REQUIRED) == 0;
	doctor_keys(d, e, t, query, login);
}

static void same_labels(struct doctor *d, const hsmime_token *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (list[i].label[0] != '\0' && strcmp(list[i].label, list[j].label) == 0) {
				doctor_say(d, DOCTOR_TOKEN_SAME_LABEL, list[i].label,
				    "several tokens have this label");
				break;
			}
}

static void tell_use(
    struct doctor *d, unsigned n, enum doctor_kind some, enum doctor_kind none, const char *what)
{
	if (n > 0)
		doctor_say(d, some, NULL, "certificates to %s now: %u", what, n);
	else if (!d->unread)
		doctor_say(d, none, NULL, "no certificate is one to %s now", what);
}

static void tell_what_is_lacking(struct doctor *d)
{
	for (size_t i = 0; i < d->keys.count; i++)
		if (d->keys.found[i] == 0)
			doctor_say(d, DOCTOR_KEY_NONE, d->keys.names[i],
			    "no key or certificate has that name%s",
			    d->all_shown ? "" : ", as far as it shows without a login");
	if (d->keys.count == 0 && d->private_keys == 0 && d->all_shown)
		doctor_say(d, DOCTOR_KEY_NONE, NULL, "there is no private key");
	if (d->certificates > 0 && d->too_early == d->certificates)
		doctor_say(d, DOCTOR_CLOCK_WRONG, NULL,
		    "no certificate is valid yet: the clock may be wrong");
}

/* What all of it comes to. Where a token could not be read nobody knows what is lacking. */
static void conclude(struct doctor *d)
{
	if (!d->unread)
		tell_what_is_lacking(d);
	tell_use(d, d->good[ENGINE_SIGN], DOCTOR_USE_SIGN, DOCTOR_USE_SIGN_NONE, "sign mail with");
	tell_use(d, d->good[ENGINE_DECRYPT], DOCTOR_USE_DECRYPT, DOCTOR_USE_DECRYPT_NONE,
	    "encrypt mail for");
	if (!d->unread && !d->key_failed && d->good[ENGINE_SIGN] == 0 &&
	    d->good[ENGINE_DECRYPT] == 0 && d->bare_keys == 0)
		doctor_say(
		    d, DOCTOR_USE_NONE, NULL, "no certificate on the tokens is good for new mail");
}

struct token_list {
	hsmime_token *list;
	size_t count;
	struct engine *e;
	struct error err;
};

static int list_tokens(void *arg)
{
	struct token_list *l = arg;

	return engine_tokens(&l->list, &l->count, l->e, &l->err);
}

void doctor_tokens(struct doctor *d, struct engine *e)
{
	struct token_list l = { .e = e };
	size_t usable = 0, stuck = 0;

	if (doctor_question(d, list_tokens, &l, &l.err) != 0) {
		doctor_fail(d, DOCTOR_TOKEN_UNREADABLE, NULL, &l.err);
		return;
	}
	/* The readers were looked at before, and those that are stuck told of. */
	for (size_t i = 0; i < l.count; i++) {
		usable += (l.list[i].flags & HSMIME_TOKEN_INITIALIZED) != 0;
		stuck += l.list[i].flags == HSMIME_TOKEN_STUCK;
	}
	if (usable + stuck < l.count)
		doctor_say(d, usable > 0 ? DOCTOR_TOKEN_SPARE : DOCTOR_TOKEN_UNINITIALIZED, NULL,
		    "tokens that are not set up: %zu", l.count - usable - stuck);
	if (usable + stuck == 0)
		doctor_say(d, DOCTOR_TOKEN_NONE, d->ctx->shared->token, "there is no token%s",
		    d->ctx->shared->token != NULL ? " with this label" : "");
	same_labels(d, l.list, l.count);
	d->all_shown = true;
	for (size_t i = 0; i < l.count; i++)
		look_at(d, e, &l.list[i]);
	doctor_group_keys(d, e);
	if (usable > 0)
		conclude(d);
	engine_tokens_free(l.list, l.count);
}
