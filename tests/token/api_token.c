#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "api_token.h"

struct softtoken api_token;
struct holder api_rsa = { .uri = "pkcs11:id=%01" };
struct holder api_ec = { .uri = "pkcs11:id=%02" };
const struct proxy *api_proxy;

void api_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", api_token.folder, name);
}

static void certify(struct holder *h, unsigned char id, const char *name, const char *email)
{
	struct softtoken_cert c = { name, email,
		"critical,digitalSignature,keyEncipherment,keyAgreement", -86400, 864000 };

	h->cert = softtoken_issue(&api_token, h->key, &c);
	softtoken_store(&api_token, h->cert, id, name, true, false);
}

static void write_pin(void)
{
	char path[512];
	FILE *f;

	api_path(path, sizeof(path), "pin");
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(SOFTTOKEN_PIN, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static int set_up(unsigned rsa_flags)
{
	softtoken_begin(&api_token);
	softtoken_add(&api_token, "Api");
	api_rsa.key = softtoken_rsa(&api_token, 1, "rsa", 2048, KEY_SIGN | rsa_flags);
	api_ec.key = softtoken_ec(&api_token, 2, "ec", "P-256", KEY_SIGN | KEY_DERIVE);
	certify(&api_rsa, 1, "Rita", "rita@example.com");
	certify(&api_ec, 2, "Emil", "emil@example.com");
	softtoken_seal(&api_token);
	api_proxy = softtoken_proxy();
	write_pin();
	return 0;
}

int api_setup(void **state)
{
	(void)state;
	return set_up(KEY_DECRYPT);
}

int api_setup_unwrap(void **state)
{
	(void)state;
	return set_up(KEY_UNWRAP);
}

static void holder_free(struct holder *h)
{
	EVP_PKEY_free(h->key);
	X509_free(h->cert);
}

int api_teardown(void **state)
{
	(void)state;
	holder_free(&api_rsa);
	holder_free(&api_ec);
	softtoken_end(&api_token);
	return 0;
}

int api_ctx_try(hsmime_ctx **ctx)
{
	char pin[512], folder[512];
	int status = hsmime_ctx_new(ctx);

	snprintf(pin, sizeof(pin), "file:%s/pin", api_token.folder);
	api_path(folder, sizeof(folder), "state");
	if (status == 0)
		status = hsmime_ctx_set_module(*ctx, PROXY_MODULE);
	if (status == 0)
		status = hsmime_ctx_set_pin_source(*ctx, pin);
	if (status == 0)
		status = hsmime_ctx_set_state_dir(*ctx, folder);
	return status;
}

hsmime_ctx *api_ctx(void)
{
	hsmime_ctx *ctx;

	assert_int_equal(api_ctx_try(&ctx), 0);
	return ctx;
}

static const char *const functions[API_CALLS] = { "C_Initialize", "C_Finalize", "C_GetInfo",
	"C_GetSlotList", "C_GetSlotInfo", "C_GetTokenInfo", "C_GetMechanismList",
	"C_GetMechanismInfo", "C_OpenSession", "C_CloseSession", "C_CloseAllSessions",
	"C_GetSessionInfo", "C_Login", "C_Logout", "C_CopyObject", "C_CreateObject",
	"C_DestroyObject", "C_GetAttributeValue", "C_FindObjectsInit", "C_FindObjects",
	"C_FindObjectsFinal", "C_DecryptInit", "C_Decrypt", "C_DecryptUpdate", "C_DecryptFinal",
	"C_SignInit", "C_Sign", "C_DeriveKey", "C_UnwrapKey" };

static void calls_now(struct calls *c)
{
	for (size_t i = 0; i < API_CALLS; i++)
		c->of[i] = api_proxy->count(functions[i]);
}

static void calls_since(struct calls *c)
{
	struct calls before = *c;

	calls_now(c);
	for (size_t i = 0; i < API_CALLS; i++)
		c->of[i] -= before.of[i];
}

unsigned long calls_of(const struct outcome *o, const char *function)
{
	for (size_t i = 0; i < API_CALLS; i++)
		if (strcmp(functions[i], function) == 0)
			return o->calls.of[i];
	fail_msg("%s is not counted", function);
	return 0;
}

void outcome_clear(struct outcome *o)
{
	text_free(&o->words);
	text_free(&o->output);
	hsmime_result_free(o->result);
	memset(o, 0, sizeof(*o));
}

void assert_same_outcome(const struct outcome *a, const struct outcome *b, const char *what)
{
	if (a->status != b->status || strcmp(a->words.data, b->words.data) != 0)
		fail_msg("%s: %d \"%s\" and %d \"%s\"", what, a->status, a->words.data, b->status,
		    b->words.data);
	for (size_t i = 0; i < API_CALLS; i++)
		if (a->calls.of[i] != b->calls.of[i])
			fail_msg("%s: %s called %lu and %lu times", what, functions[i],
			    a->calls.of[i], b->calls.of[i]);
}

static void remember(void *arg, int level, const char *message)
{
	text_print(arg, "%d %s\n", level, message);
}

/* One operation from the opening of its context, where that is its own, to the end. */
struct run {
	struct outcome *o;
	hsmime_ctx *ctx;
	hsmime_ctx *own;
	hsmime_output *out;
};

static void run_begin(struct run *r, struct outcome *o, hsmime_ctx *ctx)
{
	memset(o, 0, sizeof(*o));
	calls_now(&o->calls);
	r->o = o;
	r->own = ctx == NULL ? api_ctx() : NULL;
	r->ctx = ctx == NULL ? r->own : ctx;
	r->out = text_output(&o->output);
	hsmime_ctx_set_log(r->ctx, remember, &o->words);
}

static void run_end(struct run *r)
{
	hsmime_output_free(r->out);
	text_print(&r->o->words, "%s\n%s", hsmime_ctx_error(r->ctx), hsmime_ctx_hint(r->ctx));
	hsmime_ctx_set_log(r->ctx, NULL, NULL);
	hsmime_ctx_free(r->own);
	calls_since(&r->o->calls);
	if (r->o->status != 0) {
		assert_true(hsmime_exit_status(r->o->status) > 0);
		if (r->o->output.len != 0)
			fail_msg(
			    "status %d and %zu octets of output", r->o->status, r->o->output.len);
	}
}

void api_run(struct outcome *o, hsmime_ctx *ctx, api_work work, void *arg)
{
	struct run r;

	run_begin(&r, o, ctx);
	o->status = work(r.ctx, &o->result, r.out, arg);
	run_end(&r);
}

static int open_octets(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out, void *arg)
{
	hsmime_decrypt_options options = HSMIME_DECRYPT_OPTIONS_INIT;

	options.form = HSMIME_CMS;
	return hsmime_decrypt(ctx, result, out, arg, &options);
}

void api_open(struct outcome *o, hsmime_ctx *ctx, const void *message, size_t len)
{
	hsmime_memory memory;
	hsmime_source in;

	memory_source(&in, &memory, message, len);
	api_run(o, ctx, open_octets, &in);
}
