#include "engine/copies.h"

#include <string.h>

#include "engine/cryptoki.h"
#include "engine/object.h"
#include "engine/recovery.h"
#include "engine/session.h"
#include "engine/slot.h"
#include "engine/watch.h"

/* Sessions that a token has to grant before one of them is set aside. */
#define SESSIONS_MIN 64

static const unsigned char copy_id[] = "copy of a key, made by hsmime";

void copies_init(struct copies *c)
{
	memset(c, 0, sizeof(*c));
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->done, NULL);
}

void copies_free(struct copies *c)
{
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->done);
}

void copies_look(struct token *t)
{
	struct copies *c = &t->copies;
	struct watch *w = watch_self();

	pthread_mutex_lock(&c->lock);
	while (c->busy)
		pthread_cond_wait(&c->done, &c->lock);
	c->lookups++;
	if (w != NULL)
		w->lookups++;
	pthread_mutex_unlock(&c->lock);
}

void copies_looked(struct token *t)
{
	struct watch *w = watch_self();

	pthread_mutex_lock(&t->copies.lock);
	t->copies.lookups--;
	if (w != NULL)
		w->lookups--;
	pthread_mutex_unlock(&t->copies.lock);
}

bool copies_has(const struct object *o)
{
	const CK_ATTRIBUTE *id = object_get(o, CKA_ID);

	return id != NULL && id->ulValueLen == sizeof(copy_id) &&
	       memcmp(id->pValue, copy_id, sizeof(copy_id)) == 0;
}

/* With the lock held: what may be closed now, into sessions, which close_all does without it. */
static size_t begin_closing(CK_SESSION_HANDLE *sessions, struct copies *c)
{
	size_t count = c->users == 0 && !c->closing ? c->retired_count : 0;

	memcpy(sessions, c->retired, count * sizeof(*sessions));
	if (count > 0) {
		c->retired_count = 0;
		c->closing = true;
		c->closer = watch_self();
	}
	return count;
}

static void close_all(struct token *t, const CK_SESSION_HANDLE *sessions, size_t count)
{
	struct copies *c = &t->copies;

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		cryptoki_close(t->module, sessions[i]);
	pthread_mutex_lock(&c->lock);
	c->closing = false;
	pthread_mutex_unlock(&c->lock);
	session_more(t);
}

/* A session whose copies nobody is given any more, closed now or by who is the last to leave. True: now. */
static bool retire(struct token *t, CK_SESSION_HANDLE session)
{
	struct copies *c = &t->copies;
	CK_SESSION_HANDLE sessions[COPIES_RETIRED];
	size_t count;
	bool kept;

	if (session == 0)
		return false;
	pthread_mutex_lock(&c->lock);
	kept = c->retired_count < COPIES_RETIRED;
	if (kept)
		c->retired[c->retired_count++] = session;
	count = begin_closing(sessions, c);
	pthread_mutex_unlock(&c->lock);
	close_all(t, sessions, count);
	if (!kept)
		cryptoki_close(t->module, session);
	return count > 0 || !kept;
}

bool copies_enter(struct token *t)
{
	struct copies *c = &t->copies;
	struct watch *w = watch_self();
	bool entered;

	pthread_mutex_lock(&c->lock);
	entered = !c->closing && c->retired_count == 0;
	c->users += entered;
	if (w != NULL)
		w->uses += entered;
	pthread_mutex_unlock(&c->lock);
	return entered;
}

void copies_leave(struct token *t)
{
	struct copies *c = &t->copies;
	CK_SESSION_HANDLE sessions[COPIES_RETIRED];
	struct watch *w = watch_self();
	size_t count;

	pthread_mutex_lock(&c->lock);
	c->users--;
	if (w != NULL)
		w->uses--;
	count = begin_closing(sessions, c);
	pthread_mutex_unlock(&c->lock);
	close_all(t, sessions, count);
}

/* With the lock held. */
static bool begin(struct copies *c)
{
	if (c->busy || c->lookups > 0)
		return false;
	c->busy = true;
	c->worker = watch_self();
	return true;
}

/* With the lock held. */
static void finish(struct copies *c)
{
	c->busy = false;
	c->worker = NULL;
	pthread_cond_broadcast(&c->done);
}

/* The keeper goes with its generation, and its copies with it. */
static CK_SESSION_HANDLE forget(struct copies *c)
{
	CK_SESSION_HANDLE keeper = c->keeper;

	c->keeper = 0;
	c->count = c->doomed_count = 0;
	return keeper;
}

static void end(struct token *t)
{
	struct copies *c = &t->copies;
	CK_SESSION_HANDLE lost = 0;

	pthread_mutex_lock(&c->lock);
	if (c->generation != session_generation(t))
		lost = forget(c);
	finish(c);
	pthread_mutex_unlock(&c->lock);
	retire(t, lost);
}

/* Who has a handle is a user, and nobody is given one that is doomed. */
static bool in_use(struct copies *c)
{
	bool used;

	pthread_mutex_lock(&c->lock);
	used = c->users > 0;
	pthread_mutex_unlock(&c->lock);
	return used;
}

/* Between begin and end: what is in c is this thread's alone, but for the counting. */
static void destroy_doomed(struct token *t)
{
	struct copies *c = &t->copies;

	while (c->doomed_count > 0 && !in_use(c)) {
		cryptoki_destroy(t->module, c->keeper, c->doomed[--c->doomed_count]);
		c->count--;
	}
}

static CK_RV open_keeper(struct token *t, unsigned generation)
{
	struct copies *c = &t->copies;
	CK_SESSION_HANDLE keeper = 0;
	CK_RV rv;

	if (c->keeper != 0)
		return CKR_OK;
	if (session_limit(t) < SESSIONS_MIN)
		return CKR_SESSION_COUNT;
	rv = cryptoki_open(t->module, atomic_load(&t->slot), &keeper);
	if (rv == CKR_OK) {
		c->keeper = keeper;
		c->generation = generation;
	}
	return rv;
}

static CK_RV make(
    CK_OBJECT_HANDLE *copy, struct token *t, unsigned generation, CK_OBJECT_HANDLE original)
{
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_TOKEN, &no, sizeof(no) },
		{ CKA_ID, (void *)copy_id, sizeof(copy_id) },
		{ CKA_LABEL, (void *)copy_id, sizeof(copy_id) } };
	struct copies *c = &t->copies;
	CK_RV rv = open_keeper(t, generation);

	if (rv != CKR_OK)
		return rv;
	destroy_doomed(t);
	if (c->count == COPIES_MAX)
		return CKR_FUNCTION_CANCELED;
	rv = cryptoki_copy(t->module, c->keeper, original, template, 3, copy);
	if (rv == CKR_OK)
		c->count++;
	else if (recovery_of(rv) == RECOVERY_SESSION)
		retire(t, forget(c));
	return rv;
}

CK_RV copies_make(
    CK_OBJECT_HANDLE *copy, struct token *t, unsigned generation, CK_OBJECT_HANDLE original)
{
	struct copies *c = &t->copies;
	bool begun;
	CK_RV rv;

	pthread_mutex_lock(&c->lock);
	begun = generation == session_generation(t) && begin(c);
	pthread_mutex_unlock(&c->lock);
	if (!begun)
		return CKR_FUNCTION_CANCELED;
	rv = make(copy, t, generation, original);
	if (generation != session_generation(t))
		rv = CKR_FUNCTION_CANCELED;
	end(t);
	return rv;
}

void copies_drop(struct token *t, unsigned generation, CK_OBJECT_HANDLE copy)
{
	struct copies *c = &t->copies;
	struct token *before;
	bool begun = false;

	pthread_mutex_lock(&c->lock);
	/* Who is busy works without the lock. */
	while (c->busy)
		pthread_cond_wait(&c->done, &c->lock);
	if (c->keeper != 0 && c->generation == generation && c->doomed_count < COPIES_MAX) {
		c->doomed[c->doomed_count++] = copy;
		begun = c->users == 0 && begin(c);
	}
	pthread_mutex_unlock(&c->lock);
	if (!begun)
		return;
	before = watch_token(t);
	destroy_doomed(t);
	end(t);
	watch_token(before);
}

void copies_abandon(struct token *t, struct watch *w)
{
	struct copies *c = &t->copies;

	pthread_mutex_lock(&c->lock);
	c->lookups -= w->lookups;
	c->users -= w->uses;
	w->lookups = w->uses = 0;
	if (c->closer == w)
		c->closing = false;
	/* A keeper of no use is forgotten, not closed: that would be a call. */
	if (c->users == 0)
		c->retired_count = 0;
	if (!c->busy || c->worker == w)
		forget(c);
	if (c->busy && c->worker == w)
		finish(c);
	pthread_mutex_unlock(&c->lock);
}

void copies_lost(struct token *t)
{
	struct copies *c = &t->copies;
	CK_SESSION_HANDLE lost = 0;

	pthread_mutex_lock(&c->lock);
	if (!c->busy && c->generation != session_generation(t))
		lost = forget(c);
	pthread_mutex_unlock(&c->lock);
	retire(t, lost);
}

bool copies_give_back(struct token *t)
{
	struct copies *c = &t->copies;
	CK_SESSION_HANDLE keeper;

	pthread_mutex_lock(&c->lock);
	while (c->busy)
		pthread_cond_wait(&c->done, &c->lock);
	keeper = forget(c);
	pthread_mutex_unlock(&c->lock);
	return retire(t, keeper);
}
