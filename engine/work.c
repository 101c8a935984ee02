#include "engine/work.h"

#include "engine/login.h"
#include "engine/module.h"
#include "engine/recovery.h"
#include "engine/slot.h"

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
	if (r < 0 && recovery_of(rv) != RECOVERY_NONE)
		return work_refused(w, rv);
	return r;
}

static int with_session(struct work *w, work_function run, void *arg)
{
	int r = log_in(w);

	if (r == 0) {
		w->rv = CKR_OK;
		r = run(w, arg);
	}
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

	w->dirty = false;
	if (r == 0)
		r = session_take(&w->session, &rv, w->token, w->err);
	if (r == 0)
		return with_session(w, run, arg);
	if (recovery_of(rv) == RECOVERY_SESSION) {
		session_lost(w->token, session_generation(w->token));
		return work_refused(w, rv);
	}
	return r;
}

static bool way_out(CK_RV rv)
{
	return recovery_of(rv) != RECOVERY_NONE && recovery_of(rv) != RECOVERY_MECHANISM;
}

int work_run(struct work *w, work_function run, void *arg)
{
	int r;

	w->module = w->token->module;
	w->again = false;
	w->rv = CKR_OK;
	r = try_once(w, run, arg);
	if (r == WORK_REFUSED && way_out(w->rv)) {
		if (recovery_of(w->rv) == RECOVERY_SESSION) {
			r = token_reconnect(w->token, w->err);
			if (r < 0)
				return r;
		}
		w->again = true;
		r = try_once(w, run, arg);
	}
	if (r != WORK_REFUSED)
		return r;
	return recovery_error(w->err, w->rv, w->token->label, w->purpose);
}
