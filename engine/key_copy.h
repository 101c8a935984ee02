/*
 * key_copy: a copy of a key among the token's session objects. Software tokens
 * (SoftHSM) read and unwrap a token object at every use; a copy in the session
 * signs 1.4 to 1.7 times as fast on P-256 and agrees 1.2 to 1.35 times as fast,
 * with RSA there is nothing to gain. So a key that is used often gets one, where
 * the token allows it (PKCS#11 v2.40 section 5.7, C_CopyObject; what is sensitive
 * or not extractable stays so). It is proved by one operation before it is
 * relied upon, and one that fails is not used again: the key itself is.
 */
#ifndef ENGINE_KEY_COPY_H
#define ENGINE_KEY_COPY_H

#include <stdatomic.h>
#include <stdbool.h>

#include <p11-kit/pkcs11.h>

struct object;
struct token_key;
struct work;

#define KEY_COPY_USES 32 /* operations after which a copy is made */

enum key_copy_state { KEY_COPY_NONE, KEY_COPY_BEING_MADE, KEY_COPY_READY, KEY_COPY_GIVEN_UP };

/* A part of token_key, behind its gate but for uses. */
struct key_copy {
	atomic_uint uses;
	enum key_copy_state state;
	CK_OBJECT_HANDLE handle;
	unsigned generation; /* of the token's sessions, in which handle holds */
};

/* key_copy_take(copy, k, w): k's copy; false where there is none that holds in w's session. */
bool key_copy_take(CK_OBJECT_HANDLE *copy, struct token_key *k, const struct work *w);

/*
 * key_copy_make(copy, k, w, original):
 * Counts a use of k by its object original. Where it is time for a copy: makes one and returns
 * true; the caller proves it by an operation of its kind and then calls key_copy_settle.
 */
bool key_copy_make(
    CK_OBJECT_HANDLE *copy, struct token_key *k, struct work *w, CK_OBJECT_HANDLE original);
void key_copy_settle(struct token_key *k, struct work *w, CK_OBJECT_HANDLE copy, bool proved);

/*
 * key_copy_result(k, w, r):
 * What an operation with the copy came to, r as of a work_function: a failure that
 * may be the copy's is that of a void handle, so that work_run does it again with the key itself.
 */
int key_copy_result(struct token_key *k, struct work *w, int r);

/* key_copy_is(o): whether o is a copy, which nobody looks for: copies have an ID of their own. */
bool key_copy_is(const struct object *o);

/* key_copy_free(k): destroy the copy, if there is one. */
void key_copy_free(struct token_key *k);

#endif
