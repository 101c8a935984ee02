/* include/hsmime/context.h: the host program's OpenSSL stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <hsmime/hsmime.h>

static char conf[64];

static int set_up(void **state)
{
	FILE *f;

	(void)state;
	snprintf(conf, sizeof(conf), "/tmp/hsmime-conf-XXXXXX");
	f = fdopen(mkstemp(conf), "w");
	assert_non_null(f);
	fputs("openssl_conf = s\n[s]\nproviders = p\n[p]\nlegacy = on\ndefault = on\n"
	      "[on]\nactivate = 1\n",
	    f);
	assert_int_equal(fclose(f), 0);
	setenv("OPENSSL_CONF", conf, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(conf);
}

/* Whether legacy is there before and after a context, in a process in which OpenSSL is new. */
static void legacy_is_available(bool look_before)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		hsmime_ctx *ctx = NULL;
		int bad = look_before && OSSL_PROVIDER_available(NULL, "legacy") != 1;

		bad |= hsmime_ctx_new(&ctx) != 0 ? 2 : 0;
		bad |= OSSL_PROVIDER_available(NULL, "legacy") != 1 ? 4 : 0;
		hsmime_ctx_free(ctx);
		_exit(bad);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* First in this program: it asks OpenSSL for nothing before. */
static void the_program_s_openssl_cnf_holds_as_without_hsmime(void **state)
{
	(void)state;
	legacy_is_available(true);
	legacy_is_available(false);
}

static int fail_with_openssl(hsmime_ctx *ctx)
{
	static const char noise[] = "\x30\x80 no CMS at all";
	hsmime_verify_options options = HSMIME_VERIFY_OPTIONS_INIT;
	hsmime_result *result = NULL;
	hsmime_memory memory = { .data = (const unsigned char *)noise, .len = sizeof(noise) };
	hsmime_source in;
	int status;

	hsmime_source_memory(&in, &memory);
	options.form = HSMIME_CMS;
	status = hsmime_verify(ctx, &result, NULL, &in, &options);
	hsmime_result_free(result);
	return status;
}

static void every_call_fails(hsmime_ctx *ctx)
{
	hsmime_certs *certs = NULL;
	hsmime_token *tokens = NULL;
	hsmime_key *keys = NULL;
	size_t count;

	assert_int_equal(hsmime_certs_new(&certs), 0);
	assert_int_equal(hsmime_certs_load(certs, ctx, "/no/such/file"), HSMIME_EIO);
	assert_int_equal(hsmime_certs_load(certs, ctx, conf), HSMIME_EFORMAT);
	hsmime_certs_free(certs);
	assert_true(fail_with_openssl(ctx) < 0);
	assert_int_equal(hsmime_tokens(&tokens, &count, ctx), HSMIME_ETOKEN);
	assert_int_equal(hsmime_keys(&keys, &count, ctx, NULL, 0), HSMIME_ETOKEN);
}

static void the_program_s_openssl_errors_stay_and_none_of_ours_is_added(void **state)
{
	hsmime_ctx *ctx;

	(void)state;
	assert_int_equal(hsmime_ctx_new(&ctx), 0);
	assert_int_equal(hsmime_ctx_set_module(ctx, "/no/such/module.so"), 0);
	ERR_clear_error();
	every_call_fails(ctx);
	assert_int_equal(ERR_peek_error(), 0);
	ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
	ERR_raise(ERR_LIB_EVP, EVP_R_INVALID_KEY_LENGTH);
	every_call_fails(ctx);
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), EVP_R_BAD_DECRYPT);
	assert_int_equal(ERR_GET_REASON(ERR_peek_error()), EVP_R_INVALID_KEY_LENGTH);
	/* No mark is left behind either. */
	assert_int_equal(ERR_pop_to_mark(), 0);
	hsmime_ctx_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_s_openssl_cnf_holds_as_without_hsmime),
		cmocka_unit_test(the_program_s_openssl_errors_stay_and_none_of_ours_is_added),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
