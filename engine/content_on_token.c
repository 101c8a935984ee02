#include "engine/content_key_on_token.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "engine/cryptoki.h"
#include "engine/key.h"
#include "engine/mechanism.h"
#include "engine/module.h"
#include "engine/recovery.h"
#include "engine/slot.h"
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

/* Content has passed already, or may have: nothing is done a second time. */
static int failed(struct token_content_key *c, CK_RV rv, struct error *err)
{
	c->active = false;
	if (recovery_of(rv) == RECOVERY_SESSION || recovery_of(rv) == RECOVERY_LOGIN)
		session_lost(token_of(c), c->session.generation);
	return recovery_error(err, rv, token_of(c)->label, "decrypt");
}

/* Sessions that were lost took operation and keys along. */
static bool session_holds(const struct token_content_key *c)
{
	return module_live(token_of(c)->module) &&
	       session_generation(token_of(c)) == c->session.generation;
}

static void stop(struct token_content_key *c)
{
	unsigned char last[2 * BLOCK_MAX];
	CK_ULONG len = sizeof(last);

	if (c->active && session_holds(c))
		cryptoki_decrypt_final(token_of(c)->module, c->session.handle, last, &len);
	OPENSSL_cleanse(last, sizeof(last));
	c->active = false;
}

static int init(struct token_content_key *c, const struct token_content_end *end, struct error *err)
{
	struct mechanism_cipher cipher = { .iv = c->params.iv,
		.iv_len = c->params.iv_len,
		.aad = end->aad,
		.aad_len = end->aad_len,
		.tag_len = c->params.tag_len };
	struct mechanism m;
	CK_RV rv;

	if (!session_holds(c))
		return failed(c, CKR_SESSION_HANDLE_INVALID, err);
	mechanism_content(&m, c->content, &cipher);
	rv = cryptoki_decrypt_init(token_of(c)->module, c->session.handle, &m.ck, c->chosen);
	c->active = rv == CKR_OK;
	return rv == CKR_OK ? 0 : failed(c, rv, err);
}

static const struct token_content_end nothing = { NULL, NULL, 0 };

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

	stop(c);
	c->params = *params;
	c->plain = *plain;
	c->len = 0;
	c->sent = c->given = 0;
	c->segment = 0;
	/* GCM's Init takes the attributes, which come behind the content. */
	return r == 0 && c->content != TOKEN_CONTENT_AES_GCM ? init(c, &nothing, err) : r;
}

static int give(struct token_content_key *c, CK_ULONG len)
{
	c->given += len;
	return sink_write(&c->plain, c->output, len);
}

/* The operation is over: it has given as much as it was given. */
static int end_segment(struct token_content_key *c, struct error *err)
{
	CK_ULONG len = OUTPUT;
	CK_RV rv = cryptoki_decrypt_final(token_of(c)->module, c->session.handle, c->output, &len);

	c->active = false;
	if (rv == CKR_OK && (len > OUTPUT || c->given + len != c->sent))
		rv = CKR_ENCRYPTED_DATA_LEN_RANGE;
	return rv == CKR_OK ? give(c, len) : failed(c, rv, err);
}

/* In CBC the last encrypted block is the IV of what follows (SP 800-38A section 6.2). */
static int next_segment(struct token_content_key *c, struct error *err)
{
	int r = end_segment(c, err);

	c->segment = 0;
	c->params.iv = c->chain;
	return r == 0 ? init(c, &nothing, err) : r;
}

/* What CBC gives does not depend on whether the key is the right one. */
static int send_piece(struct token_content_key *c, struct error *err)
{
	int r = c->segment >= SEGMENT ? next_segment(c, err) : 0;
	CK_ULONG len = OUTPUT;
	CK_RV rv;

	if (r != 0)
		return r;
	rv = cryptoki_decrypt_update(
	    token_of(c)->module, c->session.handle, c->stage, c->len, c->output, &len);
	if (rv == CKR_OK && len > OUTPUT)
		rv = CKR_BUFFER_TOO_SMALL;
	if (rv != CKR_OK)
		return failed(c, rv, err);
	if (c->len >= c->params.iv_len)
		memcpy(c->chain, c->stage + c->len - c->params.iv_len, c->params.iv_len);
	c->sent += c->len;
	c->segment += c->len;
	c->len = 0;
	return give(c, len);
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

/* A verdict on tag and content is nobody's failure, and says no word (DESIGN: closed list of codes). */
static int judge(
    struct token_content_key *c, CK_RV rv, CK_ULONG len, size_t room, struct error *err)
{
	c->active = false;
	if (recovery_decrypt_failed(rv))
		return failed(c, rv, err);
	if (rv != CKR_OK)
		return HSMIME_EINVALID;
	return len == c->len && len <= room ? 0 : failed(c, CKR_BUFFER_TOO_SMALL, err);
}

static int finish_gcm(
    struct token_content_key *c, const struct token_content_end *end, struct error *err)
{
	size_t room = c->len + TAG_MAX + BLOCK_MAX;
	unsigned char *plain = block_new(room);
	CK_ULONG len = room;
	CK_RV rv;
	int r = plain != NULL ? grow(c, c->len + TAG_MAX, err) : error_nomem(err);

	if (r == 0)
		r = init(c, end, err);
	if (r == 0) {
		memcpy(c->data + c->len, end->tag, c->params.tag_len);
		rv = cryptoki_decrypt(token_of(c)->module, c->session.handle, c->data,
		    c->len + c->params.tag_len, plain, &len);
		r = judge(c, rv, len, room, err);
	}
	if (r == 0)
		r = sink_write(&c->plain, plain, len);
	if (plain != NULL)
		OPENSSL_cleanse(plain, room);
	free(plain);
	return r;
}

int token_content_finish(
    struct token_content_key *c, const struct token_content_end *end, struct error *err)
{
	return c->content == TOKEN_CONTENT_AES_GCM ? finish_gcm(c, end, err) : finish_cbc(c, err);
}

static void let_go(struct token_content_key *c)
{
	stop(c);
	if (session_holds(c)) {
		cryptoki_destroy(token_of(c)->module, c->session.handle, c->substitute);
		cryptoki_destroy(token_of(c)->module, c->session.handle, c->unwrapped);
	}
	if (module_live(token_of(c)->module))
		session_give(&c->session, token_of(c));
}

void token_content_free(struct token_content_key *c)
{
	if (c == NULL)
		return;
	if (c->session.handle != 0)
		let_go(c);
	if (c->output != NULL)
		OPENSSL_cleanse(c->output, OUTPUT);
	free(c->stage);
	free(c->output);
	free(c->data);
	token_key_free(c->key);
	free(c);
}
