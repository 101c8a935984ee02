/*
 * content_calls: the calls by which a token decrypts content with a key that stays on it. Each is
 * made within the limit for calls (engine/zone.h), in the key's own session and with its own memory.
 */
#ifndef ENGINE_CONTENT_CALLS_H
#define ENGINE_CONTENT_CALLS_H

#include "engine/content_key_on_token.h"

enum content_call {
	CONTENT_INIT,   /* c->iv, c->aad and c->chosen */
	CONTENT_UPDATE, /* c->stage, c->len octets */
	CONTENT_FINAL,
	CONTENT_ALL,   /* c->data, c->len octets and the tag: a verdict on them is no failure */
	CONTENT_STOP,  /* an operation of which nothing more is wanted */
	CONTENT_LET_GO /* both keys and the session: the last call */
};

/*
 * content_call(c, call, err):
 * 0, and c->rv is the token's answer; what it gives is at c->output, for which c->output_len is the
 * room before and the length afterwards. In a session that the token has lost meanwhile, whose
 * handles may be others' by now, nothing is called: CKR_SESSION_HANDLE_INVALID. Otherwise the call was
 * not made or given up: HSMIME_ETOKEN.
 */
int content_call(struct token_content_key *c, enum content_call call, struct error *err);

/*
 * content_call_free(c, err): 0 where c's memory is its owner's; HSMIME_ETOKEN where a call that was
 * given up may still be at it.
 */
int content_call_free(const struct token_content_key *c, struct error *err);

#endif
