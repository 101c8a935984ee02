#include "proxy_plan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy_control.h"
#include "proxy_device.h"
#include "proxy_wait.h"

#define PROXY_NAME(name) "C_" #name,
static const char *const names[FUNCTIONS] = { PROXY_FUNCTIONS(PROXY_NAME) };
#undef PROXY_NAME

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ulong counts[FUNCTIONS];
static atomic_int inside;
static atomic_ulong overlap_count;
static atomic_ulong lies_told;
static atomic_ulong delay_of_all;
static atomic_ulong releases;
static atomic_ulong hanging;

/* What happens once, some calls from now. */
struct trigger {
	bool set;
	unsigned long skip;
};

/* Of each function, under the lock. */
static struct plan {
	CK_RV rv;
	unsigned long skip;
	unsigned long times;
	CK_ULONG lie;
	unsigned long lies;
	proxy_hook hook;
	void *hook_arg;
	unsigned long delay;
	struct trigger hang;
	struct trigger lose;
	struct trigger bring_back;
} plans[FUNCTIONS];

static struct {
	proxy_judge judge;
	void *arg;
} judge;

enum function plan_function(const char *name)
{
	for (int i = 0; i < FUNCTIONS; i++)
		if (strcmp(names[i], name) == 0)
			return (enum function)i;
	fprintf(stderr, "proxy: no function %s\n", name);
	abort();
}

static bool fires(struct trigger *t)
{
	bool fire = t->set && t->skip == 0;

	if (fire)
		t->set = false;
	else if (t->set)
		t->skip--;
	return fire;
}

static CK_RV planned_failure(struct plan *p)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&lock);
	if (p->skip > 0)
		p->skip--;
	else if (p->times > 0) {
		p->times--;
		rv = p->rv;
	}
	pthread_mutex_unlock(&lock);
	return rv;
}

static bool released(void *arg)
{
	return atomic_load(&releases) != *(unsigned long *)arg;
}

static void hang_here(enum function f)
{
	unsigned long before = atomic_load(&releases);

	atomic_fetch_add(&hanging, 1);
	control_event("hang", names[f]);
	wait_wake();
	wait_until(released, &before);
	atomic_fetch_sub(&hanging, 1);
	control_event("released", names[f]);
}

static void sleep_for(unsigned long microseconds)
{
	struct timespec t = { (time_t)(microseconds / 1000000),
		(long)(microseconds % 1000000) * 1000 };

	if (microseconds > 0)
		nanosleep(&t, NULL);
}

/* What happens beside the call, in the order of a real one: it takes its time, then the token goes. */
static void happen(enum function f)
{
	struct plan now;
	bool hang, lose, back;

	pthread_mutex_lock(&lock);
	now = plans[f];
	hang = fires(&plans[f].hang);
	lose = fires(&plans[f].lose);
	back = fires(&plans[f].bring_back);
	pthread_mutex_unlock(&lock);
	sleep_for(now.delay + atomic_load(&delay_of_all));
	if (now.hook != NULL)
		now.hook(now.hook_arg);
	if (hang)
		hang_here(f);
	if (lose)
		device_lose(NULL);
	if (back)
		device_bring_back();
}

static CK_RV ask_judge(enum function f)
{
	proxy_judge ask;
	void *arg;

	pthread_mutex_lock(&lock);
	ask = judge.judge;
	arg = judge.arg;
	pthread_mutex_unlock(&lock);
	return ask != NULL ? ask(names[f], arg) : CKR_OK;
}

static void begin(enum function f)
{
	control_poll();
	atomic_fetch_add(&counts[f], 1);
	if (atomic_fetch_add(&inside, 1) > 0)
		atomic_fetch_add(&overlap_count, 1);
}

void plan_pass(enum function f)
{
	begin(f);
	sleep_for(atomic_load(&delay_of_all));
}

CK_RV plan_enter(enum function f)
{
	CK_RV rv;

	begin(f);
	happen(f);
	rv = planned_failure(&plans[f]);
	return rv != CKR_OK ? rv : ask_judge(f);
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
		atomic_fetch_add(&lies_told, 1);
	}
	pthread_mutex_unlock(&lock);
	return lie;
}

unsigned long plan_lies(void)
{
	return atomic_load(&lies_told);
}

void plan_write_counts(FILE *out)
{
	for (int i = 0; i < FUNCTIONS; i++)
		if (atomic_load(&counts[i]) > 0)
			fprintf(out, "%s %lu\n", names[i], atomic_load(&counts[i]));
}

unsigned long plan_count(const char *name)
{
	return atomic_load(&counts[plan_function(name)]);
}

unsigned long plan_round_trips(void)
{
	unsigned long total = 0;

	for (int i = 0; i < FUNCTIONS; i++)
		if (i != F_Initialize && i != F_Finalize && i != F_GetInfo &&
		    i != F_FindObjectsFinal && i != F_WaitForSlotEvent)
			total += atomic_load(&counts[i]);
	return total;
}

unsigned long plan_overlaps(void)
{
	return atomic_load(&overlap_count);
}

void plan_reset(void)
{
	pthread_mutex_lock(&lock);
	memset(plans, 0, sizeof(plans));
	memset(&judge, 0, sizeof(judge));
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < FUNCTIONS; i++)
		atomic_store(&counts[i], 0);
	atomic_store(&overlap_count, 0);
	atomic_store(&lies_told, 0);
	atomic_store(&delay_of_all, 0);
	plan_release();
}

void plan_refuse(const char *name, CK_RV rv, unsigned long skip, unsigned long times)
{
	struct plan *p = &plans[plan_function(name)];

	pthread_mutex_lock(&lock);
	p->rv = rv;
	p->skip = skip;
	p->times = times;
	pthread_mutex_unlock(&lock);
}

void plan_set_lie(const char *name, CK_ULONG len, unsigned long times)
{
	struct plan *p = &plans[plan_function(name)];

	pthread_mutex_lock(&lock);
	p->lie = len;
	p->lies = times;
	pthread_mutex_unlock(&lock);
}

void plan_set_hook(const char *name, proxy_hook hook, void *arg)
{
	struct plan *p = &plans[plan_function(name)];

	pthread_mutex_lock(&lock);
	p->hook = hook;
	p->hook_arg = arg;
	pthread_mutex_unlock(&lock);
}

void plan_delay(const char *name, unsigned long microseconds)
{
	if (name == NULL) {
		atomic_store(&delay_of_all, microseconds);
		return;
	}
	pthread_mutex_lock(&lock);
	plans[plan_function(name)].delay = microseconds;
	pthread_mutex_unlock(&lock);
}

void plan_judge(proxy_judge function, void *arg)
{
	pthread_mutex_lock(&lock);
	judge.judge = function;
	judge.arg = arg;
	pthread_mutex_unlock(&lock);
}

static void set(struct trigger *t, unsigned long skip)
{
	pthread_mutex_lock(&lock);
	*t = (struct trigger){ true, skip };
	pthread_mutex_unlock(&lock);
}

void plan_hang(const char *name, unsigned long skip)
{
	set(&plans[plan_function(name)].hang, skip);
}

void plan_lose_at(const char *name, unsigned long skip)
{
	set(&plans[plan_function(name)].lose, skip);
}

void plan_bring_back_at(const char *name, unsigned long skip)
{
	set(&plans[plan_function(name)].bring_back, skip);
}

void plan_release(void)
{
	atomic_fetch_add(&releases, 1);
	wait_wake();
}

static bool enough_hang(void *arg)
{
	return atomic_load(&hanging) >= *(unsigned long *)arg;
}

void plan_await_hanging(unsigned long calls)
{
	wait_until(enough_hang, &calls);
}
