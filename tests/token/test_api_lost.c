/* A token that is pulled out while its key is looked for, and put in again: what was asked for is done. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_messages.h"

/* The calls of a look-up: at each the token is lost the first time that it is made, the second, and so on. */
static const char *const calls[] = { "C_GetTokenInfo", "C_OpenSession", "C_FindObjectsInit",
	"C_FindObjects", "C_FindObjectsFinal", "C_GetAttributeValue" };
#define TIMES_MAX 6

/* Where the token is lost, and whether it was put in again. */
static struct loss {
	const char *call;
	unsigned long skip;
	bool over;
} loss;

/* Whoever looks at the readers after the loss finds it there. */
static void put_it_in_again(void *arg)
{
	(void)arg;
	if (loss.over || api_proxy->count(loss.call) <= loss.skip)
		return;
	loss.over = true;
	api_proxy->bring_back();
}

static void lose_at(const char *call, unsigned long skip)
{
	loss = (struct loss){ call, skip, false };
	api_proxy->reset();
	api_proxy->lose_at(call, skip);
	api_proxy->hook("C_GetSlotList", put_it_in_again, NULL);
}

static struct message *kind(const char *name)
{
	for (size_t i = 0; i < api_messages.count; i++)
		if (strcmp(api_messages.list[i].name, name) == 0)
			return &api_messages.list[i];
	fail_msg("no message %s", name);
	return NULL;
}

static int make(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out, void *arg)
{
	(void)result;
	return message_make(ctx, out, arg);
}

/* On a context that knows nothing of the token: whether it came to the loss, which cost nothing then. */
static bool survives(const struct message *m, const char *call, unsigned long skip)
{
	struct message work = *m;
	struct outcome o;
	bool lost;

	lose_at(call, skip);
	if (m->encrypted)
		api_read_text(&o, NULL, m, m->text.data, m->text.len);
	else
		api_run(&o, NULL, make, &work);
	lost = api_proxy->count(call) > skip;
	if (o.status != 0 || lost != loss.over)
		fail_msg("%s, lost at %s after %lu: %d, %s", m->name, call, skip, o.status,
		    o.words.data);
	assert_int_equal(api_proxy->repeated_pins(), 0);
	outcome_clear(&o);
	return lost;
}

static void a_token_lost_while_its_key_is_looked_for_costs_no_operation(void **state)
{
	static const char *const kinds[] = { "signed beside, DER", "CBC for RSA, DER",
		"CBC for EC, DER" };

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			unsigned long skip = 0;

			while (skip < TIMES_MAX && survives(kind(kinds[k]), calls[i], skip))
				skip++;
			if (skip == 0)
				fail_msg("%s: %s was not called", kinds[k], calls[i]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_lost_while_its_key_is_looked_for_costs_no_operation),
	};

	return cmocka_run_group_tests(tests, api_messages_setup, api_messages_teardown);
}
