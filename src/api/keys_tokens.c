#include "api/keys_tokens.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "api/group_internal.h"
#include "engine/log.h"
#include "engine/token_key.h"

static bool same_key(const struct token_key *a, const struct token_key *b)
{
	return EVP_PKEY_eq(token_key_public(a), token_key_public(b)) == 1;
}

/* One place of the key is one member of the group, however often its token is named. */
static bool has_place(const struct engine_found *found, const struct token_key *key)
{
	bool has = strcmp(token_key_uri(found->key), token_key_uri(key)) == 0;

	for (size_t i = 0; i < found->other_count && !has; i++)
		has = strcmp(token_key_uri(found->others[i]), token_key_uri(key)) == 0;
	return has;
}

static int add_place(struct engine_found *found, struct token_key *key, struct error *err)
{
	struct token_key **more;

	if (has_place(found, key))
		return 0;
	more = realloc(found->others, (found->other_count + 1) * sizeof(struct token_key *));
	if (more == NULL)
		return error_nomem(err);
	found->others = more;
	more[found->other_count++] = token_key_up_ref(key);
	return 0;
}

/* Another key is no place of this one. */
static int join(struct engine_found *found, const struct engine_found *one, struct error *err)
{
	int status = 0;

	if (!same_key(found->key, one->key))
		return 0;
	status = add_place(found, one->key, err);
	for (size_t i = 0; i < one->other_count && status == 0; i++)
		status = add_place(found, one->others[i], err);
	return status;
}

/* One search on each of the tokens. */
struct search {
	struct engine_found *found;
	size_t *index;
	keys_token_find find;
	void *arg;
	struct error first; /* that says the most of those that failed */
};

/* That a token does not have the key says less than that it could not be asked. */
static void keep_failure(struct search *s, const char *uri, const struct error *why)
{
	if (why->code != HSMIME_ENOKEY)
		log_say(0, "the key is not looked for on %.*s: %s", group_shown(uri), uri,
		    why->message);
	if (s->first.code == 0 || (s->first.code == HSMIME_ENOKEY && why->code != HSMIME_ENOKEY))
		s->first = *why;
}

/* 0 also where it is not there: then *missing stays. */
static int look(bool *missing, struct search *s, const char *uri, bool guess, struct error *err)
{
	struct engine_found one = { 0 };
	struct error why = { 0 };
	size_t at = 0;
	int status = s->find(&one, &at, uri, guess, s->arg, &why);

	if (status == HSMIME_ENOMEM) {
		status = error_nomem(err);
	} else if (status != 0) {
		*missing = status == HSMIME_ENOKEY;
		keep_failure(s, uri, &why);
		status = 0;
	} else if (s->found->key == NULL) {
		*missing = false;
		*s->found = one;
		*s->index = at;
		return 0;
	} else {
		*missing = false;
		status = join(s->found, &one, err);
	}
	engine_found_free(&one);
	return status;
}

int keys_on_tokens(struct engine_found *found, size_t *index, const char *const *uris, size_t count,
    keys_token_find find, void *arg, struct error *err)
{
	struct search s = { .found = found, .index = index, .find = find, .arg = arg };
	bool missing[GROUP_MAX];
	int status = 0;

	for (size_t i = 0; i < count; i++)
		missing[i] = true;
	for (int guess = 0; guess < 2; guess++)
		for (size_t i = 0; i < count && status == 0; i++)
			if (missing[i])
				status = look(&missing[i], &s, uris[i], guess, err);
	if (status == 0 && found->key != NULL)
		return 0;
	engine_found_free(found);
	if (status == 0)
		*err = s.first;
	return status == 0 ? s.first.code : status;
}
