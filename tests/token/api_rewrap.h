/*
 * api_rewrap: messages for a key of api_token, rewrapped for others, and opened by OpenSSL's tool
 * with a software key.
 */
#ifndef TESTS_TOKEN_API_REWRAP_H
#define TESTS_TOKEN_API_REWRAP_H

#include "api_token.h"

/* What is encrypted: in a mail and, as it is a MIME entity, in CMS too. */
extern const char rewrap_entity[];

/* What is rewrapped, and how; options are initialised by rewrapping_of. */
struct rewrapping {
	hsmime_rewrap_options options;
	const void *data;
	size_t len;
	bool slow; /* one octet a read, not seekable */
};

/* rewrapping_of(form, text, recipients): for these alone. */
struct rewrapping rewrapping_of(
    enum hsmime_form form, const struct text *text, const hsmime_certs *recipients);

/* rewrap_run(o, ctx, r): hsmime_rewrap with all that is seen of it. */
void rewrap_run(struct outcome *o, hsmime_ctx *ctx, struct rewrapping *r);

/* In which forms an encrypted message may come. */
struct rewrap_form {
	const char *name;
	enum hsmime_form form;
	enum hsmime_format format;
	bool indefinite;
	const char *tool; /* as OpenSSL names the form */
};
#define REWRAP_FORMS 5
extern const struct rewrap_form rewrap_forms[REWRAP_FORMS];

/* A message to be rewrapped. */
struct original {
	const char *name;
	enum hsmime_form form;
	enum hsmime_format format;
	bool indefinite;
	const char *cipher;
	const struct holder *to;
	struct text text;
};

/* original_make(ctx, m, certs): m->text is rewrap_entity encrypted for m->to, and for certs, which may be NULL. */
void original_make(hsmime_ctx *ctx, struct original *m, const hsmime_certs *certs);

/*
 * tool_opens(who, text, form): `openssl cms -decrypt -inform FORM` with a software key gives
 * rewrap_entity, with a MIME-Version in front of it or without.
 */
bool tool_opens(const struct peer *who, const struct text *text, const char *form);

/* token_opens(ctx, text, form): hsmime_decrypt does. */
bool token_opens(hsmime_ctx *ctx, const struct text *text, enum hsmime_form form);

#endif
