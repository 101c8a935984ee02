#include "api/keys.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/x509v3.h>

#include "api/certs.h"
#include "api/groups.h"
#include "api/made.h"
#include "engine/certificate.h"
#include "engine/selector.h"
#include "engine/token_key.h"
#include "evidence/chain.h"
#include "mail/address.h"
#include "util/name.h"

#define CHAIN_MAX 16

static void add_key(struct buffer *list, const struct engine_found *found)
{
	X509 *cert = found->certificate;
	char *name = cert != NULL ? name_text(X509_get_subject_name(cert)) : NULL;

	buffer_printf(list, "%s%s (%s%s%.120s)", list->len > 0 ? "; " : "", found->uri,
	    token_key_type(found->key) == TOKEN_KEY_RSA ? "RSA" : "EC", name != NULL ? ", " : "",
	    name != NULL ? name : "");
	free(name);
}

static int ambiguous(const struct engine_found *one, const struct engine_found *other,
    const char *address, struct error *err)
{
	struct buffer list;

	buffer_init(&list, 4096);
	add_key(&list, one);
	add_key(&list, other);
	error_set(err, HSMIME_ENOKEY, "several keys fit %s", address);
	error_hint(err, "choose one with -k: %s",
	    buffer_string(&list) != NULL ? (char *)list.data : "hsmime keys lists them");
	buffer_free(&list);
	return HSMIME_ENOKEY;
}

/* The key of a certificate in the files; a second key for the same address is ambiguous. */
static int take_key(struct engine_found *found, struct engine *engine, X509 *cert,
    const char *address, struct error *err)
{
	struct engine_found more = { 0 };
	struct error failed = { 0 };
	int status = engine_find_by_certificate(&more, engine, cert, ENGINE_SIGN, &failed);

	if (status == HSMIME_ENOKEY)
		return 0;
	if (status != 0) {
		*err = failed;
		return status;
	}
	if (found->key == NULL) {
		*found = more;
		return 0;
	}
	if (EVP_PKEY_eq(token_key_public(found->key), token_key_public(more.key)) != 1)
		status = ambiguous(found, &more, address, err);
	engine_found_free(&more);
	return status;
}

/* Who is to sign: by an address, or where there is one by a selector. */
struct named {
	const char *text;
	const struct selector *selector;
};

static bool is_named(const struct named *n, X509 *cert)
{
	if (n->selector != NULL)
		return selector_grade(n->selector, cert) != SELECTOR_OTHER;
	return certs_name(cert, n->text);
}

/* Keys on the tokens whose certificate of that name is only in the files. */
static int by_files(struct engine_found *found, struct engine *engine, const hsmime_certs *certs,
    const struct named *named, struct error *err)
{
	char problem[CHAIN_PROBLEM_SIZE];
	int status = 0;

	for (size_t i = 0; i < hsmime_certs_count(certs) && status == 0; i++) {
		X509 *cert = hsmime_certs_get(certs, i);

		if (is_named(named, cert) &&
		    chain_fits(problem, cert, CHAIN_SIGN, HSMIME_NO_TIME, true) == 0)
			status = take_key(found, engine, cert, named->text, err);
	}
	if (status != 0)
		engine_found_free(found);
	return status == 0 && found->key == NULL ? HSMIME_ENOKEY : status;
}

static int by_from(struct engine_found *found, struct engine *engine, char *const *from,
    const hsmime_certs *certs, struct error *err)
{
	int status = HSMIME_ENOKEY;

	for (size_t i = 0; from[i] != NULL && status == HSMIME_ENOKEY; i++) {
		const struct named named = { .text = from[i] };

		status = engine_find_by_email(found, engine, from[i], ENGINE_SIGN, err);
		if (status == HSMIME_ENOKEY)
			status = by_files(found, engine, certs, &named, err);
	}
	return status;
}

static int by_key(struct engine_found *found, hsmime_ctx *ctx, struct engine *engine,
    const char *key, const hsmime_certs *certs, struct error *err)
{
	struct selector selector = { 0 };
	const struct named named = { key, &selector };
	int status = groups_find_key(found, ctx, engine, key, ENGINE_SIGN, err);

	if (status != HSMIME_ENOKEY || selector_parse(&selector, key, NULL) != 0)
		return status;
	if (selector.kind != SELECTOR_URI)
		status = by_files(found, engine, certs, &named, err);
	selector_free(&selector);
	return status;
}

static int read_from(char ***from, const struct header *header, struct error *err)
{
	size_t count = 0;

	if (header == NULL)
		return error_set(
		    err, HSMIME_EUSAGE, "--from needs a mail: files have no From address");
	if (address_list(from, &count, header, "From") != 0)
		return error_nomem(err);
	if (count > 0 && !address_is_remark((*from)[count - 1]))
		return 0;
	if (count == 0 || count == 1)
		error_set(err, HSMIME_EFORMAT, "the mail has no From address");
	else
		error_set(err, HSMIME_EFORMAT, "the mail's From can't be relied on %s",
		    (*from)[count - 1]);
	return error_hint(err, "name the key with -k instead of --from, or correct the mail");
}

/* What a signer's certificate is chosen by. */
struct wish {
	EVP_PKEY *key;
	char *const *from; /* NULL, or addresses one of which it should name */
	bool mail;
};

#define RANK_FITS 12 /* what is valid and fits has at least that */

static bool names_one(X509 *cert, char *const *from)
{
	for (size_t i = 0; from != NULL && from[i] != NULL; i++) {
		if (certs_name(cert, from[i]))
			return true;
	}
	return false;
}

/* Valid now before all, then fit to sign, then of the sender, then from the token. */
static int rank(X509 *cert, const struct wish *wish, bool on_token)
{
	char problem[CHAIN_PROBLEM_SIZE];
	bool valid =
	    X509_cmp_timeframe(NULL, X509_get0_notBefore(cert), X509_get0_notAfter(cert)) == 0;
	bool fits = chain_fits(problem, cert, CHAIN_SIGN, HSMIME_NO_TIME, wish->mail) == 0;

	return valid * 8 + fits * 4 + names_one(cert, wish->from) * 2 + on_token;
}

/* The certificate chosen so far. */
struct best {
	X509 *cert;
	int rank;
};

static void consider(struct best *best, X509 *cert, const struct wish *wish, bool on_token)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	int r;

	if (key == NULL || EVP_PKEY_eq(key, wish->key) != 1)
		return;
	r = rank(cert, wish, on_token);
	if (best->cert != NULL &&
	    (r < best->rank || (r == best->rank && ASN1_TIME_compare(X509_get0_notBefore(cert),
						       X509_get0_notBefore(best->cert)) <= 0)))
		return;
	X509_up_ref(cert);
	X509_free(best->cert);
	*best = (struct best){ .cert = cert, .rank = r };
}

/* The key's certificate may have another CKA_ID than the key, where nobody has looked yet. */
static int consider_tokens(
    struct best *best, struct engine *engine, const struct wish *wish, struct error *err)
{
	STACK_OF(X509) *pool = NULL;
	int status = engine_certificates(&pool, engine, NULL, err);

	for (int i = 0; i < sk_X509_num(pool); i++)
		consider(best, sk_X509_value(pool, i), wish, true);
	sk_X509_pop_free(pool, X509_free);
	return status;
}

static int choose_certificate(struct signer *s, struct engine *engine,
    const struct engine_found *found, const hsmime_certs *certs, const struct wish *wish,
    struct error *err)
{
	struct best best = { 0 };
	int status = 0;

	if (found->certificate != NULL)
		consider(&best, found->certificate, wish, true);
	for (size_t i = 0; i < hsmime_certs_count(certs); i++)
		consider(&best, hsmime_certs_get(certs, i), wish, false);
	if (best.rank < RANK_FITS && !found->named)
		status = consider_tokens(&best, engine, wish, err);
	s->certificate = best.cert;
	if (status != 0 || best.cert != NULL)
		return status;
	error_set(err, HSMIME_ENOKEY, "there is no certificate for the key %s", found->uri);
	return error_hint(err, "give the signer's certificate with --cert");
}

static X509 *issuer_in(const STACK_OF(X509) *pool, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(pool); i++) {
		X509 *candidate = sk_X509_value(pool, i);

		if (X509_check_issued(candidate, cert) == X509_V_OK)
			return candidate;
	}
	return NULL;
}

/* Takes issuer, if there is one; a root is left out (RFC 5652 section 10.2.3). */
static int add_issuer(X509 **cert, STACK_OF(X509) *chain, X509 *issuer, struct error *err)
{
	*cert = NULL;
	if (issuer == NULL || X509_self_signed(issuer, 0) == 1)
		return 0;
	if (certs_push(chain, issuer) != 0)
		return error_nomem(err);
	*cert = issuer;
	return 0;
}

/* The issuer on the tokens of *cert goes to chain and becomes *cert; NULL where there is none. */
static int climb_on_tokens(
    X509 **cert, STACK_OF(X509) *chain, struct engine *engine, struct error *err)
{
	STACK_OF(X509) *pool = NULL;
	int status = engine_certificates(&pool, engine, X509_get_issuer_name(*cert), err);

	if (status == 0)
		status = add_issuer(cert, chain, issuer_in(pool, *cert), err);
	sk_X509_pop_free(pool, X509_free);
	return status;
}

/* Upwards from the certificate: as far as the files go where they know its issuer, else the tokens. */
static int build_chain(
    struct signer *s, struct engine *engine, const hsmime_certs *certs, struct error *err)
{
	X509 *cert = s->certificate;
	bool files = certs != NULL && issuer_in(certs_stack(certs), cert) != NULL;
	int status = 0;

	s->chain = sk_X509_new_null();
	if (s->chain == NULL)
		return error_nomem(err);
	if (X509_self_signed(cert, 0) == 1)
		return 0;
	for (int depth = 0; depth < CHAIN_MAX && cert != NULL && status == 0; depth++)
		status = files
			     ? add_issuer(&cert, s->chain, issuer_in(certs_stack(certs), cert), err)
			     : climb_on_tokens(&cert, s->chain, engine, err);
	return status;
}

static int check_certificate(
    const struct signer *s, const hsmime_sign_options *options, struct error *err)
{
	char problem[CHAIN_PROBLEM_SIZE], dates[CERTIFICATE_PROBLEM_SIZE];

	if (chain_fits(problem, s->certificate, CHAIN_SIGN, HSMIME_NO_TIME,
		options->form == HSMIME_MAIL) == 0)
		return 0;
	certificate_problem(dates, s->certificate, ENGINE_SIGN);
	if (certificate_valid_now(s->certificate))
		error_set(
		    err, HSMIME_EPOLICY, "the signer's certificate can't be used: %s", problem);
	else
		error_set(
		    err, HSMIME_EPOLICY, "the signer's certificate can't be used: it %s", dates);
	return error_hint(err, "choose another key with --key, or another certificate with --cert");
}

static int look_for_key(struct engine_found *found, hsmime_ctx *ctx, struct engine *engine,
    const hsmime_sign_options *options, char *const *from)
{
	struct keys_told told = { 0 };
	int status;

	do
		status = from != NULL ? by_from(found, engine, from, options->certs, &ctx->err)
				      : by_key(found, ctx, engine, options->key_uri, options->certs,
					    &ctx->err);
	while (keys_wait(&told, ctx, engine, found, &status));
	keys_hidden(&ctx->err, engine, found, options->key_uri, status);
	return status;
}

static int find(struct signer *s, hsmime_ctx *ctx, struct engine *engine,
    const hsmime_sign_options *options, char *const *from)
{
	struct engine_found found = { 0 };
	struct wish wish = { .from = from, .mail = options->form == HSMIME_MAIL };
	int status = look_for_key(&found, ctx, engine, options, from);

	if (status == 0) {
		wish.key = token_key_public(found.key);
		status = choose_certificate(s, engine, &found, options->certs, &wish, &ctx->err);
	}
	if (status == 0)
		status = check_certificate(s, options, &ctx->err);
	if (status == 0)
		status = build_chain(s, engine, options->certs, &ctx->err);
	if (status == 0)
		status =
		    ctx_wrap(&s->key, &s->used, ctx, engine, &found, options->key_uri, ENGINE_SIGN);
	if (status == 0)
		status = made_signer(ctx, found.uri, s->certificate);
	engine_found_free(&found);
	return status;
}

int signer_find(struct signer *s, hsmime_ctx *ctx, const hsmime_sign_options *options,
    const struct header *header)
{
	char **from = NULL;
	struct engine *engine;
	int status = 0;

	if (options->from && options->key_uri == NULL)
		status = read_from(&from, header, &ctx->err);
	if (status == 0)
		status = ctx_engine(&engine, ctx);
	if (status == 0)
		status = find(s, ctx, engine, options, from);
	address_list_free(from);
	return status;
}

void signer_free(struct signer *s)
{
	EVP_PKEY_free(s->key);
	token_key_free(s->used);
	X509_free(s->certificate);
	sk_X509_pop_free(s->chain, X509_free);
	*s = (struct signer){ 0 };
}
