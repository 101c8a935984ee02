/*
 * key_use: an operation with a key, or with a copy of it among the token's
 * session objects (engine/copies.h). SoftHSM reads and unwraps a token object at
 * every use: a copy signs 1.3 to 1.7 times as fast on P-256 and agrees 1.2 to
 * 1.35 times as fast; with RSA there is nothing to gain. So an EC key that is
 * used often gets one, where the token allows it (C_CopyObject, PKCS#11 v2.40
 * section 5.7; what is sensitive or not extractable stays so). One operation
 * proves that a copy is the right key before it is relied upon, and where an
 * operation with it fails it is done again with the key itself.
 */
#ifndef ENGINE_KEY_USE_H
#define ENGINE_KEY_USE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <p11-kit/pkcs11.h>

struct token_key;
struct work;

#define KEY_COPY_USES 32 /* uses of the key after which a copy is made */
#define KEY_COPY_VOID 8  /* times that a copy may turn out to be void */

enum key_copy_state { KEY_COPY_NONE, KEY_COPY_BEING_MADE, KEY_COPY_READY, KEY_COPY_GIVEN_UP };

/* A part of token_key, behind its gate but for uses. */
struct key_copy {
	atomic_uint uses; /* of the key itself, since the last copy */
	unsigned times_void;
	enum key_copy_state state;
	unsigned generation; /* of the token's sessions, in which state and handle hold */
	CK_OBJECT_HANDLE handle;
};

/* An operation; job is the caller's. */
struct key_use {
	/* With that handle; returns as a work_function, and may be called again after a failure. */
	int (*run)(void *job, struct work *w, CK_OBJECT_HANDLE handle);
	/* Job is done: whether the copy does the same. NULL: no copies. */
	bool (*prove)(const void *job, struct work *w, CK_OBJECT_HANDLE copy);
};

/* key_use(k, w, use, job): run use with k or its copy. Returns as a work_function. */
int key_use(struct token_key *k, struct work *w, const struct key_use *use, void *job);

/* key_use_end(k): nobody uses k any more: its copy goes. */
void key_use_end(struct token_key *k);

#endif
