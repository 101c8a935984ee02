/*
 * find: what the ways to find a key share.
 */
#ifndef ENGINE_FIND_H
#define ENGINE_FIND_H

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

/* find_any: a search_each that stops at the first object. */
int find_any(void *arg, struct token *t, const struct object *o);

/* find_no_token(s): HSMIME_ENOKEY and which token is missing, where none may be searched; else 0. */
int find_no_token(struct search *s);

/*
 * find_prefer(s): of several hits keep those whose certificate says most for them (certificate_rank), and
 * one of each key; the same on another token is set apart. Where there are as many as can be kept the best may be among the others, and all stay.
 */
void find_prefer(struct search *s);

/* find_finish(found, s): the only hit of s to found; HSMIME_ENOKEY for none and for several. */
int find_finish(struct engine_found *found, struct search *s);

#endif
