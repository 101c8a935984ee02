#include "proxy_session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proxy_device.h"

#define BUCKETS 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct session *table[BUCKETS];
static struct slot slots[PROXY_SLOTS];
static size_t slot_count;
static bool new_ones_lost;
static unsigned long open_count, limit;
static CK_RV removal_code = CKR_DEVICE_REMOVED;
static bool only_one;
static unsigned char only_label[32];

void sessions_lock(void)
{
	pthread_mutex_lock(&lock);
}

void sessions_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

struct slot *sessions_slot(CK_SLOT_ID id)
{
	for (size_t i = 0; i < slot_count; i++)
		if (slots[i].id == id)
			return &slots[i];
	if (slot_count == PROXY_SLOTS)
		abort();
	slots[slot_count] = (struct slot){
		.id = id, .lost = new_ones_lost, .gone = new_ones_lost && device_loses_readers()
	};
	return &slots[slot_count++];
}

struct slot *sessions_next_slot(struct slot *s)
{
	s = s == NULL ? slots : s + 1;
	return s < slots + slot_count ? s : NULL;
}

void sessions_lost_from_now(bool lost)
{
	new_ones_lost = lost;
}

static struct session **place(CK_SESSION_HANDLE outer)
{
	struct session **at = &table[outer % BUCKETS];

	while (*at != NULL && (*at)->outer != outer)
		at = &(*at)->next;
	return at;
}

static void unlink_session(struct session *s)
{
	struct session **at = place(s->outer);

	if (*at == s)
		*at = s->next;
	if (!s->stale)
		open_count--;
	free(s);
}

static bool needs_card(enum function f)
{
	return f == F_Login || f == F_Sign || f == F_Decrypt || f == F_DeriveKey;
}

/* With the lock held. A session that the proxy did not open goes to the inner module as it is. */
static CK_RV resolve(struct call *c, CK_SESSION_HANDLE outer)
{
	struct session *s = *place(outer);
	CK_RV rv = CKR_OK;

	c->inner = outer;
	if (s == NULL)
		return outer >> PROXY_GENERATION == 0 && !device_was_lost()
			   ? CKR_OK
			   : CKR_SESSION_HANDLE_INVALID;
	if (s->stale) {
		rv = s->told ? CKR_SESSION_HANDLE_INVALID : removal_code;
		s->told = true;
		if (s->busy == 0)
			unlink_session(s);
		return rv;
	}
	if (s->slot->changed && needs_card(c->f))
		return removal_code;
	s->busy++;
	c->session = s;
	c->inner = s->inner;
	return CKR_OK;
}

/* Whether what is planned is for another token than that of the session. */
static bool is_spared(CK_SESSION_HANDLE outer)
{
	const struct session *s;
	bool spared;

	pthread_mutex_lock(&lock);
	s = *place(outer);
	spared =
	    only_one && s != NULL && memcmp(s->slot->label, only_label, sizeof(only_label)) != 0;
	pthread_mutex_unlock(&lock);
	return spared;
}

CK_RV call_begin(struct call *c, enum function f, CK_SESSION_HANDLE session)
{
	CK_RV planned = CKR_OK, rv;

	if (is_spared(session))
		plan_pass(f);
	else
		planned = plan_enter(f);
	*c = (struct call){ .f = f };
	pthread_mutex_lock(&lock);
	rv = resolve(c, session);
	pthread_mutex_unlock(&lock);
	return planned != CKR_OK ? planned : rv;
}

CK_RV call_end(struct call *c, CK_RV rv)
{
	struct session *s = c->session;
	CK_SESSION_HANDLE inner = c->inner;
	bool close_it = false;

	if (s == NULL)
		return plan_leave(rv);
	pthread_mutex_lock(&lock);
	s->busy--;
	if (s->stale) {
		rv = s->told ? CKR_SESSION_HANDLE_INVALID : removal_code;
		s->told = true;
		if (s->busy == 0) {
			close_it = !s->closed;
			unlink_session(s);
		}
	}
	pthread_mutex_unlock(&lock);
	if (close_it)
		proxy_inner->C_CloseSession(inner);
	return plan_leave(rv);
}

CK_RV call_object(const struct call *c, CK_OBJECT_HANDLE *object, CK_RV invalid)
{
	if (c->session == NULL)
		return CKR_OK;
	if (*object >> PROXY_GENERATION != c->session->generation)
		return invalid;
	*object &= ((CK_OBJECT_HANDLE)1 << PROXY_GENERATION) - 1;
	return CKR_OK;
}

void call_made(const struct call *c, CK_RV rv, CK_OBJECT_HANDLE *objects, CK_ULONG count)
{
	if (rv != CKR_OK || c->session == NULL)
		return;
	for (CK_ULONG i = 0; i < count; i++)
		objects[i] |= (CK_OBJECT_HANDLE)c->session->generation << PROXY_GENERATION;
}

CK_RV slot_enter(CK_SLOT_ID *slot, unsigned *generation)
{
	struct slot *s;
	CK_RV rv;

	*slot = device_inner_slot(*slot);
	pthread_mutex_lock(&lock);
	s = sessions_slot(*slot);
	*generation = s->generation;
	rv = s->lost ? CKR_TOKEN_NOT_PRESENT : CKR_OK;
	pthread_mutex_unlock(&lock);
	return rv;
}

/* The session is granted or refused before the inner module is asked. */
CK_RV sessions_reserve(void)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&lock);
	if (limit != 0 && open_count >= limit)
		rv = CKR_SESSION_COUNT;
	else
		open_count++;
	pthread_mutex_unlock(&lock);
	return rv;
}

void sessions_release(void)
{
	pthread_mutex_lock(&lock);
	open_count--;
	pthread_mutex_unlock(&lock);
}

CK_RV sessions_add(
    CK_SESSION_HANDLE *session, CK_SLOT_ID seen, CK_SLOT_ID slot, unsigned generation)
{
	struct session *s = calloc(1, sizeof(*s)), **at;
	CK_SESSION_HANDLE inner = *session;
	CK_TOKEN_INFO info = { .flags = 0 };
	bool lost;

	if (s == NULL)
		abort();
	(void)proxy_inner->C_GetTokenInfo(slot, &info);
	*session |= (CK_SESSION_HANDLE)generation << PROXY_GENERATION;
	pthread_mutex_lock(&lock);
	*s = (struct session){ .outer = *session,
		.inner = inner,
		.seen_slot = seen,
		.slot = sessions_slot(slot),
		.generation = generation };
	memcpy(s->slot->label, info.label, sizeof(info.label));
	lost = s->slot->lost || s->slot->generation != generation;
	at = place(*session);
	if (!lost && *at != NULL) /* the inner module began anew behind our back */
		unlink_session(*at);
	if (!lost) {
		s->next = table[*session % BUCKETS];
		table[*session % BUCKETS] = s;
	} else {
		open_count--;
	}
	pthread_mutex_unlock(&lock);
	if (!lost)
		return CKR_OK;
	free(s);
	proxy_inner->C_CloseSession(inner);
	*session = 0;
	return removal_code;
}

/* The call that closed it is still inside: call_end is the one that frees. */
void sessions_remove(struct call *c)
{
	struct session *s = c->session;

	if (s == NULL)
		return;
	pthread_mutex_lock(&lock);
	unlink_session(s);
	pthread_mutex_unlock(&lock);
	c->session = NULL;
}

/* What a call is inside of is freed by that call. */
void sessions_clear(const CK_SLOT_ID *slot)
{
	struct session *next = NULL;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct session *s = table[i]; s != NULL; s = next) {
			next = s->next;
			if (slot != NULL && s->slot->id != *slot)
				continue;
			if (s->busy == 0) {
				unlink_session(s);
				continue;
			}
			if (!s->stale)
				open_count--;
			s->stale = s->closed = true;
		}
	pthread_mutex_unlock(&lock);
}

/* The inner module's sessions of it that are idle are closed; the others at the end of their calls. */
void sessions_void(struct slot *slot)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct session *s = table[i]; s != NULL; s = s->next) {
			if (s->slot != slot || s->stale)
				continue;
			s->stale = true;
			open_count--;
			proxy_inner->C_Logout(s->inner);
			s->closed = s->busy == 0;
			if (s->closed)
				proxy_inner->C_CloseSession(s->inner);
		}
}

void sessions_limit(unsigned long sessions)
{
	pthread_mutex_lock(&lock);
	limit = sessions;
	pthread_mutex_unlock(&lock);
}

void sessions_only(const char *label)
{
	pthread_mutex_lock(&lock);
	only_one = label != NULL;
	if (only_one)
		device_pad_label(only_label, label);
	pthread_mutex_unlock(&lock);
}

unsigned long sessions_open(void)
{
	unsigned long count;

	pthread_mutex_lock(&lock);
	count = open_count;
	pthread_mutex_unlock(&lock);
	return count;
}

void sessions_removal(CK_RV rv)
{
	pthread_mutex_lock(&lock);
	removal_code = rv != CKR_OK ? rv : CKR_DEVICE_REMOVED;
	pthread_mutex_unlock(&lock);
}
