#include "api/keys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "api/groups.h"
#include "engine/provider/provider.h"
#include "engine/token_key.h"
#include "util/name.h"

static bool is_for_key(const struct recipient *r)
{
	return r->kind == RECIPIENT_RSA || r->kind == RECIPIENT_EC;
}

static bool same_octets(const unsigned char *a, size_t a_len, const unsigned char *b, size_t b_len)
{
	return a != NULL && b != NULL && a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* X509_NAME_cmp is made for names in memory; the recipient's is DER, which may differ in form. */
static bool same_name(const struct recipient *r, X509 *cert)
{
	const unsigned char *p = r->issuer;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)r->issuer_len);
	bool same = name != NULL && X509_NAME_cmp(name, X509_get_issuer_name(cert)) == 0;

	X509_NAME_free(name);
	return same;
}

static bool same_serial(const struct recipient *r, X509 *cert)
{
	const unsigned char *p = r->serial;
	ASN1_INTEGER *serial = d2i_ASN1_INTEGER(NULL, &p, (long)r->serial_len);
	bool same = serial != NULL && ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(cert)) == 0;

	ASN1_INTEGER_free(serial);
	return same;
}

bool keys_recipient_is(const struct recipient *r, X509 *cert)
{
	const ASN1_OCTET_STRING *key_id;

	if (r->issuer != NULL)
		return same_serial(r, cert) && same_name(r, cert);
	key_id = X509_get0_subject_key_id(cert);
	return key_id != NULL &&
	       same_octets(r->key_id, r->key_id_len, ASN1_STRING_get0_data(key_id),
		   (size_t)ASN1_STRING_length(key_id));
}

static bool names_certificate(const struct recipient *r, X509 *cert)
{
	return is_for_key(r) && keys_recipient_is(r, cert);
}

/* RFC 5280 section 4.2.1.2, method 1: SHA-1 of the public key's BIT STRING. */
static bool names_public_key(const struct recipient *r, EVP_PKEY *public, OSSL_LIB_CTX *libctx)
{
	unsigned char id[SHA_DIGEST_LENGTH];
	X509_PUBKEY *spki = NULL;
	const unsigned char *bits = NULL;
	int len = 0;
	size_t id_len = 0;
	bool same = false;

	if (!is_for_key(r) || r->key_id == NULL)
		return false;
	if (X509_PUBKEY_set(&spki, public) == 1 &&
	    X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, spki) == 1 &&
	    EVP_Q_digest(libctx, "SHA1", NULL, bits, (size_t)len, id, &id_len) == 1)
		same = same_octets(r->key_id, r->key_id_len, id, sizeof(id));
	X509_PUBKEY_free(spki);
	return same;
}

static bool names_any(const struct recipient *recipients, size_t count, X509 *cert, size_t *index)
{
	for (size_t i = 0; i < count; i++) {
		if (names_certificate(&recipients[i], cert)) {
			*index = i;
			return true;
		}
	}
	return false;
}

static enum recipient_kind kind_of(const struct engine_found *found)
{
	return token_key_type(found->key) == TOKEN_KEY_RSA ? RECIPIENT_RSA : RECIPIENT_EC;
}

/* A key without a certificate: by its identifier, else as the only recipient of its kind. */
static bool names_key(const struct recipient *recipients, size_t count,
    const struct engine_found *found, OSSL_LIB_CTX *libctx, size_t *index)
{
	size_t fitting = 0;

	for (size_t i = 0; i < count; i++) {
		if (names_public_key(&recipients[i], token_key_public(found->key), libctx)) {
			*index = i;
			return true;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (recipients[i].kind == kind_of(found)) {
			*index = i;
			fitting++;
		}
	}
	return fitting == 1;
}

static bool named_by_files(const struct recipient *recipients, size_t count,
    const struct engine_found *found, const hsmime_certs *certs, size_t *index)
{
	for (size_t i = 0; i < hsmime_certs_count(certs); i++) {
		X509 *cert = hsmime_certs_get(certs, i);
		EVP_PKEY *key = X509_get0_pubkey(cert);

		if (key != NULL && EVP_PKEY_eq(key, token_key_public(found->key)) == 1 &&
		    names_any(recipients, count, cert, index))
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
		possible += is_for_key(&recipients[i]);
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

		if (!is_for_key(r))
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
	if (found->certificate != NULL && names_any(recipients, count, found->certificate, index))
		return 0;
	if (named_by_files(recipients, count, found, search->certs, index))
		return 0;
	if (found->certificate == NULL &&
	    names_key(recipients, count, found, search->ctx->shared->libctx, index))
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
		if (names_any(recipients, count, hsmime_certs_get(search->certs, i), &index))
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

/* Several keys, or certificates of one key, may be named like that: the message says which it is. */
static int by_key(struct engine_found *found, size_t *index, const struct recipient_search *search,
    struct engine *engine, const struct recipient *recipients, size_t count, struct error *err)
{
	struct engine_found other = { 0 };
	struct error ignored = { 0 };
	int status, again;

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

		if (!names_any(recipients, count, cert, index))
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

int keys_find_recipient(void *arg, EVP_PKEY **key, size_t *index,
    const struct recipient *recipients, size_t count, struct error *err)
{
	struct recipient_search *search = arg;
	struct engine_found found = { 0 };
	struct engine *engine;
	struct keys_told told = { 0 };
	int status = ctx_engine(&engine, search->ctx);

	*key = NULL;
	if (status != 0)
		return status;
	do {
		engine_found_free(&found);
		status = look_for_key(&found, index, search, engine, recipients, count, err);
	} while (keys_wait(&told, search->ctx, engine, &found, &status));
	keys_hidden(err, engine, &found, search->key_uri, status);
	if (status == 0)
		status = wrap(key, search, engine, &found, err);
	if (status == 0)
		tell(search, &found);
	engine_found_free(&found);
	return status;
}
