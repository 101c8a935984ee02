#include "evidence/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <hsmime/result.h>

#include "util/error.h"
#include "util/name.h"

#define RSA_BITS_LEAST 1024

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

static uint32_t wanted_usage(X509 *cert, enum chain_use use)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (use == CHAIN_SIGN)
		return KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION;
	return key != NULL && EVP_PKEY_is_a(key, "EC") ? KU_KEY_AGREEMENT : KU_KEY_ENCIPHERMENT;
}

static bool allows_use(X509 *cert, enum chain_use use)
{
	return (X509_get_extension_flags(cert) & EXFLAG_KUSAGE) == 0 ||
	       (X509_get_key_usage(cert) & wanted_usage(cert, use)) != 0;
}

static bool allows_mail(X509 *cert)
{
	return (X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) == 0 ||
	       (X509_get_extended_key_usage(cert) & (XKU_SMIME | XKU_ANYEKU)) != 0;
}

/*
 * OpenSSL's S/MIME purposes know neither key agreement (RFC 8550 section 4.4.2)
 * nor anyExtendedKeyUsage (section 4.4.4), and refuse both.
 */
static bool fits_after_all(X509 *cert, bool ca, enum chain_use use)
{
	if ((X509_get_extension_flags(cert) & EXFLAG_NSCERT) != 0 || !allows_mail(cert))
		return false;
	return ca ? X509_check_ca(cert) == 1 : allows_use(cert, use);
}

static int on_problem(int ok, X509_STORE_CTX *ctx)
{
	const enum chain_use *use = X509_STORE_CTX_get_app_data(ctx);

	if (ok || X509_STORE_CTX_get_error(ctx) != X509_V_ERR_INVALID_PURPOSE ||
	    !fits_after_all(X509_STORE_CTX_get_current_cert(ctx),
		X509_STORE_CTX_get_error_depth(ctx) > 0, *use))
		return ok;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static void apply(X509_STORE_CTX *ctx, const struct chain_check *check, enum chain_use *use)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	int purpose =
	    check->use == CHAIN_SIGN ? X509_PURPOSE_SMIME_SIGN : X509_PURPOSE_SMIME_ENCRYPT;

	*use = check->use;
	X509_STORE_CTX_set_app_data(ctx, use);
	X509_STORE_CTX_set_verify_cb(ctx, on_problem);
	X509_VERIFY_PARAM_set_purpose(param, check->any_purpose ? X509_PURPOSE_ANY : purpose);
	/* X509_TRUST_EMAIL would refuse anchors that were given without an alias. */
	X509_VERIFY_PARAM_set_trust(param, X509_TRUST_COMPAT);
	/* A time that is set would be checked in spite of the flag. */
	if (check->no_check_time)
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
	else if (check->at != HSMIME_NO_TIME)
		X509_VERIFY_PARAM_set_time(param, (time_t)check->at);
	if (check->partial)
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
}

static void describe(char problem[CHAIN_PROBLEM_SIZE], X509_STORE_CTX *ctx)
{
	int code = X509_STORE_CTX_get_error(ctx);
	X509 *at = X509_STORE_CTX_get_current_cert(ctx);
	char *name = at != NULL ? name_text(X509_get_subject_name(at)) : NULL;

	snprintf(problem, CHAIN_PROBLEM_SIZE, "the certificate is not trusted: %s%s%s",
	    X509_verify_cert_error_string(code), name != NULL ? ", at " : "",
	    name != NULL ? name : "");
	free(name);
}

/* Whether somebody else than the issuer can have made it: colliding certificates with MD5 were made in 2008. */
static bool is_forgeable(X509 *cert)
{
	static const int broken[] = { NID_md2, NID_md4, NID_md5, NID_mdc2 };
	int digest = NID_undef;

	if (X509_get_signature_info(cert, &digest, NULL, NULL, NULL) != 1)
		return false;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		if (digest == broken[i])
			return true;
	}
	return false;
}

/* RSA keys below this are factored at home: anybody may have it. */
static bool is_factored(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	return key != NULL && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) < RSA_BITS_LEAST;
}

/* The last of the chain is the anchor, which is trusted whatever signed it. */
static int check_strength(char problem[CHAIN_PROBLEM_SIZE], X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *cert = sk_X509_value(chain, i);
		bool anchor = i > 0 && i + 1 == sk_X509_num(chain);
		int code = X509_V_OK;

		if (is_factored(cert))
			code = i == 0 ? X509_V_ERR_EE_KEY_TOO_SMALL : X509_V_ERR_CA_KEY_TOO_SMALL;
		else if (!anchor && is_forgeable(cert))
			code = X509_V_ERR_CA_MD_TOO_WEAK;
		if (code == X509_V_OK)
			continue;
		X509_STORE_CTX_set_current_cert(ctx, cert);
		X509_STORE_CTX_set_error(ctx, code);
		describe(problem, ctx);
		return HSMIME_EINVALID;
	}
	return 0;
}

static int refuse(char problem[CHAIN_PROBLEM_SIZE], const char *why)
{
	snprintf(problem, CHAIN_PROBLEM_SIZE, "%s", why);
	return HSMIME_EINVALID;
}

/* any_purpose is about extended key usage, the issuer's list; key usage is what the key is for. */
static int check_usage(char problem[CHAIN_PROBLEM_SIZE], X509 *cert, enum chain_use use)
{
	if (allows_use(cert, use))
		return 0;
	return refuse(problem, use == CHAIN_SIGN
				   ? "the certificate's key usage does not allow signatures"
				   : "the certificate's key usage does not allow encryption");
}

int chain_verify(char problem[CHAIN_PROBLEM_SIZE], X509 *cert, const struct chain_check *check,
    OSSL_LIB_CTX *libctx)
{
	X509_STORE *store = store_of(check, libctx);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new_ex(libctx, NULL);
	enum chain_use use;
	int status = HSMIME_ENOMEM;

	problem[0] = '\0';
	if (store == NULL || ctx == NULL ||
	    X509_STORE_CTX_init(ctx, store, cert, check->untrusted) != 1)
		goto out;
	apply(ctx, check, &use);
	if (X509_verify_cert(ctx) == 1) {
		status = check_strength(problem, ctx);
		if (status == 0)
			status = check_usage(problem, cert, check->use);
	} else if (X509_STORE_CTX_get_error(ctx) != X509_V_ERR_OUT_OF_MEM) {
		describe(problem, ctx);
		status = HSMIME_EINVALID;
	}
out:
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	error_forget();
	return status;
}

static int check_time(char problem[CHAIN_PROBLEM_SIZE], X509 *cert, time_t now)
{
	int start = X509_cmp_time(X509_get0_notBefore(cert), &now);
	int end = X509_cmp_time(X509_get0_notAfter(cert), &now);

	if (start == 0 || end == 0)
		return refuse(problem, "the certificate's validity is malformed");
	if (start > 0)
		return refuse(problem, "the certificate is not valid yet");
	return end < 0 ? refuse(problem, "the certificate has expired") : 0;
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
	status = check_usage(problem, cert, use);
	if (status != 0)
		return status;
	if (use == CHAIN_ENCRYPT && is_factored(cert))
		return refuse(problem, "the certificate's RSA key is shorter than 1,024 bits");
	if (mail && !allows_mail(cert))
		return refuse(
		    problem, "the certificate's extended key usage does not allow e-mail");
	problem[0] = '\0';
	return 0;
}

static int push(char ***list, size_t *count, const char *text, size_t len)
{
	char **grown = realloc(*list, (*count + 2) * sizeof(*grown));

	if (grown == NULL)
		return HSMIME_ENOMEM;
	*list = grown;
	grown[*count + 1] = NULL;
	grown[*count] = strndup(text, len);
	return grown[(*count)++] == NULL ? HSMIME_ENOMEM : 0;
}

/* The SmtpUTF8Mailbox at name (RFC 9598 section 3), or NULL where it is another name. */
static const ASN1_STRING *utf8_mailbox(const GENERAL_NAME *name)
{
	ASN1_OBJECT *type = NULL;
	ASN1_TYPE *value = NULL;
	const ASN1_STRING *text;

	if (GENERAL_NAME_get0_otherName(name, &type, &value) != 1 ||
	    OBJ_obj2nid(type) != NID_id_on_SmtpUTF8Mailbox || value->type != V_ASN1_UTF8STRING)
		return NULL;
	text = value->value.utf8string;
	return memchr(ASN1_STRING_get0_data(text), 0, (size_t)ASN1_STRING_length(text)) == NULL
		   ? text
		   : NULL;
}

static int push_utf8(char ***list, size_t *count, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int status = 0;

	for (int i = 0; status == 0 && i < sk_GENERAL_NAME_num(names); i++) {
		const ASN1_STRING *text = utf8_mailbox(sk_GENERAL_NAME_value(names, i));

		if (text != NULL && ASN1_STRING_length(text) > 0)
			status = push(list, count, (const char *)ASN1_STRING_get0_data(text),
			    (size_t)ASN1_STRING_length(text));
	}
	GENERAL_NAMES_free(names);
	return status;
}

char **chain_emails(X509 *cert)
{
	STACK_OF(OPENSSL_STRING) *found = X509_get1_email(cert);
	char **list = calloc(1, sizeof(*list));
	size_t count = 0;
	int status = list == NULL ? HSMIME_ENOMEM : 0;

	for (int i = 0; status == 0 && i < sk_OPENSSL_STRING_num(found); i++) {
		const char *email = sk_OPENSSL_STRING_value(found, i);

		status = push(&list, &count, email, strlen(email));
	}
	if (status == 0)
		status = push_utf8(&list, &count, cert);
	X509_email_free(found);
	if (status == 0)
		return list;
	chain_emails_free(list);
	return NULL;
}

void chain_emails_free(char **emails)
{
	for (size_t i = 0; emails != NULL && emails[i] != NULL; i++)
		free(emails[i]);
	free(emails);
}
