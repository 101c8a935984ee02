/* Each allocation of a check fails in turn: that is what comes back, and never a finding, nor a proof that is none. */
#include "failing_allocation.h"
#include "mailbox.h"

#include <stdio.h>

#include <hsmime/custody.h>

#define TURNS_MAX 2000
#define SHA "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" /* of "x" */

static void put_archive(const char *out, const char *first, const char *second)
{
	char text[2000];

	snprintf(text, sizeof(text),
	    "{\"manifest\":1,\"task\":\"decrypt\",\"in\":\"eml:in\",\"out\":\"%s\",\"messages\":3,"
	    "\"copied\":1,\"skipped\":0,\"failed\":1,\"started\":null,\"finished\":null}\n"
	    "{\"number\":1,\"outcome\":\"decrypted\",\"name\":\"a.eml\",\"input_sha256\":\"" SHA
	    "\",\"output_sha256\":\"" SHA "\",\"output\":\"%s\"}\n"
	    "{\"number\":2,\"outcome\":\"failed\",\"name\":\"b\",\"output_sha256\":\"" SHA
	    "\",\"output\":\"?\",\"output_hex\":\"622e656d6c\"}\n"
	    "{\"number\":3,\"outcome\":\"copied\",\"name\":\"c.eml\",\"output_sha256\":\"" SHA
	    "\",\"output\":\"%s\"}\n",
	    out, first, second);
	put_text("job/manifest.jsonl", text);
	put_text("in/a.eml", "x");
	put_text("out/a.eml", "x");
	put_text("out/c.eml", "x");
	put_text("box", "From a Thu Jan  1 00:00:00 1970\n"
			"x\n\nFrom a Thu Jan  1 00:00:00 1970\nx\n\n");
	put_text("job/failed/b.eml", "x");
	put_maildir("folder");
	put_text("folder/cur/1.a:2,RS", "x");
	put_text("folder/cur/2.a:2,xyz", "x");
}

static int check(hsmime_ctx *ctx)
{
	hsmime_check_options o = HSMIME_CHECK_OPTIONS_INIT;
	hsmime_check *found = NULL;
	int status;

	o.manifest = "job";
	o.no_seal = 1;
	o.sources = 1;
	status = hsmime_archive_check(&found, ctx, &o);
	if (status == 0)
		assert_true(found->outputs == 3 && found->sources == 1 && found->findings == 0);
	else if (found != NULL && found->findings > 0)
		print_error("%s\n", hsmime_ctx_error(ctx));
	hsmime_check_free(found);
	return status;
}

static void in_turn(const char *out, const char *first, const char *second)
{
	hsmime_ctx *ctx = NULL;
	unsigned turn;
	bool failed = true;

	put_archive(out, first, second);
	assert_int_equal(hsmime_ctx_new(&ctx), 0);
	assert_int_equal(check(ctx), 0);
	for (turn = 1; failed && turn < TURNS_MAX; turn++) {
		int status;

		allocation_fail(turn);
		status = check(ctx);
		allocation_fail(0);
		failed = allocation_failed();
		if (status != HSMIME_ENOMEM && !(status == 0 && !failed))
			fail_msg("turn %u: %d, %s", turn, status, hsmime_ctx_error(ctx));
	}
	assert_true(turn > 20 && turn < TURNS_MAX);
	hsmime_ctx_free(ctx);
}

static void a_tree_is_checked_or_memory_is_short(void **state)
{
	(void)state;
	in_turn("eml:out", "a.eml", "c.eml");
}

static void an_mbox_is_checked_or_memory_is_short(void **state)
{
	(void)state;
	in_turn("mbox:box", "0", "35");
}

/* Of which one is found only by a listing. */
static void a_maildir_is_checked_or_memory_is_short(void **state)
{
	(void)state;
	in_turn("maildir:folder", "new/1.a", "cur/2.a:2,");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_tree_is_checked_or_memory_is_short, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_maildir_is_checked_or_memory_is_short, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    an_mbox_is_checked_or_memory_is_short, scratch_enter, scratch_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
