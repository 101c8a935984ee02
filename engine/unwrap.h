/*
 * unwrap: the calls that unwrap a content key on a token (C_UnwrapKey, PKCS#11 v2.40
 * section 5.13), and that make a session key of known octets beside it. Nothing is judged here.
 */
#ifndef ENGINE_UNWRAP_H
#define ENGINE_UNWRAP_H

#include <stdbool.h>
#include <stddef.h>

#include <p11-kit/pkcs11.h>

#include "engine/mechanism.h"
#include "engine/token_key.h"

struct work;

/* How a token does it. */
struct unwrap_way {
	size_t template; /* which of UNWRAP_TEMPLATES it takes */
	bool readable;   /* the octets of what was unwrapped can be read */
	bool creates;    /* C_CreateObject makes a key that can do the same */
};

#define UNWRAP_TEMPLATES 10

/* One unwrapping on its way. */
struct unwrap {
	struct token_key *key;
	const struct token_decrypt *request; /* how the content key is encrypted */
	enum token_content content;
	size_t
	    key_len; /* octets of the content key; 0: not known before, of TOKEN_CONTENT_OCTETS */
	struct mechanism mechanism;
	struct unwrap_way way;
	/* In a session: */
	struct work *w;
	CK_OBJECT_HANDLE handle; /* of key */
};

/* unwrap_key(out, u, data, len): the key that is encrypted in data, by u->way. *out is 0 where there is none. */
CK_RV unwrap_key(CK_OBJECT_HANDLE *out, struct unwrap *u, const unsigned char *data, size_t len);

/*
 * unwrap_known(out, u, value, len): a key of these octets with the attributes of unwrap_key's; where
 * the token does not take octets, they are encrypted for u->key and unwrapped.
 */
CK_RV unwrap_known(CK_OBJECT_HANDLE *out, struct unwrap *u, const unsigned char *value, size_t len);

/* unwrap_odd_parity(key, len): the last bit of each octet as DES keys have it, some tokens insist on it. */
void unwrap_odd_parity(unsigned char *key, size_t len);

/* unwrap_read(value, len, u, key): key's octets; *len is the room, and becomes the length or more than the room. */
CK_RV unwrap_read(unsigned char *value, size_t *len, struct unwrap *u, CK_OBJECT_HANDLE key);

/*
 * unwrap_fits(fits, u, key):
 * *fits is a truth (constant_time.h): key is u->key_len octets long as far as the token tells, and
 * its cipher can be begun with it. SoftHSM unwraps any number of octets as an AES key and does not
 * tell it. Returns what the cipher's Init call answered.
 */
CK_RV unwrap_fits(size_t *fits, struct unwrap *u, CK_OBJECT_HANDLE key);

/* unwrap_destroy(u, key): one call, also for the handle 0, which is no object. */
void unwrap_destroy(struct unwrap *u, CK_OBJECT_HANDLE key);

#endif
