#include "engine/content_key_on_token.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "engine/cryptoki.h"
#include "engine/engine_internal.h"
#include "engine/key.h"
#include "engine/module.h"
#include "engine/recovery.h"
#include "engine/slot.h"
#include "engine/watch.h"
#include "util/block.h"
#include "util/sink.h"

/* What one call is given: more than some tokens take would cost an error, less many calls. */
#define PIECE ((size_t)32 * 1024)
/* After so much of CBC one operation ends and the next begins: SoftHSM keeps what it was given until then. */
#define SEGMENT ((size_t)1024 * 1024)
#define BLOCK_MAX 16
#define TAG_MAX 16
#define OUTPUT (PIECE + 2 * BLOCK_MAX) /* a token may hold a block back */
#define ROOM_FIRST ((size_t)256 * 1024)

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

static int in_zone(void *arg)
{
	struct token_content_key *c = arg;
	struct token *before = watch_token(token_of(c));

	c->rv = c->call(c);
	if (recovery_of(c->rv) == RECOVERY_SESSION || recovery_of(c->rv) == RECOVERY_LOGIN)
		session_lost(token_of(c), c->session.generation);
	watch_token(before);
	c->inside = false;
	return 0;
}

/* Make a call: c->rv is its answer, unless it is given up (engine/zone.h), which is a status. */
static int make(
    struct token_content_key *c, CK_RV (*call)(struct token_content_key *c), struct error *err)
{
	struct error own = { 0 };
	int r = 0;

	if (c->inside || atomic_load(&token_of(c)->stuck) > 0) {
		r = watch_stuck(&own, token_of(c));
	} else {
		c->call = call;
		c->inside = true;
		r = engine_run(c->key->engine, in_zone, c, &own);
	}
	if (r != 0 && err != NULL)
		*err = own;
	return r;
}

/* Content has passed already, or may have: nothing is done a second time. */
static int failed(const struct token_content_key *c, struct error *err)
{
	return recovery_error(err, c->rv, token_of(c)->label, "decrypt");
}

static CK_RV call_init(struct token_content_key *c)
{
	struct mechanism_cipher cipher = { .iv = c->iv,
		.iv_len = c->iv_len,
		.aad = c->aad,
		.aad_len = c->aad_len,
		.tag_len = c->tag_len };
	CK_RV rv;

	if (!session_holds(c))
		return CKR_SESSION_HANDLE_INVALID;
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

/* An operation that was begun, and of which nothing more is wanted. */
static CK_RV call_stop(struct token_content_key *c)
{
	return c->active && session_holds(c) ? call_final(c) : CKR_OK;
}

static CK_RV call_let_go(struct token_content_key *c)
{
	if (c->output != NULL)
		call_stop(c);
	if (session_holds(c)) {
		cryptoki_destroy(token_of(c)->module, c->session.handle, c->substitute);
		cryptoki_destroy(token_of(c)->module, c->session.handle, c->unwrapped);
	}
	if (module_live(token_of(c)->module))
		session_give(&c->session, token_of(c));
	return CKR_OK;
}

static int init(struct token_content_key *c, struct error *err)
{
	int r = make(c, call_init, err);

	return r == 0 && c->rv != CKR_OK ? failed(c, err) : r;
}

static int make_room(struct token_content_key *c, struct error *err)
{
	if (c->content == TOKEN_CONTENT_AES_GCM || c->stage != NULL)
		return 0;
	c->stage = block_new(PIECE);
	c->output = block_new(OUTPUT);
	return c->stage != NULL && c->output != NULL ? 0 : error_nomem(err);
}

int token_content_begin(struct token_content_key *c, const struct token_content_params *params,
    const hsmime_sink *plain, struct error *err)
{
	int r = make_room(c, err);

	if (r == 0 && (params->iv_len > sizeof(c->iv) || params->tag_len > TAG_MAX))
		r = error_set(err, HSMIME_EUSAGE, "an IV or tag of unknown length");
	if (r == 0 && c->active) {
		c->output_len = OUTPUT;
		r = make(c, call_stop, err);
	}
	if (r != 0)
		return r;
	memcpy(c->iv, params->iv, params->iv_len);
	c->iv_len = params->iv_len;
	c->tag_len = params->tag_len;
	c->plain = *plain;
	c->len = c->segment = 0;
	c->sent = c->given = 0;
	/* GCM's Init takes the attributes, which come behind the content. */
	return c->content != TOKEN_CONTENT_AES_GCM ? init(c, err) : 0;
}

/* What a call gave, of CBC. */
static int give(struct token_content_key *c, struct error *err)
{
	if (c->rv == CKR_OK && c->output_len > OUTPUT)
		c->rv = CKR_BUFFER_TOO_SMALL;
	if (c->rv != CKR_OK)
		return failed(c, err);
	c->given += c->output_len;
	return sink_write(&c->plain, c->output, c->output_len);
}

/* The operation is over: it has given as much as it was given. */
static int end_segment(struct token_content_key *c, struct error *err)
{
	int r;

	c->output_len = OUTPUT;
	r = make(c, call_final, err);
	if (r != 0)
		return r;
	if (c->rv == CKR_OK && c->given + c->output_len != c->sent)
		c->rv = CKR_ENCRYPTED_DATA_LEN_RANGE;
	return give(c, err);
}

static int next_segment(struct token_content_key *c, struct error *err)
{
	int r = end_segment(c, err);

	c->segment = 0;
	return r == 0 ? init(c, err) : r;
}

/* In CBC the last encrypted block is the IV of what follows (SP 800-38A section 6.2). */
static void note_sent(struct token_content_key *c)
{
	if (c->len >= c->iv_len)
		memcpy(c->iv, c->stage + c->len - c->iv_len, c->iv_len);
	c->sent += c->len;
	c->segment += c->len;
	c->len = 0;
}

/* What CBC gives does not depend on whether the key is the right one. */
static int send_piece(struct token_content_key *c, struct error *err)
{
	int r = c->segment >= SEGMENT ? next_segment(c, err) : 0;

	if (r != 0)
		return r;
	c->output_len = OUTPUT;
	r = make(c, call_update, err);
	if (r != 0)
		return r;
	note_sent(c);
	return give(c, err);
}

static int update_cbc(
    struct token_content_key *c, const unsigned char *data, size_t len, struct error *err)
{
	int r = 0;

	while (r == 0 && len > 0) {
		size_t piece = len < PIECE - c->len ? len : PIECE - c->len;

		memcpy(c->stage + c->len, data, piece);
		c->len += piece;
		data += piece;
		len -= piece;
		if (c->len == PIECE)
			r = send_piece(c, err);
	}
	return r;
}

static int too_long(struct error *err)
{
	error_set(err, HSMIME_EUNSUPPORTED,
	    "the key unwraps only and the content key stays on the token, which decrypts at most "
	    "%zu MiB of AES-GCM content",
	    TOKEN_CONTENT_GCM_MAX / 1024 / 1024);
	return error_hint(err,
	    "decrypt with a key that may decrypt (CKA_DECRYPT), or ask the sender "
	    "for less content or for AES-CBC");
}

static int grow(struct token_content_key *c, size_t need, struct error *err)
{
	size_t room = c->room != 0 ? c->room : ROOM_FIRST;
	unsigned char *larger;

	while (room < need)
		room *= 2;
	if (room == c->room)
		return 0;
	larger = realloc(c->data, room);
	if (larger == NULL)
		return error_nomem(err);
	c->data = larger;
	c->room = room;
	return 0;
}

static int update_gcm(
    struct token_content_key *c, const unsigned char *data, size_t len, struct error *err)
{
	int r;

	if (len > TOKEN_CONTENT_GCM_MAX - c->len)
		return too_long(err);
	r = grow(c, c->len + len + TAG_MAX, err);
	if (r != 0)
		return r;
	if (len > 0)
		memcpy(c->data + c->len, data, len);
	c->len += len;
	return 0;
}

int token_content_update(
    struct token_content_key *c, const unsigned char *data, size_t len, struct error *err)
{
	return c->content == TOKEN_CONTENT_AES_GCM ? update_gcm(c, data, len, err)
						   : update_cbc(c, data, len, err);
}

static int finish_cbc(struct token_content_key *c, struct error *err)
{
	int r = c->len > 0 ? send_piece(c, err) : 0;

	return r == 0 ? end_segment(c, err) : r;
}

static void drop_output(struct token_content_key *c, size_t room)
{
	if (c->output != NULL)
		OPENSSL_cleanse(c->output, room);
	free(c->output);
	c->output = NULL;
	free(c->aad);
	c->aad = NULL;
	c->aad_len = 0;
}

static int prepare_gcm(struct token_content_key *c, const struct token_content_end *end,
    size_t room, struct error *err)
{
	int r = grow(c, c->len + TAG_MAX, err);

	if (r != 0)
		return r;
	memcpy(c->data + c->len, end->tag, c->tag_len);
	c->output = block_new(room);
	c->aad = end->aad_len > 0 ? malloc(end->aad_len) : NULL;
	if (c->output == NULL || (end->aad_len > 0 && c->aad == NULL))
		return error_nomem(err);
	if (end->aad_len > 0)
		memcpy(c->aad, end->aad, end->aad_len);
	c->aad_len = end->aad_len;
	return init(c, err);
}

/* A verdict on tag and content is nobody's failure, and says no word (DESIGN: closed list of codes). */
static int judge(struct token_content_key *c, size_t room, struct error *err)
{
	if (recovery_decrypt_failed(c->rv))
		return failed(c, err);
	if (c->rv != CKR_OK)
		return HSMIME_EINVALID;
	if (c->output_len == c->len && c->len <= room)
		return 0;
	c->rv = CKR_BUFFER_TOO_SMALL;
	return failed(c, err);
}

static int finish_gcm(
    struct token_content_key *c, const struct token_content_end *end, struct error *err)
{
	size_t room = c->len + TAG_MAX + BLOCK_MAX;
	int r = prepare_gcm(c, end, room, err);

	c->output_len = room;
	if (r == 0)
		r = make(c, call_all, err);
	if (r == 0)
		r = judge(c, room, err);
	if (r == 0)
		r = sink_write(&c->plain, c->output, c->output_len);
	if (!c->inside)
		drop_output(c, room);
	return r;
}

int token_content_finish(
    struct token_content_key *c, const struct token_content_end *end, struct error *err)
{
	return c->content == TOKEN_CONTENT_AES_GCM ? finish_gcm(c, end, err) : finish_cbc(c, err);
}

/* A call that was given up may still be at its memory, which is then never freed. */
void token_content_free(struct token_content_key *c)
{
	if (c == NULL)
		return;
	c->output_len = OUTPUT;
	if (c->session.handle != 0 && (c->inside || make(c, call_let_go, NULL) != 0))
		return;
	if (c->output != NULL)
		drop_output(c, OUTPUT);
	free(c->stage);
	free(c->data);
	token_key_free(c->key);
	free(c);
}
