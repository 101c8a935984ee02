#include "proxy_plan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FUNCTIONS] = {
	[F_INITIALIZE] = "C_Initialize",
	[F_FINALIZE] = "C_Finalize",
	[F_GETINFO] = "C_GetInfo",
	[F_GETSLOTLIST] = "C_GetSlotList",
	[F_GETSLOTINFO] = "C_GetSlotInfo",
	[F_GETTOKENINFO] = "C_GetTokenInfo",
	[F_GETMECHANISMLIST] = "C_GetMechanismList",
	[F_GETMECHANISMINFO] = "C_GetMechanismInfo",
	[F_OPENSESSION] = "C_OpenSession",
	[F_CLOSESESSION] = "C_CloseSession",
	[F_CLOSEALLSESSIONS] = "C_CloseAllSessions",
	[F_GETSESSIONINFO] = "C_GetSessionInfo",
	[F_LOGIN] = "C_Login",
	[F_LOGOUT] = "C_Logout",
	[F_COPYOBJECT] = "C_CopyObject",
	[F_DESTROYOBJECT] = "C_DestroyObject",
	[F_GETATTRIBUTEVALUE] = "C_GetAttributeValue",
	[F_FINDOBJECTSINIT] = "C_FindObjectsInit",
	[F_FINDOBJECTS] = "C_FindObjects",
	[F_FINDOBJECTSFINAL] = "C_FindObjectsFinal",
	[F_DECRYPTINIT] = "C_DecryptInit",
	[F_DECRYPT] = "C_Decrypt",
	[F_SIGNINIT] = "C_SignInit",
	[F_SIGN] = "C_Sign",
	[F_DERIVEKEY] = "C_DeriveKey",
	[F_UNWRAPKEY] = "C_UnwrapKey",
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ulong counts[FUNCTIONS];
static atomic_long sessions;
static atomic_long session_limit;
static atomic_ulong reported_sessions;
static atomic_ulong extra_flags;
static _Atomic(const unsigned char *) last_pin;
static atomic_int no_locks;
static atomic_int inside;
static atomic_ulong overlap_count;
static atomic_int keeps_failed;
static atomic_int slots_hidden;
static atomic_ulong longest;

/* Of each function, under the lock. */
static struct plan {
	CK_RV rv;
	unsigned long skip;
	unsigned long times;
	CK_ULONG lie;
	unsigned long lies;
	proxy_hook hook;
	void *hook_arg;
} plans[FUNCTIONS];

static int find(const char *name)
{
	for (int i = 0; i < FUNCTIONS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	abort();
}

static CK_RV planned_failure(enum function f)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&lock);
	if (plans[f].skip > 0)
		plans[f].skip--;
	else if (plans[f].times > 0) {
		plans[f].times--;
		rv = plans[f].rv;
	}
	pthread_mutex_unlock(&lock);
	return rv;
}

static void call_hook(enum function f)
{
	proxy_hook hook;
	void *arg;

	pthread_mutex_lock(&lock);
	hook = plans[f].hook;
	arg = plans[f].hook_arg;
	pthread_mutex_unlock(&lock);
	if (hook != NULL)
		hook(arg);
}

CK_RV plan_enter(enum function f)
{
	atomic_fetch_add(&counts[f], 1);
	if (atomic_fetch_add(&inside, 1) > 0)
		atomic_fetch_add(&overlap_count, 1);
	call_hook(f);
	return planned_failure(f);
}

CK_RV plan_leave(CK_RV rv)
{
	atomic_fetch_sub(&inside, 1);
	return rv;
}

bool plan_lie(enum function f, CK_RV rv, CK_ULONG *len)
{
	bool lie;

	pthread_mutex_lock(&lock);
	lie = rv == CKR_OK && plans[f].lies > 0;
	if (lie) {
		plans[f].lies--;
		*len = plans[f].lie;
	}
	pthread_mutex_unlock(&lock);
	return lie;
}

void plan_length(enum function f, CK_RV rv, CK_ULONG *len)
{
	(void)plan_lie(f, rv, len);
}

void plan_slots(CK_RV rv, CK_ULONG *count)
{
	if (rv == CKR_OK && atomic_load(&slots_hidden) != 0)
		*count = 0;
}

/* The session is granted or refused before the inner module is asked. */
CK_RV plan_session(void)
{
	long limit = atomic_load(&session_limit);

	if (atomic_fetch_add(&sessions, 1) < limit || limit == 0)
		return CKR_OK;
	atomic_fetch_sub(&sessions, 1);
	return CKR_SESSION_COUNT;
}

void plan_sessions_gone(long n)
{
	if (n == 0)
		atomic_store(&sessions, 0);
	else
		atomic_fetch_sub(&sessions, n);
}

void plan_token(CK_TOKEN_INFO *info)
{
	unsigned long reported = atomic_load(&reported_sessions);

	info->flags |= atomic_load(&extra_flags);
	if (reported > 0)
		info->ulMaxSessionCount = reported;
}

bool plan_cant_lock(const CK_C_INITIALIZE_ARGS *args)
{
	return atomic_load(&no_locks) != 0 && args != NULL &&
	       (args->flags & CKF_OS_LOCKING_OK) != 0;
}

bool plan_decrypt(CK_ULONG len)
{
	if (len > atomic_load(&longest))
		atomic_store(&longest, len);
	return atomic_load(&keeps_failed) == 0;
}

void plan_pin(const unsigned char *pin)
{
	atomic_store(&last_pin, pin);
}

static unsigned long get_count(const char *name)
{
	return atomic_load(&counts[find(name)]);
}

static unsigned long get_round_trips(void)
{
	unsigned long total = 0;

	for (int i = 0; i < FUNCTIONS; i++)
		if (i != F_INITIALIZE && i != F_FINALIZE && i != F_GETINFO &&
		    i != F_FINDOBJECTSFINAL)
			total += atomic_load(&counts[i]);
	return total;
}

static void reset(void)
{
	pthread_mutex_lock(&lock);
	memset(plans, 0, sizeof(plans));
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < FUNCTIONS; i++)
		atomic_store(&counts[i], 0);
	atomic_store(&session_limit, 0);
	atomic_store(&reported_sessions, 0);
	atomic_store(&extra_flags, 0);
	atomic_store(&last_pin, NULL);
	atomic_store(&no_locks, 0);
	atomic_store(&overlap_count, 0);
	atomic_store(&keeps_failed, 0);
	atomic_store(&slots_hidden, 0);
	atomic_store(&longest, 0);
}

static void limit_sessions(unsigned long limit)
{
	atomic_store(&session_limit, (long)limit);
}

static void report_sessions(unsigned long count)
{
	atomic_store(&reported_sessions, count);
}

static void refuse(const char *name, CK_RV rv, unsigned long skip, unsigned long times)
{
	struct plan *p = &plans[find(name)];

	pthread_mutex_lock(&lock);
	p->rv = rv;
	p->skip = skip;
	p->times = times;
	pthread_mutex_unlock(&lock);
}

static void lie(const char *name, CK_ULONG len, unsigned long times)
{
	struct plan *p = &plans[find(name)];

	pthread_mutex_lock(&lock);
	p->lie = len;
	p->lies = times;
	pthread_mutex_unlock(&lock);
}

static void set_hook(const char *name, proxy_hook hook, void *arg)
{
	struct plan *p = &plans[find(name)];

	pthread_mutex_lock(&lock);
	p->hook = hook;
	p->hook_arg = arg;
	pthread_mutex_unlock(&lock);
}

static void set_flags(CK_FLAGS flags)
{
	atomic_store(&extra_flags, flags);
}

static const unsigned char *get_pin(void)
{
	return atomic_load(&last_pin);
}

static void cant_lock(int on)
{
	atomic_store(&no_locks, on);
}

static unsigned long get_overlaps(void)
{
	return atomic_load(&overlap_count);
}

static void keep_failed(int on)
{
	atomic_store(&keeps_failed, on);
}

static unsigned long get_longest(void)
{
	return atomic_load(&longest);
}

static void hide_slots(int on)
{
	atomic_store(&slots_hidden, on);
}

const struct proxy *proxy_control(void) __attribute__((visibility("default")));

const struct proxy *proxy_control(void)
{
	static const struct proxy control = { get_count, get_round_trips, reset, limit_sessions,
		report_sessions, refuse, lie, set_hook, set_flags, get_pin, cant_lock, get_overlaps,
		keep_failed, get_longest, hide_slots };

	return &control;
}
