#include "change_rig.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct change_person person;
const struct pin_job change_plain;

ptrdiff_t change_ask(void *arg, const hsmime_pin_request *r, char *out, size_t size)
{
	const char *const answers[] = { person.user, person.so, person.puk,
		r->again ? person.again : person.fresh, NULL };
	static const char *const names[] = { "user", "so", "puk", "new", "new-so" };
	const char *answer = answers[r->kind];
	size_t used = strlen(person.asked);

	(void)arg;
	snprintf(person.asked + used, sizeof(person.asked) - used, "%s%s%s%s ", names[r->kind],
	    r->again ? "-again" : "", r->pin_pad ? "-pad" : "", r->final_try ? "-last" : "");
	assert_string_equal(r->token_label, "Alpha");
	if (answer == NULL)
		return HSMIME_EPIN;
	assert_true(strlen(answer) <= size);
	memcpy(out, answer, strlen(answer));
	return (ptrdiff_t)strlen(answer);
}

void change_engine(const char *source, bool with_person)
{
	struct engine_options options = { .module = PROXY_MODULE,
		.token_label = "Alpha",
		.pin_source = source,
		.pin_callback = with_person ? change_ask : NULL,
		.state_dir = pin_rig.state_dir };

	engine_free(pin_rig.e);
	assert_int_equal(engine_new(&pin_rig.e, &options, &pin_rig.err), 0);
	memset(&pin_rig.err, 0, sizeof(pin_rig.err));
}

int change_rig_begin(void **state)
{
	memset(&person, 0, sizeof(person));
	person.user = pin_rig_right;
	person.so = SO_PIN;
	person.fresh = person.again = "new-pin-1";
	return pin_rig_begin(state);
}

int change_rig_end(void **state)
{
	static const struct pin_job job = { .new_source = "env:RIGHT_PIN" };

	setenv("RIGHT_PIN", pin_rig_right, 1);
	pin_rig.proxy->reset();
	pin_rig.state_dir = NULL;
	person.so = SO_PIN;
	change_engine(NULL, true);
	assert_int_equal(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), 0);
	return pin_rig_end(state);
}

void change_fails(int r, int status, const char *message)
{
	assert_int_equal(r, status);
	if (strstr(pin_rig.err.message, message) == NULL)
		fail_msg("\"%s\" / \"%s\"", pin_rig.err.message, pin_rig.err.hint);
	assert_string_not_equal(pin_rig.err.hint, "");
}
