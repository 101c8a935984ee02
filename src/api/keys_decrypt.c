#include "api/keys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/x509.h>

#include "api/groups.h"
#include "api/keyring.h"
#include "api/keys_tokens.h"
#include "api/recipient_names.h"
#include "engine/group.h"
#include "engine/provider/provider.h"
#include "engine/token_key.h"
#include "util/name.h"

static bool named_by_files(const struct recipient *recipients, size_t count,
    const struct engine_found *found, const hsmime_certs *certs, size_t *index)
{
	for (size_t i = 0; i < hsmime_certs_count(certs); i++) {
		X509 *cert = hsmime_certs_get(certs, i);
		EVP_PKEY *key = X509_get0_pubkey(cert);

		if (key != NULL && EVP_PKEY_eq(key, token_key_public(found->key)) == 1 &&
		    recipient_names_any(recipients, count, cert, index))
			return true;
	}
	return false;
}

/* Where no token is there the engine has told so. */
static int no_key(const struct engine *engine, const struct recipient *recipients, size_t count,
    struct error *err)
{
	size_t possible = 0;

	for (size_t i = 0; i < count; i++)
		possible += recipient_is_for_key(&recipients[i]);
	if (possible == 0) {
		error_set(err, HSMIME_ENOKEY,
		    "none of the message's recipients can be decrypted with a key on a token");
		return error_hint(err, "recipients by password or symmetric key are not supported");
	}
	if (!engine_has_token(engine))
		return HSMIME_ENOKEY;
	error_set(err, HSMIME_ENOKEY, "no key on the tokens belongs to a recipient of the message");
	return error_hint(err, "insert the right token; if the key's certificate left the token, "
			       "give it with --cert, or name the key to hsmime decrypt with --key");
}

static int by_tokens(struct engine_found *found, size_t *index, struct engine *engine,
    const char *key, const struct recipient *recipients, size_t count, struct error *err)
{
	struct engine_candidate *candidates = calloc(count + 1, sizeof(*candidates));
	size_t *origin = calloc(count + 1, sizeof(*origin));
	size_t used = 0;
	int status = HSMIME_ENOMEM;

	if (candidates == NULL || origin == NULL)
		goto out;
	for (size_t i = 0; i < count; i++) {
		const struct recipient *r = &recipients[i];

		if (!recipient_is_for_key(r))
			continue;
		candidates[used] = (struct engine_candidate){ r->issuer, r->issuer_len, r->serial,
			r->serial_len, r->key_id, r->key_id_len };
		origin[used++] = i;
	}
	status = used == 0 ? no_key(engine, recipients, count, err)
			   : engine_find_recipient(found, engine, key, candidates, used, err);
	if (status == 0)
		*index = origin[found->match];
out:
	free(candidates);
	free(origin);
	return status == HSMIME_ENOMEM ? error_nomem(err) : status;
}

static int is_recipient(const struct engine_found *found, size_t *index,
    const struct recipient_search *search, const struct recipient *recipients, size_t count,
    struct error *err)
{
	if (found->certificate != NULL &&
	    recipient_names_any(recipients, count, found->certificate, index))
		return 0;
	if (named_by_files(recipients, count, found, search->certs, index))
		return 0;
	if (found->certificate == NULL &&
	    recipient_names_key(recipients, count, found, search->ctx->shared->libctx, index))
		return 0;
	error_set(err, HSMIME_ENOKEY, "the message is not encrypted for the key %s", found->uri);
	return error_hint(
	    err, "if its certificate is not on the token, give the certificate with --cert");
}

static int by_name(struct engine_found *found, size_t *index, const struct recipient_search *search,
    struct engine *engine, const struct recipient *recipients, size_t count, struct error *err)
{
	int status =
	    groups_find_key(found, search->ctx, engine, search->key_uri, ENGINE_DECRYPT, err);

	return status == 0 ? is_recipient(found, index, search, recipients, count, err) : status;
}

/*
 * Of all the keys of a token the message is asked first which it is, however many there are. Then it
 * may be the only one, without a certificate; of several none is to be chosen, since the message is for none.
 */
static int by_token(struct engine_found *found, size_t *index,
    const struct recipient_search *search, struct engine *engine,
    const struct recipient *recipients, size_t count, struct error *err)
{
	struct error none;
	int status = by_tokens(found, index, engine, search->key_uri, recipients, count, err);
	bool tie = found->tie, unfit = found->unfit;

	if (status != HSMIME_ENOKEY)
		return status;
	none = *err;
	status = by_name(found, index, search, engine, recipients, count, err);
	if (status == HSMIME_ENOKEY && (found->tie || unfit)) {
		*err = none;
		found->tie = tie;
	}
	return status;
}

/*
 * Whether keys that were named by what their certificates say are none of the recipients': all those
 * certificates were looked at. A URI may fit keys without one, and --cert may have an older one.
 */
static bool for_none(const struct recipient_search *search, const struct engine_found *other,
    const struct recipient *recipients, size_t count)
{
	size_t index;

	if (other->tie || other->unfit || strncasecmp(search->key_uri, "pkcs11:", 7) == 0)
		return false;
	for (size_t i = 0; i < hsmime_certs_count(search->certs); i++)
		if (recipient_names_any(
			recipients, count, hsmime_certs_get(search->certs, i), &index))
			return false;
	return true;
}

static int refuse_for_none(struct engine_found *found, const char *key, struct error *err)
{
	found->tie = false;
	error_set(err, HSMIME_ENOKEY, "the message is not encrypted for any key of %s", key);
	return error_hint(err, "leave --key out, and the message says which key it is for; if that "
			       "one's certificate is not on the token, give it with --cert");
}

/* What one look at a token of several needs. */
struct token_look {
	const struct recipient_search *search;
	struct engine *engine;
	const struct recipient *recipients;
	size_t count;
};

static int look_on_token(struct engine_found *found, size_t *index, const char *uri, bool guess,
    void *arg, struct error *err)
{
	const struct token_look *l = arg;
	struct recipient_search one = {
		.ctx = l->search->ctx, .key_uri = uri, .certs = l->search->certs
	};

	if (!guess)
		return by_tokens(found, index, l->engine, uri, l->recipients, l->count, err);
	return by_token(found, index, &one, l->engine, l->recipients, l->count, err);
}

/* Several keys, or certificates of one key, may be named like that: the message says which it is. */
static int by_key(struct engine_found *found, size_t *index, const struct recipient_search *search,
    struct engine *engine, const struct recipient *recipients, size_t count, struct error *err)
{
	struct engine_found other = { 0 };
	struct token_look look = { search, engine, recipients, count };
	struct error ignored = { 0 };
	const char *tokens[GROUP_MAX];
	size_t token_count = groups_tokens(tokens, search->ctx, engine, search->key_uri);
	int status, again;

	if (token_count > 0)
		return keys_on_tokens(found, index, tokens, token_count, look_on_token, &look, err);
	if (engine_names_token_only(engine, search->key_uri))
		return by_token(found, index, search, engine, recipients, count, err);
	status = by_name(found, index, search, engine, recipients, count, err);
	if (status != HSMIME_ENOKEY)
		return status;
	again = by_tokens(&other, index, engine, search->key_uri, recipients, count, &ignored);
	if (again == HSMIME_ENOKEY && found->tie && for_none(search, &other, recipients, count))
		return refuse_for_none(found, search->key_uri, err);
	if (again != 0)
		return status;
	error_clear(err);
	engine_found_free(found);
	*found = other;
	return 0;
}

/* The first key that is there and may not decrypt: what the engine says of it is more than no_key knows. */
static void keep_unfit(
    struct error *unfit, int status, const struct engine_found *found, const struct error *err)
{
	if (status == HSMIME_ENOKEY && found->unfit && unfit->code == 0)
		*unfit = *err;
}

static int by_files(struct engine_found *found, size_t *index, struct engine *engine,
    const hsmime_certs *certs, const struct recipient *recipients, size_t count,
    struct error *unfit, struct error *err)
{
	int status = HSMIME_ENOKEY;

	for (size_t i = 0; i < hsmime_certs_count(certs) && status == HSMIME_ENOKEY; i++) {
		X509 *cert = hsmime_certs_get(certs, i);

		if (!recipient_names_any(recipients, count, cert, index))
			continue;
		status = engine_find_by_certificate(found, engine, cert, ENGINE_DECRYPT, err);
		keep_unfit(unfit, status, found, err);
	}
	return status;
}

static void tell(const struct recipient_search *search, const struct engine_found *found)
{
	X509 *cert = found->certificate;
	char *name = cert != NULL ? name_text(X509_get_subject_name(cert)) : NULL;

	ctx_log(search->ctx, 1, "decrypting with the key %s%s%s", found->uri,
	    name != NULL ? " of " : "", name != NULL ? name : "");
	free(name);
}

static int look_for_key(struct engine_found *found, size_t *index,
    const struct recipient_search *search, struct engine *engine,
    const struct recipient *recipients, size_t count, struct error *err)
{
	struct error unfit = { 0 };
	int status;

	if (search->key_uri != NULL)
		return by_key(found, index, search, engine, recipients, count, err);
	status = by_tokens(found, index, engine, NULL, recipients, count, err);
	keep_unfit(&unfit, status, found, err);
	if (status == HSMIME_ENOKEY)
		status =
		    by_files(found, index, engine, search->certs, recipients, count, &unfit, err);
	if (status == HSMIME_ENOKEY && unfit.code != 0)
		*err = unfit;
	else if (status == HSMIME_ENOKEY)
		status = no_key(engine, recipients, count, err);
	return status;
}

/* As ctx_wrap; a key that unwraps goes on by search->unwrapper, of a group any of its tokens. */
static int wrap(EVP_PKEY **key, struct recipient_search *search, struct engine *engine,
    const struct engine_found *found, struct error *err)
{
	struct token_key *joined = NULL;
	int status =
	    groups_join(&joined, search->ctx, engine, found, search->key_uri, ENGINE_DECRYPT, err);

	if (status == 0)
		status = provider_wrap_key(key, search->ctx->shared->libctx, joined, err);
	if (status == 0 && token_key_unwraps(joined))
		keys_unwrapper(&search->unwrapper, joined);
	token_key_free(search->used);
	search->used = joined;
	return status;
}

static int search(struct engine_found *found, EVP_PKEY **key, size_t *index,
    struct recipient_search *search, const struct recipient *recipients, size_t count,
    struct error *err)
{
	struct keyring *ring = search->ctx->keyring;
	struct keys_told told = { 0 };
	struct engine *engine;
	int status = ctx_engine(&engine, search->ctx);

	if (status != 0)
		return status;
	do {
		engine_found_free(found);
		status = look_for_key(found, index, search, engine, recipients, count, err);
	} while (keys_wait(&told, search->ctx, engine, found, &status));
	keys_hidden(err, engine, found, search->key_uri, status);
	/* Without a token it may only be out for a moment. */
	if (ring != NULL && status == HSMIME_ENOKEY && !err->hidden && engine_has_token(engine))
		keyring_none(ring, recipients, count);
	return status == 0 ? wrap(key, search, engine, found, err) : status;
}

/* Of many messages the first for a recipient has it looked for. */
static int from_ring(EVP_PKEY **key, size_t *index, struct recipient_search *search,
    const struct recipient *recipients, size_t count, struct error *err)
{
	struct token_key *used = NULL;
	int status = keyring_get(&used, key, index, search->ctx->keyring, recipients, count, err);

	if (status != 0)
		return status;
	if (token_key_unwraps(used))
		keys_unwrapper(&search->unwrapper, used);
	token_key_free(search->used);
	search->used = used;
	return 0;
}

static int find_anew(EVP_PKEY **key, size_t *index, struct recipient_search *s,
    const struct recipient *recipients, size_t count, struct error *err)
{
	struct engine_found found = { 0 };
	int status = search(&found, key, index, s, recipients, count, err);

	if (status == 0 && s->ctx->keyring != NULL)
		keyring_put(s->ctx->keyring, &recipients[*index], s->used, *key);
	if (s->ctx->keyring != NULL)
		keyring_searched(s->ctx->keyring, recipients, count);
	if (status == 0)
		tell(s, &found);
	engine_found_free(&found);
	return status;
}

/* It is there, which is all that was asked. */
static int put_back(EVP_PKEY **key, struct recipient_search *s, struct error *err)
{
	EVP_PKEY_free(*key);
	*key = NULL;
	s->ctx->key_found = true;
	return error_set(err, HSMIME_ENOKEY, "the key is there, and was not to be used");
}

int keys_find_recipient(void *arg, EVP_PKEY **key, size_t *index,
    const struct recipient *recipients, size_t count, struct error *err)
{
	struct recipient_search *s = arg;
	int status = KEYRING_UNKNOWN;

	*key = NULL;
	if (s->ctx->keyring != NULL)
		status = from_ring(key, index, s, recipients, count, err);
	if (status == KEYRING_UNKNOWN)
		status = find_anew(key, index, s, recipients, count, err);
	return status == 0 && s->ctx->looks ? put_back(key, s, err) : status;
}
