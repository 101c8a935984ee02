/* A signature that does not verify with the signer's certificate does not leave. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "api_messages.h"

/* What making m ends with; *left is whether a file is there then. */
static int make(bool *left, const struct message *m)
{
	hsmime_output *out = NULL;
	char path[512];
	int status;

	api_path(path, sizeof(path), "faulty");
	(void)unlink(path);
	assert_int_equal(hsmime_output_file(&out, path), 0);
	status = message_work(api_messages.ctx, out, m, false);
	*left = access(path, F_OK) == 0;
	return status;
}

/* Well-formed, but of fewer octets than it was made of: as a fault in the token's arithmetic. */
static void a_faulty_signature_gives_no_message(void **state)
{
	size_t tried = 0;
	bool left = false;

	(void)state;
	for (size_t i = 0; i < api_messages.count; i++) {
		if (api_messages.list[i].encrypted)
			continue;
		api_proxy->reset();
		api_proxy->lie("C_Sign", api_messages.list[i].holder == &api_ec ? 62 : 255, 1);
		assert_int_equal(make(&left, &api_messages.list[i]), HSMIME_ETOKEN);
		assert_false(left);
		assert_non_null(strstr(hsmime_ctx_error(api_messages.ctx),
		    "the token's signature does not verify with the certificate of"));
		assert_int_equal(make(&left, &api_messages.list[i]), 0);
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

	return cmocka_run_group_tests(tests, api_messages_setup, api_messages_teardown);
}
