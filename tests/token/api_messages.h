/*
 * api_messages: a small message of each kind that libhsmime writes, made with
 * the token of api_token, for tests that cut them short and alter them.
 */
#ifndef TESTS_TOKEN_API_MESSAGES_H
#define TESTS_TOKEN_API_MESSAGES_H

#include "api_token.h"

/* What CMS is made over. */
extern const char api_content[];

struct message {
	const char *name;
	bool encrypted; /* else signed */
	enum hsmime_form form;
	enum hsmime_format format;
	bool opaque;        /* signed content is inside */
	bool indefinite;    /* BER with indefinite lengths */
	const char *cipher; /* of what is encrypted */
	const struct holder *holder;
	struct text text;
};

/* One of every kind, and a context that has done nothing yet. */
#define API_MESSAGES_MAX 32
extern struct api_messages {
	struct message list[API_MESSAGES_MAX];
	size_t count;
	hsmime_ctx *ctx;
} api_messages;

/* api_messages_setup, api_messages_teardown: cmocka group fixtures, the token's included. */
int api_messages_setup(void **state);
int api_messages_teardown(void **state);

/*
 * message_make(ctx, out, m): signs or encrypts what m is over.
 * message_read(ctx, result, out, m, in): decrypts or verifies in, which is m or m
 * altered, with the options that m needs.
 * Both return what the library does.
 */
int message_make(hsmime_ctx *ctx, hsmime_output *out, const struct message *m);
int message_read(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out,
    const struct message *m, const hsmime_source *in);

/* message_rewrap(ctx, out, m): rewraps the whole of m, an encrypted one, for its own holder; frees out. */
int message_rewrap(hsmime_ctx *ctx, hsmime_output *out, const struct message *m);

/* message_work(ctx, out, m, reading): reads the whole of m, or makes it; frees out. */
int message_work(hsmime_ctx *ctx, hsmime_output *out, const struct message *m, bool reading);

/* api_read(o, ctx, m, in): message_read with all that is seen of it. */
void api_read(struct outcome *o, hsmime_ctx *ctx, const struct message *m, const hsmime_source *in);

/* api_read_text(o, ctx, m, data, len): the same from memory. */
void api_read_text(
    struct outcome *o, hsmime_ctx *ctx, const struct message *m, const void *data, size_t len);

/* What reading m gives when all is well: the content, or of a mail the entity with CRLF. */
const char *message_content(const struct message *m);

/* api_messages_step(size, parts): from one place to fail at to the next; 1 with $TEST_EVERY. */
size_t api_messages_step(size_t size, size_t parts);

#endif
