#include "engine/key_copy.h"

#include <string.h>

#include "engine/cryptoki.h"
#include "engine/key.h"
#include "engine/module.h"
#include "engine/recovery.h"
#include "engine/session.h"
#include "engine/slot.h"

static const unsigned char copy_id[] = "copy of a key, made by hsmime";

bool key_copy_is(const struct object *o)
{
	const CK_ATTRIBUTE *id = object_get(o, CKA_ID);

	return id != NULL && id->ulValueLen == sizeof(copy_id) &&
	       memcmp(id->pValue, copy_id, sizeof(copy_id)) == 0;
}

bool key_copy_take(CK_OBJECT_HANDLE *copy, struct token_key *k, const struct work *w)
{
	bool ready;

	if (w->again)
		return false;
	gate_enter(&k->gate);
	if (k->copy.state == KEY_COPY_READY && k->copy.generation != w->session.generation)
		k->copy.state = KEY_COPY_NONE;
	ready = k->copy.state == KEY_COPY_READY;
	*copy = k->copy.handle;
	gate_leave(&k->gate);
	return ready;
}

static void settle(
    struct token_key *k, enum key_copy_state state, CK_OBJECT_HANDLE handle, unsigned generation)
{
	gate_enter(&k->gate);
	k->copy.state = state;
	k->copy.handle = handle;
	k->copy.generation = generation;
	gate_leave(&k->gate);
	atomic_store(&k->copy.uses, 0);
}

/* Whether it is time, and for this thread to make it. */
static bool claim(struct token_key *k)
{
	bool claimed;

	if (k->type != TOKEN_KEY_EC || k->always_authenticate ||
	    atomic_fetch_add(&k->copy.uses, 1) + 1 < KEY_COPY_USES)
		return false;
	gate_enter(&k->gate);
	claimed = k->copy.state == KEY_COPY_NONE;
	if (claimed)
		k->copy.state = KEY_COPY_BEING_MADE;
	gate_leave(&k->gate);
	return claimed;
}

bool key_copy_make(
    CK_OBJECT_HANDLE *copy, struct token_key *k, struct work *w, CK_OBJECT_HANDLE original)
{
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_TOKEN, &no, sizeof(no) },
		{ CKA_ID, (void *)copy_id, sizeof(copy_id) },
		{ CKA_LABEL, (void *)copy_id, sizeof(copy_id) } };
	struct session keeper;
	CK_RV rv = CKR_SESSION_COUNT;

	if (!claim(k))
		return false;
	if (session_take_keeper(&keeper, k->token)) {
		if (keeper.generation == w->session.generation)
			rv = cryptoki_copy(w->module, keeper.handle, original, template, 3, copy);
		session_give_keeper(&keeper, k->token);
	}
	/* The token was busy or is being lost: later. What it refused, it refuses again. */
	if (rv != CKR_OK)
		settle(k, rv == CKR_SESSION_COUNT ? KEY_COPY_NONE : KEY_COPY_GIVEN_UP, 0, 0);
	return rv == CKR_OK;
}

void key_copy_settle(struct token_key *k, struct work *w, CK_OBJECT_HANDLE copy, bool proved)
{
	settle(k, proved ? KEY_COPY_READY : KEY_COPY_GIVEN_UP, copy, w->session.generation);
	if (!proved)
		cryptoki_destroy(w->module, w->session.handle, copy);
}

int key_copy_result(struct token_key *k, struct work *w, int r)
{
	enum recovery way = recovery_of(w->rv);

	if (r == 0 || (r == WORK_REFUSED && way == RECOVERY_ACTIVE))
		return r;
	if (r == WORK_REFUSED && (way == RECOVERY_SESSION || way == RECOVERY_LOGIN)) {
		settle(k, KEY_COPY_NONE, 0, 0);
		return r;
	}
	settle(k, KEY_COPY_GIVEN_UP, 0, 0);
	error_clear(w->err);
	return work_refused(w, CKR_OBJECT_HANDLE_INVALID);
}

void key_copy_free(struct token_key *k)
{
	struct session s;
	CK_RV rv;

	if (k->copy.state != KEY_COPY_READY || k->copy.generation != session_generation(k->token) ||
	    !module_live(k->token->module) || session_take(&s, &rv, k->token, NULL) != 0)
		return;
	if (s.generation == k->copy.generation)
		cryptoki_destroy(k->token->module, s.handle, k->copy.handle);
	session_give(&s, k->token);
}
