#include "engine/content_calls.h"

#include <openssl/crypto.h>

#include "engine/cryptoki.h"
#include "engine/engine_internal.h"
#include "engine/key.h"
#include "engine/module.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/watch.h"

#define REST_MAX 64 /* octets that an operation may hold back */

static struct token *token_of(const struct token_content_key *c)
{
	return c->key->token;
}

/* Sessions that were lost took operation and keys along. */
static bool session_holds(const struct token_content_key *c)
{
	return module_live(token_of(c)->module) &&
	       session_generation(token_of(c)) == c->session.generation;
}

static CK_RV call_init(struct token_content_key *c)
{
	struct mechanism_cipher cipher = { .iv = c->iv,
		.iv_len = c->iv_len,
		.aad = c->aad,
		.aad_len = c->aad_len,
		.tag_len = c->tag_len };
	CK_RV rv;

	mechanism_content(&c->mechanism, c->content, &cipher);
	rv = cryptoki_decrypt_init(
	    token_of(c)->module, c->session.handle, &c->mechanism.ck, c->chosen);
	c->active = rv == CKR_OK;
	return rv;
}

static CK_RV call_update(struct token_content_key *c)
{
	CK_RV rv = cryptoki_decrypt_update(
	    token_of(c)->module, c->session.handle, c->stage, c->len, c->output, &c->output_len);

	c->active = rv == CKR_OK;
	return rv;
}

static CK_RV call_final(struct token_content_key *c)
{
	c->active = false;
	return cryptoki_decrypt_final(
	    token_of(c)->module, c->session.handle, c->output, &c->output_len);
}

static CK_RV call_all(struct token_content_key *c)
{
	c->active = false;
	return cryptoki_decrypt(token_of(c)->module, c->session.handle, c->data,
	    c->len + c->tag_len, c->output, &c->output_len);
}

static CK_RV call_stop(struct token_content_key *c)
{
	unsigned char rest[REST_MAX];
	CK_ULONG len = sizeof(rest);
	CK_RV rv;

	if (!c->active)
		return CKR_OK;
	c->active = false;
	rv = cryptoki_decrypt_final(token_of(c)->module, c->session.handle, rest, &len);
	OPENSSL_cleanse(rest, sizeof(rest));
	return rv;
}

/* Where a token leaves failed operations active its sessions are dropped after good ones too. */
static bool is_dirty(const struct token_content_key *c)
{
	return c->failed || atomic_load(&token_of(c)->memory.keeps_failed);
}

static CK_RV call_let_go(struct token_content_key *c)
{
	struct module *m = token_of(c)->module;

	if (session_holds(c)) {
		c->failed |= call_stop(c) != CKR_OK;
		cryptoki_destroy(m, c->session.handle, c->substitute);
		cryptoki_destroy(m, c->session.handle, c->unwrapped);
	}
	if (!module_live(m))
		return CKR_OK;
	if (is_dirty(c))
		session_drop(&c->session, token_of(c));
	else
		session_give(&c->session, token_of(c));
	return CKR_OK;
}

static const struct {
	CK_RV (*function)(struct token_content_key *c);
	bool without_session; /* of use where the session is lost, too */
	bool judges;          /* its answer may be one to what the content is */
} calls[] = {
	[CONTENT_INIT] = { call_init, false, false },
	[CONTENT_UPDATE] = { call_update, false, false },
	[CONTENT_FINAL] = { call_final, false, false },
	[CONTENT_ALL] = { call_all, false, true },
	[CONTENT_STOP] = { call_stop, false, false },
	[CONTENT_LET_GO] = { call_let_go, true, false },
};

/* Whether the session may be left as it should not be. A verdict gets the same clean-up as a success. */
static bool is_failure(const struct token_content_key *c)
{
	return calls[c->call].judges ? recovery_decrypt_failed(c->rv) : c->rv != CKR_OK;
}

static int in_zone(void *arg)
{
	struct token_content_key *c = arg;
	struct token *before = watch_token(token_of(c));

	c->rv = CKR_SESSION_HANDLE_INVALID;
	if (calls[c->call].without_session || session_holds(c))
		c->rv = calls[c->call].function(c);
	c->failed |= is_failure(c);
	if (c->rv == CKR_OPERATION_ACTIVE)
		atomic_store(&token_of(c)->memory.keeps_failed, true);
	if (recovery_of(c->rv) == RECOVERY_SESSION || recovery_of(c->rv) == RECOVERY_LOGIN)
		session_lost(token_of(c), c->session.generation);
	watch_token(before);
	c->inside = false;
	return 0;
}

int content_call(struct token_content_key *c, enum content_call call, struct error *err)
{
	struct error own = { 0 };
	int r = content_call_free(c, &own);

	if (r == 0 && atomic_load(&token_of(c)->stuck) > 0)
		r = watch_stuck(&own, token_of(c));
	if (r == 0) {
		c->call = call;
		c->inside = true;
		r = engine_run(c->key->engine, in_zone, c, &own);
	}
	if (r != 0 && err != NULL)
		*err = own;
	return r;
}

int content_call_free(const struct token_content_key *c, struct error *err)
{
	return c->inside ? watch_stuck(err, token_of(c)) : 0;
}
