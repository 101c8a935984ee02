/* A signature that does not verify with the signer's certificate does not leave. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "api_messages.h"

static struct message messages[API_MESSAGES_MAX];
static size_t count;
static hsmime_ctx *ctx;

static int set_up(void **state)
{
	api_setup(state);
	count = api_messages(messages);
	ctx = api_ctx();
	return 0;
}

static int tear_down(void **state)
{
	hsmime_ctx_free(ctx);
	api_messages_free(messages, count);
	return api_teardown(state);
}

/* What making m ends with; *left is whether a file is there then. */
static int make(bool *left, const struct message *m)
{
	hsmime_output *out = NULL;
	char path[512];
	int status;

	api_path(path, sizeof(path), "faulty");
	(void)unlink(path);
	assert_int_equal(hsmime_output_file(&out, path), 0);
	status = message_work(ctx, out, m, false);
	*left = access(path, F_OK) == 0;
	return status;
}

/* Well-formed, but of fewer octets than it was made of: as a fault in the token's arithmetic. */
static void a_faulty_signature_gives_no_message(void **state)
{
	size_t tried = 0;
	bool left = false;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		if (messages[i].encrypted)
			continue;
		api_proxy->reset();
		api_proxy->lie("C_Sign", messages[i].holder == &api_ec ? 62 : 255, 1);
		assert_int_equal(make(&left, &messages[i]), HSMIME_ETOKEN);
		assert_false(left);
		assert_non_null(strstr(hsmime_ctx_error(ctx),
		    "the token's signature does not verify with the certificate of"));
		assert_int_equal(make(&left, &messages[i]), 0);
		assert_true(left);
		tried++;
	}
	assert_true(tried >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_faulty_signature_gives_no_message),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
