/*
 * key: the inside of a token_key: which object on which token, and how to find
 * it again when its handle is void.
 */
#ifndef ENGINE_KEY_H
#define ENGINE_KEY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p11-kit/pkcs11.h>

#include "engine/engine.h"
#include "engine/gate.h"
#include "engine/group.h"
#include "engine/key_use.h"
#include "engine/object.h"
#include "engine/token_key.h"
#include "engine/work.h"

/* Octets of a modulus at most (16384 bits), and of any buffer that a token fills. */
#define KEY_SIZE_MAX 2048

struct token_key {
	atomic_uint references;
	struct group *group; /* NULL, or the key's places: what follows is of one of them */
	struct engine *engine;
	struct token *token;
	struct pin_source *pin; /* of its URI; NULL: the engine's */
	enum token_key_type type;
	EVP_PKEY *public_key;
	char *uri;
	unsigned char *id;
	size_t id_len;
	unsigned char *label;
	size_t label_len;
	bool always_authenticate;
	bool unwraps;        /* RSA: may unwrap and may not decrypt */
	size_t modulus_size; /* RSA: octets */
	size_t field_size;   /* EC: octets */
	EC_GROUP *curve;     /* EC: NULL where it has no name */
	struct gate gate;    /* of all below */
	CK_OBJECT_HANDLE handle;
	unsigned generation; /* of the token's sessions, in which handle holds */
	struct key_copy copy;
	uint64_t tag; /* of a key that unwraps: its name in the token's memory of ways */
};

/*
 * key_new(out, e, t, private_key, generation, public_key, err):
 * The key whose private object was read; it takes references of its own to e
 * and public_key. HSMIME_ENOMEM, or HSMIME_EUNSUPPORTED for a type or size that
 * hsmime does not do.
 */
int key_new(struct token_key **out, struct engine *e, struct token *t,
    const struct object *private_key, unsigned generation, EVP_PKEY *public_key, struct error *err);

/* key_work(w, k, purpose, err): prepare w for work_run with k. */
void key_work(struct work *w, struct token_key *k, const char *purpose, struct error *err);

/* key_asks(k): each operation with k asks a person, for k itself and whatever is remembered. */
bool key_asks(const struct token_key *k);

/*
 * key_run(key, kind, run, arg, err):
 * run(arg), and what it returns, within the limit for calls (engine/zone.h). *key is a place in
 * arg: of a group it becomes the key on the token that is to do it (engine/group.h). err is not NULL.
 */
int key_run(
    struct token_key **key, enum probe kind, int (*run)(void *arg), void *arg, struct error *err);

/* key_handle(handle, k, w): k's object in w's session. Returns as a work_function. */
int key_handle(CK_OBJECT_HANDLE *handle, struct token_key *k, struct work *w);

/*
 * key_authenticate(k, w): the login of a key with CKA_ALWAYS_AUTHENTICATE, between the
 * start of an operation and the operation. Returns as a work_function.
 */
int key_authenticate(struct token_key *k, struct work *w);

#endif
