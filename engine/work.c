#include "engine/work.h"

#include "engine/log.h"
#include "engine/login.h"
#include "engine/module.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/watch.h"

#define WORK_DROPS_MAX 64

int work_refused(struct work *w, CK_RV rv)
{
	w->rv = rv;
	return rv == CKR_OK ? 0 : WORK_REFUSED;
}

/* A login that is missing is made even where the token's flags do not ask for one. */
static int log_in(struct work *w)
{
	bool wanted = token_needs_login(w->token) || w->rv == CKR_USER_NOT_LOGGED_IN;
	CK_RV rv = CKR_OK;
	int r;

	if (!w->login || !wanted)
		return 0;
	r = login_user(w->token, &w->session, w->pin, w->purpose, &rv, w->err);
	w->relies_on_login = r == 0;
	return r < 0 && rv != CKR_OK ? work_refused(w, rv) : r;
}

int work_nothing(struct work *w)
{
	CK_RV rv = w->relies_on_login ? login_check(w->token, &w->session) : CKR_OK;

	/* Who found the login over meanwhile, and logged in again, has begun a new generation before. */
	if (rv == CKR_OK && w->session.generation != session_generation(w->token))
		rv = CKR_SESSION_HANDLE_INVALID;
	return work_refused(w, rv);
}

/*
 * A private object is also void because the login or the session is over, and OpenSC first says of a
 * card that was out for a moment no more than that something failed: the session tells. What says
 * something of data that was sent does not come here as a refusal.
 */
static void look_deeper(struct work *w)
{
	bool object = w->relies_on_login && recovery_of(w->rv) == RECOVERY_OBJECT;
	CK_RV rv = CKR_OK;

	if (object || recovery_vague(w->rv))
		rv = login_check(w->token, &w->session);
	if (rv == CKR_USER_NOT_LOGGED_IN && !w->relies_on_login)
		return;
	/* One that does not even say its state is of no use. */
	if (object && rv != CKR_OK && recovery_of(rv) == RECOVERY_NONE)
		rv = CKR_SESSION_HANDLE_INVALID;
	if (recovery_of(rv) != RECOVERY_NONE)
		w->rv = rv;
}

static int with_session(struct work *w, work_function run, void *arg)
{
	int r = log_in(w);

	if (r == 0) {
		w->rv = CKR_OK;
		r = run(w, arg);
	}
	if (r == 0 && w->keep)
		return 0;
	if (r == WORK_REFUSED)
		look_deeper(w);
	if (r == WORK_REFUSED &&
	    (recovery_of(w->rv) == RECOVERY_SESSION || recovery_of(w->rv) == RECOVERY_LOGIN))
		session_lost(w->token, w->session.generation);
	if (w->dirty || (r == WORK_REFUSED && recovery_of(w->rv) == RECOVERY_ACTIVE))
		session_drop(&w->session, w->token);
	else
		session_give(&w->session, w->token);
	return r;
}

static int try_once(struct work *w, work_function run, void *arg)
{
	CK_RV rv = CKR_OK;
	int r = module_ready(w->module, w->err);

	w->dirty = w->keep = w->relies_on_login = false;
	if (r == 0)
		r = session_take(&w->session, &rv, w->token, w->err);
	if (r == 0)
		return with_session(w, run, arg);
	if (recovery_of(rv) == RECOVERY_SESSION) {
		session_lost(w->token, w->session.generation);
		return work_refused(w, rv);
	}
	return r;
}

/*
 * A refusal to begin, because something else is active in the session, says nothing of the
 * next session: failed decryptions may have left several like that in the pool.
 */
static int try_clean(struct work *w, work_function run, void *arg)
{
	int r = try_once(w, run, arg);

	for (int i = 0; i < WORK_DROPS_MAX && r == WORK_REFUSED && !w->dirty &&
			recovery_of(w->rv) == RECOVERY_ACTIVE;
	     i++)
		r = try_once(w, run, arg);
	return r;
}

static bool way_out(CK_RV rv)
{
	return recovery_of(rv) != RECOVERY_NONE && recovery_of(rv) != RECOVERY_MECHANISM;
}

static int run_on_token(struct work *w, work_function run, void *arg)
{
	char name[48];
	int r;

	w->again = false;
	w->rv = CKR_OK;
	r = try_clean(w, run, arg);
	if (r == WORK_REFUSED && way_out(w->rv)) {
		if (recovery_of(w->rv) == RECOVERY_SESSION) {
			r = token_reconnect(w->token, w->err);
			if (r < 0)
				return r;
		}
		w->again = true;
		log_say(2, "token \"%s\": %s, once more after %s", w->token->label, w->purpose,
		    recovery_name(w->rv, name, sizeof(name)));
		r = try_clean(w, run, arg);
	}
	if (r != WORK_REFUSED)
		return r;
	return recovery_error(w->err, w->rv, w->token->label, w->purpose);
}

int work_run(struct work *w, work_function run, void *arg)
{
	struct token *before;
	int r;

	w->module = w->token->module;
	/* What hangs in the parent of a forked child hangs there alone (module_ready). */
	if (atomic_load(&w->token->stuck) > 0 && module_live(w->module))
		return watch_stuck(w->err, w->token);
	before = watch_token(w->token);
	/* Who is told of something might want a session, and this one may be the only one. */
	log_hold();
	r = run_on_token(w, run, arg);
	watch_token(before);
	log_release();
	return r;
}
