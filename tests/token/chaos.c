#include "chaos.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hsmime/error.h>

#include "engine/zone.h"

#define RATE 25      /* of so many calls one is refused */
#define RATE_ALL 250 /* of so many calls one befalls all threads */
#define AWAY_MAX 60  /* calls that a token is away */
#define GOING (-1)   /* the token is on its way out, and nobody brings it back yet */
#define STATUS(e) (1U << -(e))

static struct {
	const struct proxy *proxy;
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slot;
	atomic_bool on;
	atomic_ulong begun, ended; /* events that befall all threads */
	atomic_bool pin_refused;
	atomic_bool lying; /* lengths may be wrong: some things are not there then */
	atomic_bool vague; /* CKR_GENERAL_ERROR for a token that went, perhaps during a login */
	atomic_ulong sent_twice;
	atomic_long
	    away; /* one more than the calls until the token is back; 0: it is there; GOING */
	atomic_ulong refusals, losses, logouts, lies, caps;
} chaos;

/* One of those that operate; the library's own threads, which call for it, find it by zone_caller. */
struct player {
	uint64_t lot;
	struct chaos_operation *current;
	bool inside; /* of what befalls all */
};

static _Thread_local struct player mine;

static struct player *player(void)
{
	struct player *p = zone_caller();

	return p != NULL ? p : &mine;
}

/* What a code becomes where it is not the token's failure (engine/recovery.h). */
static const struct {
	CK_RV rv;
	const char *name; /* only there; NULL: everywhere */
	int status;
} becomes[] = {
	{ CKR_HOST_MEMORY, NULL, HSMIME_ENOMEM },
	{ CKR_PUBLIC_KEY_INVALID, NULL, HSMIME_EINVALID },
	{ CKR_PIN_INCORRECT, NULL, HSMIME_EPIN },
	{ CKR_PIN_INVALID, NULL, HSMIME_EPIN },
	{ CKR_PIN_LEN_RANGE, NULL, HSMIME_EPIN },
	{ CKR_PIN_EXPIRED, NULL, HSMIME_EPIN },
	{ CKR_PIN_LOCKED, NULL, HSMIME_EPIN },
	{ CKR_USER_PIN_NOT_INITIALIZED, NULL, HSMIME_EPIN },
};

/* Those that there is a way out of. */
static const CK_RV likely[] = { CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_DEVICE_REMOVED,
	CKR_TOKEN_NOT_PRESENT, CKR_USER_NOT_LOGGED_IN, CKR_OBJECT_HANDLE_INVALID,
	CKR_KEY_HANDLE_INVALID, CKR_OPERATION_ACTIVE, CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED,
	CKR_DEVICE_ERROR, CKR_DEVICE_MEMORY, CKR_HOST_MEMORY, CKR_SESSION_COUNT,
	CKR_MECHANISM_INVALID, CKR_BUFFER_TOO_SMALL };

/* Answers to C_Login that say that the PIN was not looked at. */
static const CK_RV not_the_pin[] = { CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,
	CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_HOST_MEMORY, CKR_DEVICE_MEMORY,
	CKR_PIN_LOCKED, CKR_PIN_EXPIRED };

/* And those that may mean that it was wrong. */
static const CK_RV the_pin[] = { CKR_PIN_INCORRECT, CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED,
	CKR_DEVICE_ERROR, CKR_PIN_LEN_RANGE, CKR_VENDOR_DEFINED };

#define COUNT(list) ((unsigned)(sizeof(list) / sizeof((list)[0])))

void chaos_thread(uint64_t seed, unsigned number)
{
	mine.lot = seed * 0x9e3779b97f4a7c15U + (number + 1) * 0xbf58476d1ce4e5b9U;
	mine.lot = mine.lot != 0 ? mine.lot : 1;
	zone_set_caller(&mine);
}

/* xorshift64* */
unsigned chaos_random(unsigned n)
{
	uint64_t *lot = &player()->lot;

	*lot ^= *lot >> 12;
	*lot ^= *lot << 25;
	*lot ^= *lot >> 27;
	return (unsigned)((*lot * 0x2545f4914f6cdd1dU) >> 33) % n;
}

static void lose(void)
{
	long none = 0;
	bool vague;

	if (!atomic_compare_exchange_strong(&chaos.away, &none, GOING))
		return;
	atomic_fetch_add(&chaos.losses, 1);
	vague = chaos_random(4) == 0;
	if (vague)
		atomic_store(&chaos.vague, true);
	chaos.proxy->removal(vague ? CKR_GENERAL_ERROR : CKR_OK);
	chaos.proxy->stale_info((int)chaos_random(2));
	chaos.proxy->lose(NULL);
	atomic_store(&chaos.away, 2 + (long)chaos_random(AWAY_MAX));
}

static void log_out(void)
{
	CK_SESSION_HANDLE session = 0;

	atomic_fetch_add(&chaos.logouts, 1);
	if (chaos.f->C_OpenSession(chaos.slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		return;
	chaos.f->C_Logout(session);
	chaos.f->C_CloseSession(session);
}

/* What is too long is seen; where a token gives too little, it gives another result, and nobody can tell. */
static void lie(void)
{
	static const char *const liars[] = { "C_Sign", "C_Decrypt", "C_GetAttributeValue",
		"C_FindObjects" };

	atomic_fetch_add(&chaos.lies, 1);
	chaos.proxy->lie(liars[chaos_random(COUNT(liars))],
	    chaos_random(2) == 0 ? 5000 : CK_UNAVAILABLE_INFORMATION, 1);
}

static void cap(void)
{
	unsigned sessions = chaos_random(6);

	atomic_fetch_add(&chaos.caps, 1);
	chaos.proxy->limit_sessions(sessions);
}

/* What befalls all threads; each is as likely as it stands here. */
static void befall(void)
{
	static void (*const events[])(void) = { lose, lose, log_out, cap, lie };

	struct player *p = player();

	atomic_fetch_add(&chaos.begun, 1);
	p->inside = true;
	events[chaos_random(atomic_load(&chaos.lying) ? COUNT(events) : COUNT(events) - 1)]();
	p->inside = false;
	atomic_fetch_add(&chaos.ended, 1);
}

/* Whose call is the last one brings it back; until then it counts as away. */
static void count_away(void)
{
	long n = atomic_load(&chaos.away);

	while (n > 1 && !atomic_compare_exchange_weak(&chaos.away, &n, n - 1))
		continue;
	if (n != 2)
		return;
	chaos.proxy->bring_back();
	atomic_store(&chaos.away, 0);
}

static CK_RV refuse_login(void)
{
	if (chaos_random(4) != 0)
		return CKR_OK;
	if (chaos_random(80) != 0)
		return not_the_pin[chaos_random(COUNT(not_the_pin))];
	atomic_store(&chaos.pin_refused, true);
	return the_pin[chaos_random(COUNT(the_pin))];
}

/* A token that does not close a session, or keeps an object, leaves what nobody can mend. */
static CK_RV refuse(const char *name)
{
	if (strcmp(name, "C_Login") == 0)
		return refuse_login();
	if (strcmp(name, "C_CloseSession") == 0 || strcmp(name, "C_DestroyObject") == 0 ||
	    chaos_random(RATE) != 0)
		return CKR_OK;
	if (chaos_random(2) == 0)
		return likely[chaos_random(COUNT(likely))];
	return 1 + chaos_random(0x1b3); /* every code there is, and some that there are not */
}

static void note(struct chaos_operation *o, const char *name, CK_RV rv)
{
	int status = HSMIME_ETOKEN;

	for (size_t i = 0; i < COUNT(becomes); i++)
		if (becomes[i].rv == rv)
			status = becomes[i].status;
	if (strcmp(name, "C_Login") == 0 && status == HSMIME_ETOKEN)
		o->statuses |= STATUS(HSMIME_EPIN);
	if (strcmp(name, "C_GetAttributeValue") == 0 &&
	    (rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
		rv == CKR_BUFFER_TOO_SMALL))
		o->statuses |= STATUS(HSMIME_ENOKEY); /* a key that does not say what it is for */
	o->faults++;
	o->statuses |= STATUS(status);
	o->in_decrypt |= strcmp(name, "C_Decrypt") == 0;
	o->last = rv;
	o->last_name = name;
	atomic_fetch_add(&chaos.refusals, 1);
}

/* A PIN that may have been wrong is not to be sent again, by whomever. */
static void count_pin(const char *name)
{
	if (strcmp(name, "C_Login") == 0 && atomic_load(&chaos.pin_refused))
		atomic_fetch_add(&chaos.sent_twice, 1);
}

static CK_RV judge(const char *name, void *arg)
{
	struct player *p = player();
	CK_RV rv = CKR_OK;

	(void)arg;
	count_pin(name);
	if (!atomic_load(&chaos.on) || p->current == NULL || p->inside)
		return CKR_OK;
	count_away();
	if (chaos_random(RATE_ALL) == 0)
		befall();
	rv = refuse(name);
	if (rv != CKR_OK)
		note(p->current, name, rv);
	return rv;
}

void chaos_begin(const struct proxy *proxy, CK_FUNCTION_LIST *f, CK_SLOT_ID slot)
{
	chaos.proxy = proxy;
	chaos.f = f;
	chaos.slot = slot;
	atomic_store(&chaos.pin_refused, false);
	atomic_store(&chaos.vague, false);
	atomic_store(&chaos.lying, chaos_random(4) == 0);
	atomic_store(&chaos.away, 0);
	proxy->judge(judge, NULL);
	atomic_store(&chaos.on, true);
}

void chaos_end(void)
{
	atomic_store(&chaos.on, false);
	chaos.proxy->bring_back();
	chaos.proxy->reset();
	chaos.proxy->judge(judge, NULL);
}

void chaos_enter(struct chaos_operation *o)
{
	o->befallen = atomic_load(&chaos.ended);
	o->away = atomic_load(&chaos.away) != 0;
	o->lies = chaos.proxy->lies();
	mine.current = o;
}

void chaos_leave(void)
{
	mine.current = NULL;
}

static bool lied_to(const struct chaos_operation *o)
{
	return chaos.proxy->lies() != o->lies;
}

bool chaos_disturbed(const struct chaos_operation *o)
{
	return o->away || atomic_load(&chaos.begun) != o->befallen || lied_to(o);
}

bool chaos_may_end(const struct chaos_operation *o, int status)
{
	unsigned may = o->statuses;

	if (status == 0)
		return true;
	if (o->decrypts && (o->in_decrypt || chaos_disturbed(o)))
		may |= STATUS(HSMIME_EINVALID);
	if (chaos_disturbed(o))
		may |= STATUS(HSMIME_ETOKEN);
	if (lied_to(o))
		may |= STATUS(HSMIME_ENOKEY);
	if (chaos_pin_refused())
		may |= STATUS(HSMIME_EPIN);
	return (may & STATUS(status)) != 0;
}

bool chaos_pin_refused(void)
{
	return atomic_load(&chaos.pin_refused) || atomic_load(&chaos.vague);
}

unsigned long chaos_sent_twice(void)
{
	return atomic_load(&chaos.sent_twice);
}

void chaos_report(void)
{
	printf("chaos: %lu refusals, %lu losses, %lu log-outs, %lu wrong lengths, %lu caps\n",
	    atomic_load(&chaos.refusals), atomic_load(&chaos.losses), atomic_load(&chaos.logouts),
	    atomic_load(&chaos.lies), atomic_load(&chaos.caps));
	fflush(stdout);
}
