#include "engine/key_use.h"

#include "engine/copies.h"
#include "engine/key.h"
#include "engine/module.h"
#include "engine/recovery.h"
#include "engine/session.h"
#include "engine/slot.h"

/* Generations only grow. */
static bool older(unsigned generation, unsigned other)
{
	return (int)(generation - other) < 0;
}

/* Where there is one, copies_leave follows its use. */
static bool take_copy(CK_OBJECT_HANDLE *copy, struct token_key *k, const struct work *w)
{
	bool ready;

	if (k->type != TOKEN_KEY_EC || !copies_enter(k->token))
		return false;
	gate_enter(&k->gate);
	ready = k->copy.state == KEY_COPY_READY && k->copy.generation == w->session.generation &&
		!w->again;
	*copy = k->copy.handle;
	gate_leave(&k->gate);
	if (!ready)
		copies_leave(k->token);
	return ready;
}

/* Whether it is time for a copy, and for this thread to make it. */
static bool claim(struct token_key *k, const struct work *w)
{
	struct key_copy *c = &k->copy;
	bool claimed;

	if (k->type != TOKEN_KEY_EC || k->always_authenticate ||
	    atomic_fetch_add(&c->uses, 1) + 1 < KEY_COPY_USES)
		return false;
	gate_enter(&k->gate);
	claimed = c->state == KEY_COPY_NONE ||
		  (c->state != KEY_COPY_GIVEN_UP && older(c->generation, w->session.generation));
	if (claimed) {
		c->state = KEY_COPY_BEING_MADE;
		c->generation = w->session.generation;
	}
	gate_leave(&k->gate);
	return claimed;
}

/* From one state to another, unless somebody else was quicker. */
static bool change(struct token_key *k, unsigned generation, enum key_copy_state from,
    enum key_copy_state to, CK_OBJECT_HANDLE handle)
{
	struct key_copy *c = &k->copy;
	bool changed;

	gate_enter(&k->gate);
	changed = c->state == from && c->generation == generation &&
		  (from != KEY_COPY_READY || c->handle == handle);
	if (changed) {
		c->state = to;
		c->handle = handle;
		c->times_void += from == KEY_COPY_READY;
		atomic_store(&c->uses, 0);
	}
	gate_leave(&k->gate);
	return changed;
}

static bool passing(CK_RV rv)
{
	return rv == CKR_FUNCTION_CANCELED || recovery_of(rv) == RECOVERY_SESSION ||
	       recovery_of(rv) == RECOVERY_LOGIN;
}

static void prove_copy(struct token_key *k, struct work *w, const struct key_use *use,
    const void *job, CK_OBJECT_HANDLE copy)
{
	struct error ignored = { 0 }, *err = w->err;
	unsigned generation = w->session.generation;
	bool proved;

	w->err = &ignored;
	w->rv = CKR_OK;
	proved = copies_enter(k->token);
	if (proved) {
		proved = use->prove(job, w, copy);
		copies_leave(k->token);
	} else {
		w->rv = CKR_FUNCTION_CANCELED;
	}
	w->err = err;
	if (session_generation(k->token) != generation || (!proved && passing(w->rv)))
		change(k, generation, KEY_COPY_BEING_MADE, KEY_COPY_NONE, 0);
	else if (proved && change(k, generation, KEY_COPY_BEING_MADE, KEY_COPY_READY, copy))
		return;
	else
		change(k, generation, KEY_COPY_BEING_MADE, KEY_COPY_GIVEN_UP, 0);
	copies_drop(k->token, generation, copy);
}

/* The operation is done already: whatever happens here is the copy's fate alone. */
static void make_copy(struct token_key *k, struct work *w, const struct key_use *use,
    const void *job, CK_OBJECT_HANDLE original)
{
	unsigned generation = w->session.generation;
	CK_OBJECT_HANDLE copy = 0;
	CK_RV rv;

	if (use->prove == NULL || !claim(k, w))
		return;
	rv = copies_make(&copy, k->token, generation, original);
	if (rv == CKR_OK)
		prove_copy(k, w, use, job, copy);
	else
		change(k, generation, KEY_COPY_BEING_MADE,
		    passing(rv) ? KEY_COPY_NONE : KEY_COPY_GIVEN_UP, 0);
}

static int with_key(struct token_key *k, struct work *w, const struct key_use *use, void *job)
{
	CK_OBJECT_HANDLE handle = 0;
	int r = key_handle(&handle, k, w);

	if (r == 0)
		r = use->run(job, w, handle);
	if (r == 0)
		make_copy(k, w, use, job, handle);
	return r;
}

/*
 * A copy that is void may be made anew; one that fails is not to be had. Where another thread
 * lost the sessions meanwhile it is not the copy's fault, and the copy is no more.
 */
static void give_up(struct token_key *k, struct work *w, CK_OBJECT_HANDLE copy)
{
	unsigned generation = w->session.generation;
	bool is_void = recovery_of(w->rv) == RECOVERY_OBJECT;
	bool anew;

	gate_enter(&k->gate);
	anew = is_void && k->copy.times_void < KEY_COPY_VOID;
	gate_leave(&k->gate);
	error_clear(w->err);
	if (session_generation(k->token) == generation &&
	    change(k, generation, KEY_COPY_READY, anew ? KEY_COPY_NONE : KEY_COPY_GIVEN_UP, copy) &&
	    !is_void)
		copies_drop(k->token, generation, copy);
}

int key_use(struct token_key *k, struct work *w, const struct key_use *use, void *job)
{
	CK_OBJECT_HANDLE copy = 0;
	int r;

	if (!take_copy(&copy, k, w))
		return with_key(k, w, use, job);
	w->rv = CKR_OK;
	r = use->run(job, w, copy);
	copies_leave(k->token);
	/* Sessions that another thread lost took the copy along, and its handle may be another key's. */
	if (r == 0 && session_generation(k->token) != w->session.generation)
		return work_refused(w, CKR_SESSION_HANDLE_INVALID);
	if (r == 0 || passing(w->rv) || recovery_of(w->rv) == RECOVERY_ACTIVE)
		return r;
	give_up(k, w, copy);
	if (w->dirty)
		return work_refused(w, CKR_OBJECT_HANDLE_INVALID);
	w->rv = CKR_OK;
	return with_key(k, w, use, job);
}

void key_use_end(struct token_key *k)
{
	if (k->copy.state == KEY_COPY_READY && module_live(k->token->module))
		copies_drop(k->token, k->copy.generation, k->copy.handle);
}
