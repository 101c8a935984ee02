#include "engine/slot.h"

#include <stdlib.h>
#include <string.h>

#include <hsmime/token.h>

#include "engine/cryptoki.h"
#include "engine/log.h"
#include "engine/module.h"
#include "engine/printed.h"
#include "engine/recovery.h"
#include "engine/slot_ask.h"
#include "engine/slot_list.h"
#include "engine/watch.h"
#include "util/clock.h"

static void token_free(struct token *t)
{
	session_pool_free(&t->pool);
	copies_free(&t->copies);
	login_free(&t->login);
	free(t->label);
	free(t->serial);
	free(t->manufacturer);
	free(t->model);
	free(t);
}

void token_close_sessions(struct module *m)
{
	for (struct token *t = m->tokens; t != NULL; t = t->next)
		session_lost(t, session_generation(t));
}

static void free_list(struct token **list)
{
	while (*list != NULL) {
		struct token *t = *list;

		*list = t->next;
		token_free(t);
	}
}

void token_free_all(struct module *m)
{
	free_list(&m->tokens);
	free_list(&m->nameless);
}

static bool same_token(const struct token *t, const struct printed *p)
{
	return strcmp(t->serial, p->serial) == 0 && strcmp(t->label, p->label) == 0 &&
	       strcmp(t->model, p->model) == 0 && strcmp(t->manufacturer, p->manufacturer) == 0;
}

static void place(struct token *t, CK_SLOT_ID slot, unsigned flags)
{
	atomic_store(&t->slot, slot);
	atomic_store(&t->flags, flags);
	atomic_store(&t->flags_time, clock_seconds(CLOCK_MONOTONIC));
	atomic_store(&t->present, true);
}

struct token *token_nameless(struct module *m, CK_SLOT_ID slot)
{
	struct token *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	session_pool_init(&t->pool);
	copies_init(&t->copies);
	login_init(&t->login);
	t->module = m;
	atomic_store(&t->slot, slot);
	return t;
}

static struct token *token_new(struct module *m, const struct printed *p)
{
	struct token *t = token_nameless(m, p->slot);

	if (t == NULL)
		return NULL;
	t->label = strdup(p->label);
	t->serial = strdup(p->serial);
	t->manufacturer = strdup(p->manufacturer);
	t->model = strdup(p->model);
	if (t->label != NULL && t->serial != NULL && t->manufacturer != NULL && t->model != NULL)
		return t;
	token_free(t);
	return NULL;
}

/*
 * One token may be in two slots: it is where it was seen first. Blank tokens may all look alike:
 * one that was seen in this round is taken.
 */
static struct token *known(struct module *m, const struct printed *p)
{
	bool blank = (p->flags & HSMIME_TOKEN_INITIALIZED) == 0 || p->serial[0] == '\0';
	struct token *t = m->tokens;

	while (t != NULL && ((blank && atomic_load(&t->present)) || !same_token(t, p)))
		t = t->next;
	return t;
}

static void append(struct module *m, struct token *t)
{
	struct token **at = &m->tokens;

	while (*at != NULL)
		at = &(*at)->next;
	*at = t;
}

/* One that has not returned from a call can't be asked, and is shown as what it is. */
static void judge_absent(struct module *m)
{
	for (struct token *t = m->tokens; t != NULL; t = t->next)
		if (atomic_load(&t->stuck) > 0)
			atomic_store(&t->present, true);
		else if (!atomic_load(&t->present))
			health_gone(t);
}

int token_note(struct module *m, const struct printed *p, size_t count)
{
	for (struct token *t = m->tokens; t != NULL; t = t->next)
		atomic_store(&t->present, false);
	for (size_t i = 0; i < count; i++) {
		struct token *t = known(m, &p[i]);

		if (t == NULL) {
			t = token_new(m, &p[i]);
			if (t == NULL)
				return HSMIME_ENOMEM;
			append(m, t);
		}
		if (!atomic_load(&t->present))
			place(t, p[i].slot, p[i].flags);
	}
	judge_absent(m);
	return 0;
}

static void place_at(struct token *t, const struct printed *p)
{
	pthread_mutex_lock(&t->module->lock);
	place(t, p->slot, p->flags);
	pthread_mutex_unlock(&t->module->lock);
}

/* Another token may be in its slot by now, and hang there. */
static CK_RV check_own_slot(struct token *t)
{
	CK_SLOT_ID slot = atomic_load(&t->slot);
	struct token *other = atomic_load(&t->present) ? NULL : slot_token(t->module, slot);
	struct token *in = other != NULL ? other : t;
	CK_TOKEN_INFO info = { 0 };
	struct printed p = { 0 };
	CK_RV rv;

	if (atomic_load(&in->stuck) > 0)
		return CKR_DEVICE_ERROR;
	rv = slot_token_info(&info, t->module, slot, in);
	printed_token(&p, &info, slot);
	if (rv == CKR_OK && !same_token(t, &p))
		rv = CKR_TOKEN_NOT_PRESENT;
	if (rv == CKR_OK)
		place_at(t, &p);
	return rv;
}

/* Those that hang or fail are not the one that is sought. */
static CK_RV search_slots(struct token *t)
{
	struct error unlisted = { 0 };
	struct printed *p = NULL;
	CK_SLOT_ID *list = NULL;
	CK_ULONG slots = 0;
	size_t count = 0;
	CK_RV rv = slot_list_new(&list, &slots, t->module);

	if (rv == CKR_OK && (p = calloc(slots + 1, sizeof(*p))) == NULL)
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK) {
		rv = CKR_TOKEN_NOT_PRESENT;
		(void)slot_ask_all(p, &count, t->module, list, slots, &unlisted);
	}
	for (size_t i = 0; i < count && rv != CKR_OK; i++)
		if (same_token(t, &p[i])) {
			place_at(t, &p[i]);
			rv = CKR_OK;
		}
	free(p);
	free(list);
	return rv;
}

/*
 * A module may look at its readers only when it is asked for its slots (PKCS#11 v2.40 section 5.5);
 * OpenSC answers for a card that was taken out until then, and a PIN that is sent to it is lost.
 * What is for all slots is not t's to be stuck for.
 */
CK_RV token_locate(struct token *t)
{
	struct token *before = watch_token(NULL);
	CK_ULONG count = 0;
	CK_RV rv;

	cryptoki_slots(t->module, NULL, &count);
	rv = check_own_slot(t);
	if (rv == CKR_CRYPTOKI_NOT_INITIALIZED && module_restart(t->module) == CKR_OK)
		rv = check_own_slot(t);
	if (rv != CKR_OK)
		rv = search_slots(t);
	watch_token(before);
	return rv;
}

static struct token *first_present(struct module *m, struct token *t)
{
	pthread_mutex_lock(&m->lock);
	t = t == NULL ? m->tokens : t->next;
	while (t != NULL && !atomic_load(&t->present))
		t = t->next;
	pthread_mutex_unlock(&m->lock);
	return t;
}

struct token *token_first(struct module *m)
{
	return first_present(m, NULL);
}

struct token *token_after(struct token *t)
{
	return first_present(t->module, t);
}

bool token_usable(const struct token *t)
{
	return (atomic_load(&t->flags) & HSMIME_TOKEN_INITIALIZED) != 0;
}

bool token_needs_login(const struct token *t)
{
	const unsigned both = HSMIME_TOKEN_LOGIN_REQUIRED | HSMIME_TOKEN_PIN_INITIALIZED;

	return (atomic_load(&t->flags) & both) == both;
}

CK_RV token_update_flags(struct token *t)
{
	return check_own_slot(t);
}

void token_say_stuck(struct token *t, const struct error *why)
{
	int level = atomic_exchange(&t->told, true) ? 1 : 0;

	if (t->serial == NULL)
		log_say(level, "slot %lu is passed over: %s", atomic_load(&t->slot), why->message);
	else
		log_say(level, "token \"%s\" is passed over: %s", t->label, why->message);
}

bool token_flags_fresh(const struct token *t)
{
	return clock_seconds(CLOCK_MONOTONIC) - atomic_load(&t->flags_time) <= 2;
}

static void pad(unsigned char *field, size_t size, const char *s)
{
	size_t len = strlen(s);

	memset(field, ' ', size);
	memcpy(field, s, len < size ? len : size);
}

void token_info(CK_TOKEN_INFO *info, const struct token *t)
{
	memset(info, 0, sizeof(*info));
	pad(info->label, sizeof(info->label), t->label);
	pad(info->serialNumber, sizeof(info->serialNumber), t->serial);
	pad(info->manufacturerID, sizeof(info->manufacturerID), t->manufacturer);
	pad(info->model, sizeof(info->model), t->model);
}

int token_reconnect(struct token *t, struct error *err)
{
	CK_RV rv;
	int r = module_ready(t->module, err);

	if (r < 0)
		return r;
	rv = token_locate(t);
	if (rv == CKR_OK)
		return 0;
	if (rv != CKR_TOKEN_NOT_PRESENT)
		return recovery_error(err, rv, t->label, "come back");
	error_set(err, HSMIME_ETOKEN, "token \"%s\" is gone", t->label);
	return error_hint(err, "insert it again (serial number %s)", t->serial);
}

void token_forget_process(struct module *m)
{
	for (struct token *t = m->tokens; t != NULL; t = t->next) {
		unsigned generation = t->pool.generation;

		/* What others wait for in the parent can't be destroyed: that would wait for them. */
		free(t->pool.idle);
		session_pool_init(&t->pool);
		t->pool.generation = generation + 1;
		copies_init(&t->copies);
		login_init(&t->login);
		health_forget(t);
		atomic_store(&t->stuck, 0);
	}
	for (struct token *t = m->nameless; t != NULL; t = t->next)
		atomic_store(&t->stuck, 0);
}
