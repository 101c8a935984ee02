#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "proxy_calls.h"
#include "proxy_device.h"
#include "proxy_extra.h"
#include "proxy_guard.h"
#include "proxy_general.h"
#include "proxy_key.h"
#include "proxy_output.h"
#include "proxy_pin.h"
#include "proxy_session.h"

CK_FUNCTION_LIST *proxy_inner;

static CK_FUNCTION_LIST outer;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static CK_RV load_inner(void)
{
	const char *path = getenv("PROXY_INNER");
	void *handle = dlopen(path != NULL ? path : SOFTHSM_MODULE, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = NULL;
	CK_RV rv;

	if (handle == NULL)
		return CKR_GENERAL_ERROR;
	*(void **)&get = dlsym(handle, "C_GetFunctionList");
	rv = get != NULL ? get(&proxy_inner) : CKR_GENERAL_ERROR;
	if (rv == CKR_OK)
		proxy_inner = proxy_guard(proxy_inner);
	return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) __attribute__((visibility("default")));

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&lock);
	if (proxy_inner == NULL)
		rv = load_inner();
	if (rv == CKR_OK && outer.C_GetFunctionList == NULL) {
		outer.version = proxy_inner->version;
		outer.C_GetFunctionList = C_GetFunctionList;
#define PROXY_SET(name) outer.C_##name = call_##name;
		PROXY_FUNCTIONS(PROXY_SET)
#undef PROXY_SET
	}
	pthread_mutex_unlock(&lock);
	*list = &outer;
	return rv;
}

static void reset(void)
{
	plan_reset();
	general_reset();
	sessions_limit(0);
	sessions_removal(CKR_OK);
	sessions_only(NULL);
	device_reset();
	pin_reset();
	key_reset();
	output_reset();
	extra_keys(0);
}

const struct proxy *proxy_control(void) __attribute__((visibility("default")));

const struct proxy *proxy_control(void)
{
	static const struct proxy control = {
		.count = plan_count,
		.round_trips = plan_round_trips,
		.reset = reset,
		.limit_sessions = sessions_limit,
		.report_sessions = device_report_sessions,
		.report_open = device_report_open,
		.refuse = plan_refuse,
		.lie = plan_set_lie,
		.lies = plan_lies,
		.garble = output_garble,
		.hook = plan_set_hook,
		.set_flags = device_set_flags,
		.pin = pin_last,
		.cant_lock = general_cant_lock,
		.overlaps = plan_overlaps,
		.keep_failed = general_keep_failed,
		.poison = output_poison,
		.longest = output_longest,
		.hide_slots = device_hide_slots,
		.delay = plan_delay,
		.judge = plan_judge,
		.only = sessions_only,
		.hang = plan_hang,
		.release = plan_release,
		.await_hanging = plan_await_hanging,
		.lose = device_lose,
		.bring_back = device_bring_back,
		.change_cards = device_change_cards,
		.lose_at = plan_lose_at,
		.bring_back_at = plan_bring_back_at,
		.removal = sessions_removal,
		.stale_info = device_stale_info,
		.slot_events = device_events,
		.lose_readers = device_lose_readers,
		.hide_mechanism = key_hide_mechanism,
		.twin_slots = device_twin_slots,
		.relabel = device_relabel,
		.extra_keys = extra_keys,
		.limit_key = key_limit,
		.authenticate = key_authenticate,
		.derive_point = key_derive_point,
		.pad = pin_pad,
		.pin_tries = pin_tries,
		.wrong_pin = pin_wrong_code,
		.change_pin = pin_change,
		.wrong_pins = pin_wrong,
		.repeated_pins = pin_repeated,
		.bad_padding = output_bad_padding,
		.room = output_room,
		.unwrap_length = output_unwrap_length,
		.unwrap_sensitive = output_unwrap_sensitive,
		.sessions = sessions_open,
	};

	return &control;
}
