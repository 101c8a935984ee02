#include "evidence/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <hsmime/result.h>

static time_t moment(int64_t at)
{
	return at == HSMIME_NO_TIME ? time(NULL) : (time_t)at;
}

static X509_STORE *store_of(const struct chain_check *check, OSSL_LIB_CTX *libctx)
{
	X509_STORE *store = X509_STORE_new();

	if (store == NULL)
		return NULL;
	if (check->anchors == NULL) {
		X509_STORE_set_default_paths_ex(store, libctx, NULL);
		return store;
	}
	for (int i = 0; i < sk_X509_num(check->anchors); i++) {
		if (X509_STORE_add_cert(store, sk_X509_value(check->anchors, i)) != 1) {
			X509_STORE_free(store);
			return NULL;
		}
	}
	return store;
}

static void apply(X509_STORE_CTX *ctx, const struct chain_check *check)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	int purpose =
	    check->use == CHAIN_SIGN ? X509_PURPOSE_SMIME_SIGN : X509_PURPOSE_SMIME_ENCRYPT;

	X509_VERIFY_PARAM_set_purpose(param, check->any_purpose ? X509_PURPOSE_ANY : purpose);
	/* X509_TRUST_EMAIL would refuse anchors that were given without an alias. */
	X509_VERIFY_PARAM_set_trust(param, X509_TRUST_COMPAT);
	if (check->at != HSMIME_NO_TIME)
		X509_VERIFY_PARAM_set_time(param, (time_t)check->at);
	if (check->no_check_time)
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
	if (check->partial)
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
}

static void describe(char problem[CHAIN_PROBLEM_SIZE], X509_STORE_CTX *ctx)
{
	int code = X509_STORE_CTX_get_error(ctx);
	X509 *at = X509_STORE_CTX_get_current_cert(ctx);
	char name[100] = "";

	if (at != NULL)
		X509_NAME_oneline(X509_get_subject_name(at), name, sizeof(name));
	snprintf(problem, CHAIN_PROBLEM_SIZE, "the certificate is not trusted: %s%s%s",
	    X509_verify_cert_error_string(code), name[0] != '\0' ? ", at " : "", name);
}

int chain_verify(char problem[CHAIN_PROBLEM_SIZE], X509 *cert, const struct chain_check *check,
    OSSL_LIB_CTX *libctx)
{
	X509_STORE *store = store_of(check, libctx);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new_ex(libctx, NULL);
	int status = HSMIME_ENOMEM;

	problem[0] = '\0';
	if (store == NULL || ctx == NULL ||
	    X509_STORE_CTX_init(ctx, store, cert, check->untrusted) != 1)
		goto out;
	apply(ctx, check);
	if (X509_verify_cert(ctx) == 1) {
		status = 0;
	} else if (X509_STORE_CTX_get_error(ctx) != X509_V_ERR_OUT_OF_MEM) {
		describe(problem, ctx);
		status = HSMIME_EINVALID;
	}
out:
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return status;
}

static int refuse(char problem[CHAIN_PROBLEM_SIZE], const char *why)
{
	snprintf(problem, CHAIN_PROBLEM_SIZE, "%s", why);
	return HSMIME_EINVALID;
}

static int check_time(char problem[CHAIN_PROBLEM_SIZE], X509 *cert, time_t now)
{
	if (X509_cmp_time(X509_get0_notBefore(cert), &now) > 0)
		return refuse(problem, "the certificate is not valid yet");
	if (X509_cmp_time(X509_get0_notAfter(cert), &now) < 0)
		return refuse(problem, "the certificate has expired");
	return 0;
}

static uint32_t wanted_usage(X509 *cert, enum chain_use use)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (use == CHAIN_SIGN)
		return KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION;
	return key != NULL && EVP_PKEY_is_a(key, "EC") ? KU_KEY_AGREEMENT : KU_KEY_ENCIPHERMENT;
}

int chain_fits(
    char problem[CHAIN_PROBLEM_SIZE], X509 *cert, enum chain_use use, int64_t at, bool mail)
{
	uint32_t flags = X509_get_extension_flags(cert);
	int status = check_time(problem, cert, moment(at));

	if (status != 0)
		return status;
	if ((flags & EXFLAG_INVALID) != 0)
		return refuse(problem, "the certificate has a malformed extension");
	if ((flags & EXFLAG_KUSAGE) != 0 &&
	    (X509_get_key_usage(cert) & wanted_usage(cert, use)) == 0)
		return refuse(problem,
		    use == CHAIN_SIGN ? "the certificate's key usage does not allow signatures"
				      : "the certificate's key usage does not allow encryption");
	if (mail && (flags & EXFLAG_XKUSAGE) != 0 &&
	    (X509_get_extended_key_usage(cert) & (XKU_SMIME | XKU_ANYEKU)) == 0)
		return refuse(
		    problem, "the certificate's extended key usage does not allow e-mail");
	problem[0] = '\0';
	return 0;
}

char **chain_emails(X509 *cert)
{
	STACK_OF(OPENSSL_STRING) *found = X509_get1_email(cert);
	int count = found != NULL ? sk_OPENSSL_STRING_num(found) : 0;
	char **list = calloc((size_t)count + 1, sizeof(*list));

	for (int i = 0; list != NULL && i < count; i++) {
		list[i] = strdup(sk_OPENSSL_STRING_value(found, i));
		if (list[i] == NULL) {
			chain_emails_free(list);
			list = NULL;
		}
	}
	X509_email_free(found);
	return list;
}

void chain_emails_free(char **emails)
{
	for (size_t i = 0; emails != NULL && emails[i] != NULL; i++)
		free(emails[i]);
	free(emails);
}
