#include "engine/content_key_on_token.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "engine/content_calls.h"
#include "engine/health.h"
#include "engine/key.h"
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

/* Content has passed already, or may have: nothing is done a second time. */
static int failed(const struct token_content_key *c, struct error *err)
{
	return recovery_error(err, c->rv, c->key->token->label, "decrypt");
}

static int init(struct token_content_key *c, struct error *err)
{
	int r = content_call(c, CONTENT_INIT, err);

	return r == 0 && c->rv != CKR_OK ? failed(c, err) : r;
}

static int make_room(struct token_content_key *c, struct error *err)
{
	unsigned char *stage, *output;

	if (c->content == TOKEN_CONTENT_AES_GCM || c->stage != NULL)
		return 0;
	stage = block_new(PIECE);
	output = block_new(OUTPUT);
	if (stage == NULL || output == NULL) {
		free(stage);
		free(output);
		return error_nomem(err);
	}
	c->stage = stage;
	c->output = output;
	return 0;
}

/* What has begun on one token ends there, and the next message goes to another one. */
static int judged(const struct token_content_key *c, int r, const struct error *err)
{
	if (r == HSMIME_ETOKEN && c->one_of_several && err != NULL)
		health_failed(c->key->token, err);
	return r;
}

static int begin(struct token_content_key *c, const struct token_content_params *params,
    const hsmime_sink *plain, struct error *err)
{
	int r = content_call_free(c, err);

	if (r == 0)
		r = make_room(c, err);
	if (r == 0 && (params->iv_len > sizeof(c->iv) || params->tag_len > TAG_MAX))
		r = error_set(err, HSMIME_EUSAGE, "an IV or tag of unknown length");
	if (r == 0 && c->active)
		r = content_call(c, CONTENT_STOP, err);
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

int token_content_begin(struct token_content_key *c, const struct token_content_params *params,
    const hsmime_sink *plain, struct error *err)
{
	return judged(c, begin(c, params, plain, err), err);
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
	r = content_call(c, CONTENT_FINAL, err);
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
	r = content_call(c, CONTENT_UPDATE, err);
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
	int r = content_call_free(c, err);

	if (r == 0)
		r = c->content == TOKEN_CONTENT_AES_GCM ? update_gcm(c, data, len, err)
							: update_cbc(c, data, len, err);
	return judged(c, r, err);
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
	c->output_len = room;
	return init(c, err);
}

/* A verdict on tag and content is nobody's failure, and says no word (DESIGN: closed list of codes). */
static int judge(struct token_content_key *c, struct error *err)
{
	if (recovery_decrypt_failed(c->rv))
		return failed(c, err);
	if (c->rv != CKR_OK)
		return HSMIME_EINVALID;
	if (c->output_len == c->len)
		return 0;
	c->rv = CKR_BUFFER_TOO_SMALL;
	return failed(c, err);
}

static int finish_gcm(
    struct token_content_key *c, const struct token_content_end *end, struct error *err)
{
	size_t room = c->len + TAG_MAX + BLOCK_MAX;
	int r = prepare_gcm(c, end, room, err);

	if (r == 0)
		r = content_call(c, CONTENT_ALL, err);
	if (r == 0)
		r = judge(c, err);
	if (r == 0)
		r = sink_write(&c->plain, c->output, c->output_len);
	if (!c->inside)
		drop_output(c, room);
	return r;
}

int token_content_finish(
    struct token_content_key *c, const struct token_content_end *end, struct error *err)
{
	int r = content_call_free(c, err);

	if (r == 0)
		r = c->content == TOKEN_CONTENT_AES_GCM ? finish_gcm(c, end, err)
							: finish_cbc(c, err);
	return judged(c, r, err);
}

/*
 * A call that was given up may still be at its memory, which is then never freed. Where the token
 * hangs for another's call the session stays behind, and ends with the module.
 */
void token_content_free(struct token_content_key *c)
{
	if (c == NULL)
		return;
	if (content_call_free(c, NULL) != 0)
		return;
	if (c->session.handle != 0 && content_call(c, CONTENT_LET_GO, NULL) != 0 && c->inside)
		return;
	if (c->output != NULL)
		drop_output(c, OUTPUT);
	free(c->stage);
	free(c->data);
	token_key_free(c->key);
	free(c);
}
