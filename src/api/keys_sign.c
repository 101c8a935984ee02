#include "api/keys.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/x509v3.h>

#include "api/certs.h"
#include "engine/token_key.h"
#include "evidence/chain.h"
#include "mail/address.h"

#define CHAIN_MAX 16

static int by_from(struct engine_found *found, struct engine *engine, const struct header *header,
    struct error *err)
{
	char **from = NULL;
	size_t count = 0;
	int status;

	if (header == NULL)
		return error_set(
		    err, HSMIME_EUSAGE, "--from needs a mail: files have no From address");
	if (address_list(&from, &count, header, "From") != 0)
		return error_nomem(err);
	status = count == 0 ? error_set(err, HSMIME_EFORMAT, "the mail has no From address")
			    : HSMIME_ENOKEY;
	for (size_t i = 0; i < count && status == HSMIME_ENOKEY; i++)
		status = engine_find_by_email(found, engine, from[i], ENGINE_SIGN, err);
	address_list_free(from);
	return status;
}

/* The certificate in the files whose public key is the found key's. */
static X509 *matching(const hsmime_certs *certs, const struct engine_found *found)
{
	EVP_PKEY *public = token_key_public(found->key);

	for (size_t i = 0; i < hsmime_certs_count(certs); i++) {
		X509 *cert = hsmime_certs_get(certs, i);
		EVP_PKEY *key = X509_get0_pubkey(cert);

		if (key != NULL && EVP_PKEY_eq(key, public) == 1)
			return cert;
	}
	return NULL;
}

static int choose_certificate(struct signer *s, const struct engine_found *found,
    const hsmime_certs *certs, struct error *err)
{
	X509 *cert = matching(certs, found);

	if (cert == NULL)
		cert = found->certificate;
	if (cert == NULL) {
		error_set(err, HSMIME_ENOKEY, "there is no certificate for the key %s", found->uri);
		return error_hint(err, "give the signer's certificate with --cert");
	}
	X509_up_ref(cert);
	s->certificate = cert;
	return 0;
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
	char problem[CHAIN_PROBLEM_SIZE];

	if (chain_fits(problem, s->certificate, CHAIN_SIGN, HSMIME_NO_TIME,
		options->form == HSMIME_MAIL) == 0)
		return 0;
	error_set(err, HSMIME_EPOLICY, "the signer's certificate can't be used: %s", problem);
	return error_hint(err, "choose another key with --key, or another certificate with --cert");
}

int signer_find(struct signer *s, hsmime_ctx *ctx, const hsmime_sign_options *options,
    const struct header *header)
{
	struct engine_found found = { 0 };
	struct engine *engine;
	int status = ctx_engine(&engine, ctx);

	if (status != 0)
		return status;
	status = options->from && options->key_uri == NULL
		     ? by_from(&found, engine, header, &ctx->err)
		     : engine_find_key(&found, engine, options->key_uri, ENGINE_SIGN, &ctx->err);
	if (status == 0)
		status = choose_certificate(s, &found, options->certs, &ctx->err);
	if (status == 0)
		status = check_certificate(s, options, &ctx->err);
	if (status == 0)
		status = build_chain(s, engine, options->certs, &ctx->err);
	if (status == 0)
		status = ctx_wrap(&s->key, ctx, &found);
	engine_found_free(&found);
	return status;
}

void signer_free(struct signer *s)
{
	EVP_PKEY_free(s->key);
	X509_free(s->certificate);
	sk_X509_pop_free(s->chain, X509_free);
	*s = (struct signer){ 0 };
}
