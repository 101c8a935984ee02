/*
 * find: what the ways to find a key share.
 */
#ifndef ENGINE_FIND_H
#define ENGINE_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/search.h"

/* The CKA_ID of public objects, by which their private keys are found; zero before use. */
struct find_ids {
	struct {
		unsigned char octets[256];
		size_t len;
	} items[SEARCH_HITS];
	size_t count;
};

/* find_note_id: a search_each with a struct find_ids; each ID once. */
int find_note_id(void *arg, struct token *t, const struct object *o);

/* find_same_id(ids, i, id): whether the CKA_ID id is that of item i. */
bool find_same_id(const struct find_ids *ids, size_t i, const CK_ATTRIBUTE *id);

/*
 * find_by_public(s, t, object_class, template, count):
 * Add t's private keys with the CKA_ID of certificates or public keys (object_class) that fit the
 * template. Where one certificate of an ID fits it is named: the hit has that one, whatever its
 * dates, and where none of the keys is its own there is no hit. Returns as search_private.
 */
int find_by_public(struct search *s, struct token *t, CK_OBJECT_CLASS object_class,
    const CK_ATTRIBUTE *template, size_t count);

/* find_any: a search_each that stops at the first object. */
int find_any(void *arg, struct token *t, const struct object *o);

/* find_no_token(s): HSMIME_ENOKEY and which token is missing, where none may be searched; else 0. */
int find_no_token(struct search *s);

/*
 * find_prefer(s): of several hits keep those whose certificate says most for them (certificate_rank), and
 * one of each key; the same on another token is set apart. Where there are as many as can be kept the best may be among the others, and all stay.
 */
void find_prefer(struct search *s);

/* Of tokens that may have a key, which come first. */
enum find_order {
	FIND_OPEN, /* no PIN is needed, or somebody is logged in */
	FIND_CLOSED,
	FIND_AT_RISK, /* the PIN was wrong since the last login, or is locked */
	FIND_ORDERS
};

enum find_order find_order(const struct token *t);

/*
 * find_tokens(out, s): the tokens that s->uri allows in new memory (free with free), in that order, a
 * NULL behind them. 0 or HSMIME_ENOMEM.
 */
int find_tokens(struct token ***out, const struct search *s);

/*
 * find_further(s, t): whether t is to be searched for one key that fits wherever it is. Once it was
 * found: only where nobody is asked for t's PIN, and where one that is wrong is sent there once, and
 * not each time.
 */
bool find_further(const struct search *s, const struct token *t);

/*
 * find_passes_pin(s, t): whether t may be passed over where its PIN fails though other tokens need not
 * have the same key: nobody was asked for it, and it is remembered so that it goes there once.
 */
bool find_passes_pin(const struct search *s, const struct token *t);

/*
 * find_one_key(s, template, count): the public key of all certificates and public keys that fit the
 * template and that tokens show before a login; NULL where there is none, or more than one. Its owner
 * is the caller.
 */
EVP_PKEY *find_one_key(struct search *s, const CK_ATTRIBUTE *template, size_t count);

/* find_finish(found, s): the only hit of s to found; HSMIME_ENOKEY for none and for several. */
int find_finish(struct engine_found *found, struct search *s);

#endif
