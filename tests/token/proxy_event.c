/* C_WaitForSlotEvent: who waits is told of tokens that go and come. */
#include <stdatomic.h>

#include "proxy_control.h"
#include "proxy_device.h"
#include "proxy_session.h"
#include "proxy_wait.h"

static atomic_int events; /* enum proxy_events */
static atomic_ulong ends;

static bool take_event(CK_SLOT_ID *slot)
{
	bool found = false;

	sessions_lock();
	for (struct slot *s = NULL; !found && (s = sessions_next_slot(s)) != NULL;) {
		found = s->event;
		s->event = false;
		*slot = s->id;
	}
	sessions_unlock();
	return found;
}

struct wait {
	unsigned long ends;
	CK_SLOT_ID slot;
	bool event;
};

static bool wait_over(void *arg)
{
	struct wait *w = arg;

	w->event = take_event(&w->slot);
	return w->event || atomic_load(&ends) != w->ends;
}

CK_RV device_wait(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
	struct wait w = { atomic_load(&ends), 0, false };

	if (atomic_load(&events) == PROXY_EVENTS_INNER)
		return proxy_inner->C_WaitForSlotEvent(flags, slot, reserved);
	if (atomic_load(&events) == PROXY_EVENTS_UNSUPPORTED)
		return CKR_FUNCTION_NOT_SUPPORTED;
	if (atomic_load(&events) == PROXY_EVENTS_ENDLESS)
		return CKR_OK;
	if ((flags & CKF_DONT_BLOCK) != 0)
		return take_event(slot) ? CKR_OK : CKR_NO_EVENT;
	control_event("waits", "C_WaitForSlotEvent");
	wait_until(wait_over, &w);
	control_event("woken", "C_WaitForSlotEvent");
	*slot = w.slot;
	return w.event ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
}

void device_ends(void)
{
	atomic_fetch_add(&ends, 1);
	wait_wake();
}

void device_events(enum proxy_events how)
{
	atomic_store(&events, (int)how);
}
