/*
 * chaos_keys: what is done with keys under random faults, and whether it came out right. Keys of token
 * "Chaos": 01 RSA signs and decrypts, 02 P-256 signs and agrees, 03 P-256 "careful" wants its PIN each time.
 */
#ifndef TESTS_TOKEN_CHAOS_KEYS_H
#define TESTS_TOKEN_CHAOS_KEYS_H

#include "chaos.h"
#include "engine/engine.h"
#include "softtoken.h"

/* An operation: a status, and whether what came out is right (or nothing, where it failed). */
struct chaos_kind {
	const char *name;
	int (*operate)(bool *right, struct chaos_operation *o, struct error *err);
	unsigned times; /* of so many as all have together */
};

extern const struct chaos_kind chaos_kinds[];
extern const size_t chaos_kind_count;

/* chaos_kind(): one of them, drawn by this thread. */
const struct chaos_kind *chaos_kind(void);

/* chaos_keys_make(st): puts the keys on the token that was just made. */
void chaos_keys_make(struct softtoken *st);

/* chaos_keys_open(e), chaos_keys_close(): the keys are found by e, for what follows. */
void chaos_keys_open(struct engine *e);
void chaos_keys_close(void);

#endif
