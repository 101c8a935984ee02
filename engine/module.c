#include "engine/module.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "engine/module_load.h"
#include "engine/slot.h"
#include "engine/watch.h"

static struct module *modules;
static struct gate registry = GATE_INIT;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_bool exiting;

static void note_exit(void)
{
	atomic_store(&exiting, true);
}

static void start_once(void)
{
	OPENSSL_atexit(note_exit);
}

bool module_exiting(void)
{
	return atomic_load(&exiting);
}

static CK_RV enter(struct module *m, const char *function, enum watch_patience patience)
{
	if (m->serial && !gate_enter(&m->turn))
		return MODULE_NO_ENTRY;
	ERR_set_mark();
	watch_begin(m, function, patience);
	return CKR_OK;
}

CK_RV module_enter(struct module *m, const char *function)
{
	return enter(m, function, WATCH_TOKEN);
}

CK_RV module_enter_patient(struct module *m, const char *function)
{
	return enter(m, function, WATCH_PERSON);
}

CK_RV module_enter_endless(struct module *m, const char *function)
{
	return enter(m, function, WATCH_ENDLESS);
}

/*
 * A module that uses OpenSSL leaves errors of its own in the queue, after a success too. What it
 * does to marks, or if it clears the queue, can't be undone. Who was given up has not left the gate.
 */
void module_leave(struct module *m)
{
	watch_end();
	if (m->serial)
		gate_leave(&m->turn);
	ERR_pop_to_mark();
}

static CK_RV initialise_with(struct module *m, CK_C_INITIALIZE_ARGS *args)
{
	CK_RV rv = module_enter(m, "C_Initialize");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_Initialize(args);
	module_leave(m);
	return rv;
}

static CK_RV initialise(struct module *m)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	bool ours = m->initialising;
	CK_RV rv;

	m->initialising = true;
	rv = initialise_with(m, m->serial ? NULL : &args);
	if (rv == CKR_CANT_LOCK && !m->serial) {
		m->serial = true;
		rv = initialise_with(m, NULL);
	}
	m->initialising = m->listed = false;
	if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
		m->owner = m->owner || ours;
	else
		m->owner = rv == CKR_OK;
	return rv;
}

static void finalise(struct module *m)
{
	if (module_enter(m, "C_Finalize") != CKR_OK)
		return;
	m->functions->C_Finalize(NULL);
	module_leave(m);
}

static CK_RV or_already(CK_RV rv)
{
	return rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? CKR_OK : rv;
}

CK_RV module_restart(struct module *m)
{
	CK_RV rv;

	if (!gate_enter(&m->starting))
		return MODULE_NO_ENTRY;
	rv = or_already(initialise(m));
	gate_leave(&m->starting);
	return rv;
}

/* Initialised, and by a process that this one is a child of. */
static bool inherited(const struct module *m)
{
	return m->pid != 0 && m->pid != getpid();
}

/*
 * PKCS#11 v2.40 section 5.6 (C_Initialize) asks a forked child to initialise for itself. Some
 * modules carry on with the parent's state instead; they are made to start again. Only the thread
 * that forked lives on, so that nobody is to leave the locks.
 */
static CK_RV initialise_child(struct module *m)
{
	CK_RV rv;

	pthread_mutex_init(&m->lock, NULL);
	token_forget_process(m);
	atomic_store(&m->hanging, 0);
	atomic_store(&m->stuck, 0);
	rv = initialise(m);
	if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED && m->owner) {
		finalise(m);
		rv = initialise(m);
	}
	return or_already(rv);
}

/* Where finalising is not ours, nor is it what ends our sessions. */
static void stop(struct module *m)
{
	/* A thread is still in there: finalising may hang too, and the thread comes back to its token. */
	if (atomic_load(&m->hanging) > 0)
		return;
	if (!m->owner)
		token_close_sessions(m);
	token_free_all(m);
	/* It will be asked again whether it can lock. One that goes on for others still can't. */
	if (m->owner) {
		finalise(m);
		m->serial = false;
	}
	m->owner = false;
	m->pid = 0;
}

static int start(struct module *m, struct error *err)
{
	CK_RV rv = CKR_OK;
	int r = 0;

	ERR_set_mark();
	if (m->functions == NULL)
		r = module_load(m, err);
	ERR_pop_to_mark();
	if (r < 0)
		return r;
	if (!inherited(m) && atomic_load(&m->stuck) > 0)
		return watch_stuck(err, NULL);
	rv = inherited(m) ? initialise_child(m) : or_already(initialise(m));
	if (rv != CKR_OK)
		return module_failed(m, rv, err);
	m->pid = getpid();
	r = token_refresh(m, err);
	if (r < 0)
		stop(m);
	return r;
}

static struct module *find_or_make(const char *path)
{
	struct module *m = modules;

	while (m != NULL && strcmp(m->path, path) != 0)
		m = m->next;
	if (m != NULL)
		return m;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return NULL;
	m->path = strdup(path);
	if (m->path == NULL) {
		free(m);
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	gate_init(&m->turn);
	gate_init(&m->starting);
	gate_init(&m->refresh);
	m->next = modules;
	modules = m;
	return m;
}

/* Nothing is called while the list is held: a module that does not start is in nobody's way. */
static struct module *record(const char *path)
{
	struct module *m;

	(void)gate_enter(&registry);
	m = find_or_make(path);
	gate_leave(&registry);
	return m;
}

int module_open(struct module **out, const char *path, struct error *err)
{
	struct module *m;
	int r = 0;

	*out = NULL;
	pthread_once(&once, start_once);
	m = record(path != NULL ? path : MODULE_DEFAULT);
	if (m == NULL)
		return error_nomem(err);
	if (!gate_enter(&m->starting))
		return watch_stuck(err, NULL);
	if (m->users == 0)
		r = start(m, err);
	if (r == 0) {
		m->users++;
		*out = m;
	}
	gate_leave(&m->starting);
	return r;
}

/*
 * A child that never used the module leaves it alone: everything in it is the parent's. That it
 * is stays noted, in case the child opens the module for itself.
 */
void module_close(struct module *m)
{
	if (m == NULL || module_exiting() || !gate_enter(&m->starting))
		return;
	if (--m->users == 0) {
		if (inherited(m)) {
			token_forget_process(m);
			token_free_all(m);
		} else {
			stop(m);
		}
	}
	gate_leave(&m->starting);
}

static int restart_in_child(struct module *m, struct error *err)
{
	CK_RV rv = initialise_child(m);

	if (rv != CKR_OK)
		return module_failed(m, rv, err);
	m->pid = getpid();
	return token_refresh(m, err);
}

bool module_live(const struct module *m)
{
	return !module_exiting() && !inherited(m);
}

int module_ready(struct module *m, struct error *err)
{
	int r = 0;

	if (module_exiting())
		return error_set(err, HSMIME_ETOKEN, "the program is ending");
	if (!inherited(m))
		return atomic_load(&m->stuck) > 0 ? watch_stuck(err, NULL) : 0;
	if (!gate_enter(&m->starting))
		return watch_stuck(err, NULL);
	if (inherited(m))
		r = restart_in_child(m, err);
	gate_leave(&m->starting);
	return r;
}
