#include "engine/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/x509v3.h>

bool certificate_valid_now(const X509 *cert)
{
	return X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

bool certificate_better(const X509 *a, const X509 *b)
{
	bool a_valid = certificate_valid_now(a), b_valid = certificate_valid_now(b);

	if (a_valid != b_valid)
		return a_valid;
	return ASN1_TIME_compare(X509_get0_notBefore(a), X509_get0_notBefore(b)) > 0;
}

bool certificate_names_email(X509 *cert, const char *email)
{
	STACK_OF(OPENSSL_STRING) *list = X509_get1_email(cert);
	bool found = false;

	for (int i = 0; i < sk_OPENSSL_STRING_num(list); i++)
		found |= strcasecmp(sk_OPENSSL_STRING_value(list, i), email) == 0;
	X509_email_free(list);
	return found;
}

bool certificate_fits(X509 *cert, enum engine_purpose purpose)
{
	uint32_t wanted = purpose == ENGINE_SIGN ? KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION
						 : KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT;

	/* Both functions give UINT32_MAX where the extension is absent. */
	return (X509_get_extension_flags(cert) & EXFLAG_CA) == 0 &&
	       (X509_get_key_usage(cert) & wanted) != 0 &&
	       (X509_get_extended_key_usage(cert) & (XKU_SMIME | XKU_ANYEKU)) != 0;
}

int certificate_rank(X509 *cert, enum engine_purpose purpose)
{
	if (cert == NULL || purpose == ENGINE_ANY)
		return 1;
	if (!certificate_fits(cert, purpose))
		return 0;
	return certificate_valid_now(cert) ? 2 : purpose == ENGINE_DECRYPT ? 1 : 0;
}

void certificate_date(char text[CERTIFICATE_DATE_SIZE], const ASN1_TIME *t)
{
	struct tm tm = { 0 };

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1 ||
	    strftime(text, CERTIFICATE_DATE_SIZE, "%Y-%m-%d", &tm) == 0)
		snprintf(text, CERTIFICATE_DATE_SIZE, "?");
}

void certificate_problem(
    char text[CERTIFICATE_PROBLEM_SIZE], X509 *cert, enum engine_purpose purpose)
{
	const ASN1_TIME *from = X509_get0_notBefore(cert), *to = X509_get0_notAfter(cert);
	bool dates = purpose == ENGINE_SIGN;
	char date[CERTIFICATE_DATE_SIZE];

	text[0] = '\0';
	if (dates && X509_cmp_current_time(to) <= 0) {
		certificate_date(date, to);
		snprintf(text, CERTIFICATE_PROBLEM_SIZE, "expired on %s", date);
	} else if (dates && X509_cmp_current_time(from) >= 0) {
		certificate_date(date, from);
		snprintf(text, CERTIFICATE_PROBLEM_SIZE, "is not valid before %s", date);
	} else if (!certificate_fits(cert, purpose)) {
		snprintf(text, CERTIFICATE_PROBLEM_SIZE, "is not one to %s mail with",
		    purpose == ENGINE_SIGN ? "sign" : "decrypt");
	}
}

static bool same_issuer(X509 *cert, const struct engine_candidate *c)
{
	const unsigned char *p = c->issuer;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)c->issuer_len);
	bool same = name != NULL && p == c->issuer + c->issuer_len &&
		    X509_NAME_cmp(name, X509_get_issuer_name(cert)) == 0;

	X509_NAME_free(name);
	error_forget();
	return same;
}

static bool same_serial(X509 *cert, const struct engine_candidate *c)
{
	unsigned char *der = NULL;
	int len = i2d_ASN1_INTEGER(X509_get_serialNumber(cert), &der);
	bool same =
	    len > 0 && (size_t)len == c->serial_len && memcmp(der, c->serial, c->serial_len) == 0;

	OPENSSL_free(der);
	return same;
}

bool certificate_is(X509 *cert, const struct engine_candidate *c)
{
	const ASN1_OCTET_STRING *id = NULL;

	if (c->issuer != NULL && c->serial != NULL)
		return same_serial(cert, c) && same_issuer(cert, c);
	id = c->key_id != NULL ? X509_get0_subject_key_id(cert) : NULL;
	return id != NULL && (size_t)ASN1_STRING_length(id) == c->key_id_len &&
	       memcmp(ASN1_STRING_get0_data(id), c->key_id, c->key_id_len) == 0;
}

static void free_strings(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

int certificate_emails(char ***out, X509 *cert)
{
	STACK_OF(OPENSSL_STRING) *found = X509_get1_email(cert);
	int count = sk_OPENSSL_STRING_num(found), i = 0;
	char **list = calloc(count > 0 ? (size_t)count + 1 : 1, sizeof(*list));

	for (i = 0; list != NULL && i < count; i++) {
		list[i] = strdup(sk_OPENSSL_STRING_value(found, i));
		if (list[i] == NULL)
			break;
	}
	X509_email_free(found);
	if (list != NULL && i < count) {
		free_strings(list);
		list = NULL;
	}
	*out = list;
	return list != NULL ? 0 : HSMIME_ENOMEM;
}

int64_t certificate_time(const ASN1_TIME *t)
{
	struct tm tm = { 0 };

	return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MIN;
}
