/*
 * content_key_on_token: the inside of a token_content_key (content_on_token.h), for what unwraps it.
 */
#ifndef ENGINE_CONTENT_KEY_ON_TOKEN_H
#define ENGINE_CONTENT_KEY_ON_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include <p11-kit/pkcs11.h>

#include "engine/content_on_token.h"
#include "engine/mechanism.h"
#include "engine/session.h"
#include "engine/token_key.h"

#define CONTENT_ON_TOKEN_IV_MAX 128 /* octets of a GCM nonce */

struct token_content_key {
	struct token_key *key; /* that unwrapped it; a reference of its own */
	enum token_content content;
	bool one_of_several;     /* the key is of a group: where its token fails it is set aside */
	struct session session;  /* taken */
	CK_OBJECT_HANDLE chosen; /* one of the two below; which one is told to nobody */
	CK_OBJECT_HANDLE substitute; /* 0: none */
	CK_OBJECT_HANDLE unwrapped;  /* 0: none */
	/* One decryption: */
	unsigned char iv[CONTENT_ON_TOKEN_IV_MAX];
	size_t iv_len;
	size_t tag_len;
	hsmime_sink plain;
	bool active;           /* in the session */
	bool failed;           /* a call did: what is left in the session is not known */
	unsigned char *stage;  /* CBC: encrypted content for the next call */
	unsigned char *output; /* what a call gives */
	unsigned char *data;   /* GCM: encrypted content, and the attributes behind it */
	unsigned char *aad;
	size_t aad_len;
	size_t len;    /* octets in stage or data */
	size_t room;   /* octets that data has room for */
	uint64_t sent; /* CBC: octets that the token was given, and gave */
	uint64_t given;
	size_t segment; /* CBC: octets since the operation began */
	/* The call that is made (content_calls.h), all of whose memory is here (engine/zone.h). */
	unsigned call;
	struct mechanism mechanism;
	CK_ULONG output_len; /* room, then octets, at output */
	CK_RV rv;
	bool inside; /* it has not come back, and was given up */
};

#endif
