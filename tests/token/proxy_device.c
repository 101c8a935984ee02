#include "proxy_device.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy_control.h"
#include "proxy_session.h"
#include "proxy_wait.h"

#define EARLY 8
#define TWIN ((CK_SLOT_ID)1 << 40) /* beside the inner module's id: the second slot */

static atomic_bool was_lost;
static atomic_int stale_on, slots_hidden, twins, readers_go;
static atomic_ulong reported_sessions, reported_open, extra_flags;

/* Under the lock of the sessions; blank: the tokens' own. */
static unsigned char label_of_all[32];

/* What was lost before C_Initialize, when no slot is known: labels, under the lock of the sessions. */
static char early[EARLY][33];
static size_t early_count;

CK_SLOT_ID device_inner_slot(CK_SLOT_ID slot)
{
	return slot & ~TWIN;
}

bool device_loses_readers(void)
{
	return atomic_load(&readers_go) != 0;
}

bool device_was_lost(void)
{
	return atomic_load(&was_lost);
}

void device_pad_label(unsigned char *padded, const char *label)
{
	size_t len = strlen(label);

	memset(padded, ' ', 32);
	memcpy(padded, label, len < 32 ? len : 32);
}

static bool has_label(const CK_TOKEN_INFO *info, const char *label)
{
	unsigned char padded[32];

	if (label == NULL)
		return true;
	device_pad_label(padded, label);
	return memcmp(padded, info->label, sizeof(padded)) == 0;
}

/* So that slots that nobody has asked for yet go too; false before C_Initialize. */
static bool see_all_slots(void)
{
	CK_SLOT_ID list[PROXY_SLOTS];
	CK_ULONG count = PROXY_SLOTS;
	CK_RV rv = proxy_inner->C_GetSlotList(CK_TRUE, list, &count);

	if (rv != CKR_OK)
		return rv != CKR_CRYPTOKI_NOT_INITIALIZED;
	sessions_lock();
	for (CK_ULONG i = 0; i < count; i++)
		(void)sessions_slot(list[i]);
	sessions_unlock();
	return true;
}

static void remember_early(const char *label)
{
	sessions_lock();
	if (early_count == EARLY)
		abort();
	snprintf(early[early_count++], sizeof(early[0]), "%s", label);
	sessions_unlock();
}

/* Whether it is the one that was meant. */
static bool lose_one(struct slot *s, const char *label)
{
	CK_TOKEN_INFO info = { .flags = 0 };
	bool known = proxy_inner->C_GetTokenInfo(s->id, &info) == CKR_OK;

	if (!has_label(&info, label))
		return false;
	if (s->lost)
		return true;
	s->info = info;
	s->stale = known && atomic_load(&stale_on) != 0;
	s->lost = s->event = true;
	s->gone = device_loses_readers();
	s->generation++;
	sessions_void(s);
	return true;
}

void device_lose(const char *label)
{
	bool any = label == NULL;

	if (!see_all_slots() && label != NULL) {
		remember_early(label);
		return;
	}
	sessions_lock();
	atomic_store(&was_lost, true);
	sessions_lost_from_now(label == NULL);
	for (struct slot *s = NULL; (s = sessions_next_slot(s)) != NULL;)
		any |= lose_one(s, label);
	sessions_unlock();
	if (!any) {
		fprintf(stderr, "proxy: no token %s to lose\n", label);
		abort();
	}
	wait_wake();
	control_event("lost", label);
}

/* With the lock held. Before the start there was nobody to be told. */
static void forget_events(void)
{
	for (struct slot *s = NULL; (s = sessions_next_slot(s)) != NULL;)
		s->event = false;
}

void device_starts(void)
{
	size_t count;

	sessions_lock();
	count = early_count;
	early_count = 0;
	sessions_unlock();
	for (size_t i = 0; i < count; i++)
		device_lose(early[i]);
	sessions_lock();
	forget_events();
	sessions_unlock();
}

void device_bring_back(void)
{
	bool any = false;

	sessions_lock();
	early_count = 0;
	sessions_lost_from_now(false);
	for (struct slot *s = NULL; (s = sessions_next_slot(s)) != NULL;) {
		any |= s->lost;
		s->event |= s->lost;
		s->lost = s->stale = false;
	}
	sessions_unlock();
	if (any)
		control_event("back", NULL);
	wait_wake();
}

void device_change_cards(void)
{
	(void)see_all_slots();
	sessions_lock();
	atomic_store(&was_lost, true);
	for (struct slot *s = NULL; (s = sessions_next_slot(s)) != NULL;)
		s->changed = true;
	sessions_unlock();
}

static void see_changes(void)
{
	sessions_lock();
	for (struct slot *s = NULL; (s = sessions_next_slot(s)) != NULL;) {
		if (s->changed) {
			s->generation++;
			sessions_void(s);
		}
		s->changed = false;
	}
	sessions_unlock();
}

static bool is_lost(CK_SLOT_ID slot)
{
	bool lost;

	sessions_lock();
	lost = sessions_slot(slot)->lost;
	sessions_unlock();
	return lost;
}

static bool is_gone(CK_SLOT_ID slot)
{
	bool gone;

	sessions_lock();
	gone = sessions_slot(slot)->gone;
	sessions_unlock();
	return gone;
}

/* PKCS#11 v2.40 section 5.5: who asks for the length of the list has it made anew. */
static void see_readers(void)
{
	sessions_lock();
	for (struct slot *s = NULL; (s = sessions_next_slot(s)) != NULL;)
		s->gone &= s->lost;
	sessions_unlock();
}

/* The inner module's list without what is lost, with a second slot for each. */
static CK_ULONG change_list(CK_SLOT_ID *list, CK_ULONG count, CK_BBOOL present)
{
	CK_ULONG kept = 0, once;

	for (CK_ULONG i = 0; i < count; i++)
		if ((present == CK_FALSE || !is_lost(list[i])) && !is_gone(list[i]))
			list[kept++] = list[i];
	once = kept;
	for (CK_ULONG i = 0; i < once && atomic_load(&twins) != 0; i++)
		list[kept++] = list[i] | TWIN;
	return kept;
}

CK_RV device_slots(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_SLOT_ID all[2 * PROXY_SLOTS];
	CK_ULONG n = PROXY_SLOTS;
	CK_RV rv = CKR_OK;

	see_changes();
	if (list == NULL)
		see_readers();
	if (atomic_load(&slots_hidden) != 0) {
		*count = 0;
		return CKR_OK;
	}
	if (list == NULL || (!device_was_lost() && atomic_load(&twins) == 0))
		rv = proxy_inner->C_GetSlotList(present, list, count);
	if (rv != CKR_OK || (!device_was_lost() && atomic_load(&twins) == 0))
		return rv;
	rv = proxy_inner->C_GetSlotList(present, all, &n);
	if (rv != CKR_OK)
		return rv;
	n = change_list(all, n, present);
	if (list != NULL && *count < n)
		rv = CKR_BUFFER_TOO_SMALL;
	else if (list != NULL)
		memcpy(list, all, n * sizeof(*list));
	*count = n;
	return rv;
}

void device_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	if (device_was_lost())
		info->flags |= CKF_REMOVABLE_DEVICE;
	if (is_lost(device_inner_slot(slot)))
		info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
}

bool device_stale(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	struct slot *s;
	bool stale;

	sessions_lock();
	s = sessions_slot(device_inner_slot(slot));
	stale = s->stale;
	s->stale = false;
	if (stale)
		*info = s->info;
	sessions_unlock();
	return stale;
}

void device_token(CK_TOKEN_INFO *info)
{
	unsigned long reported = atomic_load(&reported_sessions),
		      open = atomic_load(&reported_open);

	info->flags |= atomic_load(&extra_flags);
	if (reported > 0)
		info->ulMaxSessionCount = reported;
	if (open > 0)
		info->ulSessionCount = open;
	sessions_lock();
	if (label_of_all[0] != 0)
		memcpy(info->label, label_of_all, sizeof(label_of_all));
	sessions_unlock();
}

void device_reset(void)
{
	device_bring_back();
	see_changes();
	sessions_lock();
	for (struct slot *s = NULL; (s = sessions_next_slot(s)) != NULL;)
		s->event = s->gone = false;
	sessions_unlock();
	device_stale_info(0);
	device_events(PROXY_EVENTS_INNER);
	device_hide_slots(0);
	device_lose_readers(0);
	device_twin_slots(0);
	device_relabel(NULL);
	device_set_flags(0);
	device_report_sessions(0);
	device_report_open(0);
}

void device_stale_info(int on)
{
	atomic_store(&stale_on, on);
}

void device_hide_slots(int on)
{
	atomic_store(&slots_hidden, on);
}

void device_lose_readers(int on)
{
	atomic_store(&readers_go, on);
}

void device_twin_slots(int on)
{
	atomic_store(&twins, on);
}

void device_relabel(const char *label)
{
	sessions_lock();
	memset(label_of_all, 0, sizeof(label_of_all));
	if (label != NULL)
		device_pad_label(label_of_all, label);
	sessions_unlock();
}

void device_set_flags(CK_FLAGS flags)
{
	atomic_store(&extra_flags, flags);
}

void device_report_sessions(unsigned long sessions)
{
	atomic_store(&reported_sessions, sessions);
}

void device_report_open(unsigned long sessions)
{
	atomic_store(&reported_open, sessions);
}
