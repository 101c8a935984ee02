/*
 * Allocations fail in turn, of OpenSSL and of libhsmime: no crash, and no success that isn't one.
 * Those that SoftHSM makes are left alone, as it does not look at what it gets; so are those of
 * OpenSSL's DER writer, which says nothing where it can't sort a SET (3.0). EC keys are left out:
 * OpenSSL 3.0 crashes by itself where EVP_KDF_CTX_new gets nothing.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <execinfo.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "api_messages.h"

#define TURNS_MAX 200000
#define FRAMES 64
#define ROOM 8192

/* The allocation that fails, counted down; 0: none. */
static long countdown;

static bool in_softhsm(void)
{
	void *frames[FRAMES];
	int n = backtrace(frames, FRAMES);
	Dl_info info;

	for (int i = 0; i < n; i++)
		if (dladdr(frames[i], &info) != 0 && strstr(info.dli_fname, "softhsm") != NULL)
			return true;
	return false;
}

static bool fails(void)
{
	return countdown > 0 && --countdown == 0 && !in_softhsm();
}

/* The linker has libhsmime call these instead of the functions of that name (--wrap). */
void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *old, size_t len);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *old, size_t len);
char *__wrap_strdup(const char *s);

void *__wrap_malloc(size_t len)
{
	return fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
	return fails() ? NULL : __real_calloc(count, len);
}

void *__wrap_realloc(void *old, size_t len)
{
	return fails() ? NULL : __real_realloc(old, len);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static bool is_der_writer(const char *file)
{
	return file != NULL && strstr(file, "tasn_enc.c") != NULL; /* 3.5 does not always say */
}

static void *take(size_t len, const char *file, int line)
{
	(void)line;
	return !is_der_writer(file) && fails() ? NULL : __real_malloc(len);
}

static void *take_again(void *old, size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	if (len == 0) {
		free(old);
		return NULL;
	}
	return fails() ? NULL : __real_realloc(old, len);
}

static void give_back(void *old, const char *file, int line)
{
	(void)file;
	(void)line;
	free(old);
}

/* One work, whose allocations fail in turn; status: what it comes to where none fails. */
struct work {
	const struct message *m;
	bool reading;
	bool rewrapping;  /* what comes out is read too */
	bool fresh;       /* each time on a context of its own, the opening of the token included */
	const char *deep; /* a mail with m inside, decrypted deep */
	const char *content; /* of that */
	int expected;
};

static int set_up(void **state)
{
	void *frame;

	(void)backtrace(&frame, 1); /* loads what it needs now */
	api_messages_setup(state);
	hsmime_ctx_free(api_messages.ctx); /* the opening of the token is tried too */
	api_messages.ctx = NULL;
	return 0;
}

static struct message *find(const char *name)
{
	for (size_t i = 0; i < api_messages.count; i++)
		if (strcmp(api_messages.list[i].name, name) == 0)
			return &api_messages.list[i];
	fail_msg("no message %s", name);
	return NULL;
}

/* Where the output goes, without an allocation of ours. */
static struct {
	char data[ROOM];
	size_t len;
} made;

static int put(void *arg, const void *buf, size_t len)
{
	(void)arg;
	if (len > ROOM - made.len)
		return HSMIME_EIO;
	memcpy(made.data + made.len, buf, len);
	made.len += len;
	return 0;
}

static int open_deep(hsmime_ctx *ctx, hsmime_output *out, const struct work *w)
{
	hsmime_decrypt_options options = HSMIME_DECRYPT_OPTIONS_INIT;
	hsmime_result *result = NULL;
	hsmime_memory memory = { .data = w->deep, .len = strlen(w->deep) };
	hsmime_source in;
	int status;

	hsmime_source_memory(&in, &memory);
	options.deep = 1;
	status = hsmime_decrypt(ctx, &result, out, &in, &options);
	hsmime_result_free(result);
	hsmime_output_free(out);
	return status;
}

static int work_on(hsmime_ctx *ctx, const struct work *w)
{
	hsmime_sink sink = { .write = put };
	hsmime_output *out = NULL;
	int status = hsmime_output_callback(&out, &sink);

	made.len = 0;
	if (status != 0) {
		assert_null(out);
		return status;
	}
	if (w->rewrapping)
		return message_rewrap(ctx, out, w->m);
	if (w->deep != NULL)
		return open_deep(ctx, out, w);
	return message_work(ctx, out, w->m, w->reading);
}

static int work_fresh(const struct work *w)
{
	hsmime_ctx *ctx = NULL;
	int status = api_ctx_try(&ctx);

	made.len = 0;
	if (status == 0)
		status = work_on(ctx, w);
	hsmime_ctx_free(ctx);
	return status;
}

/* What was made can be read, and what was read is the content. */
static bool is_right(hsmime_ctx *ctx, const struct work *w)
{
	const char *content = w->deep != NULL ? w->content : message_content(w->m);
	struct outcome o;
	bool right;

	if (w->reading)
		return made.len == strlen(content) && memcmp(made.data, content, made.len) == 0;
	api_read_text(&o, ctx, w->m, made.data, made.len);
	right = o.status == 0 && strcmp(o.output.data, content) == 0;
	outcome_clear(&o);
	return right;
}

static void check(hsmime_ctx *ctx, const struct work *w, int status, long turn)
{
	bool good = status == 0 ? w->expected == 0 && is_right(ctx, w)
				: hsmime_exit_status(status) > 0 &&
				      (made.len == 0 || !(w->reading || w->rewrapping));

	if (!good)
		fail_msg("%s, allocation %ld: status %d, %zu octets", w->m->name, turn, status,
		    made.len);
}

/* Of a program's many allocations most are alike; $TEST_EVERY leaves none out. */
static void in_turn(struct work w)
{
	static long first;
	long step = getenv("TEST_EVERY") != NULL ? 1 : 7;
	hsmime_ctx *ctx = api_ctx();
	bool through = false;
	long turn;

	assert_int_equal(work_on(ctx, &w), w.expected);
	for (turn = 1 + first++ % step; !through && turn < TURNS_MAX; turn += step) {
		int status;

		countdown = turn;
		status = w.fresh ? work_fresh(&w) : work_on(ctx, &w);
		through = countdown > 0;
		countdown = 0;
		ERR_clear_error();
		check(ctx, &w, status, turn);
	}
	assert_in_range(turn, 50, TURNS_MAX - 1);
	assert_int_equal(work_on(ctx, &w), w.expected);
	hsmime_ctx_free(ctx);
}

static void signing_survives(void **state)
{
	(void)state;
	in_turn((struct work){ .m = find("signed beside, DER") });
	in_turn((struct work){ .m = find("multipart/signed") });
}

static void encrypting_survives(void **state)
{
	(void)state;
	in_turn((struct work){ .m = find("GCM for RSA, PEM") });
	in_turn((struct work){ .m = find("mail, CBC for RSA") });
}

static void decrypting_survives(void **state)
{
	(void)state;
	in_turn((struct work){ .m = find("GCM for RSA, DER"), .reading = true });
	in_turn((struct work){ .m = find("mail, CBC for RSA"), .reading = true });
}

/* The only part: where it does not open that is the failure, and nothing is written. */
static void decrypting_deep_survives(void **state)
{
	static const char head[] = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
				   "Content-Type: message/rfc822\r\n\r\n";
	struct work w = { .m = find("mail, CBC for RSA"), .reading = true };
	hsmime_ctx *ctx = api_ctx();
	char *deep = NULL, *content;

	(void)state;
	assert_true(
	    asprintf(&deep, "%s%.*s\r\n--b--\r\n", head, (int)w.m->text.len, w.m->text.data) > 0);
	w.deep = deep;
	assert_int_equal(work_on(ctx, &w), 0);
	content = strndup(made.data, made.len);
	assert_non_null(content);
	assert_int_equal(strncmp(content, head, strlen(head)), 0);
	assert_non_null(strstr(content, api_content));
	assert_null(strstr(content, "pkcs7-mime"));
	w.content = content;
	hsmime_ctx_free(ctx);
	in_turn(w);
	free(content);
	free(deep);
}

static void verifying_survives(void **state)
{
	(void)state;
	in_turn((struct work){ .m = find("signed inside, PEM"), .reading = true });
	in_turn((struct work){ .m = find("multipart/signed"), .reading = true });
}

static void rewrapping_survives(void **state)
{
	(void)state;
	in_turn((struct work){ .m = find("GCM for RSA, DER"), .rewrapping = true });
	in_turn((struct work){ .m = find("GCM for RSA, PEM"), .rewrapping = true });
	in_turn((struct work){ .m = find("mail, CBC for RSA"), .rewrapping = true });
}

static void opening_the_token_survives(void **state)
{
	(void)state;
	in_turn((struct work){ .m = find("GCM for RSA, DER"), .reading = true, .fresh = true });
}

/* Where a check can't be made it does not pass. */
static void what_was_altered_is_never_taken_for_good(void **state)
{
	static const char *const names[] = { "signed inside, BER", "GCM for RSA, DER" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct message *m = find(names[i]);
		char *at = memmem(m->text.data, m->text.len, api_content, strlen(api_content));

		if (m->encrypted)
			at = m->text.data + m->text.len - 1;
		assert_non_null(at);
		*at ^= 1;
		in_turn((struct work){ .m = m, .reading = true, .expected = HSMIME_EINVALID });
		if (m->encrypted)
			in_turn((struct work){
			    .m = m, .rewrapping = true, .expected = HSMIME_EINVALID });
		*at ^= 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signing_survives),
		cmocka_unit_test(encrypting_survives),
		cmocka_unit_test(decrypting_survives),
		cmocka_unit_test(decrypting_deep_survives),
		cmocka_unit_test(verifying_survives),
		cmocka_unit_test(rewrapping_survives),
		cmocka_unit_test(opening_the_token_survives),
		cmocka_unit_test(what_was_altered_is_never_taken_for_good),
	};

	if (CRYPTO_set_mem_functions(take, take_again, give_back) != 1)
		return 1;
	return cmocka_run_group_tests(tests, set_up, api_messages_teardown);
}
