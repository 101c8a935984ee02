/* A certificate by itself: dates, use, strength, and whether it leads to an authority that is trusted. */
#include "api/doctor.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "api/certs.h"
#include "engine/certificate.h"
#include "evidence/chain.h"
#include "util/name.h"

#define SOON (30 * 24 * 3600) /* seconds */
#define RSA_LEAST 2048        /* bits */
#define EC_LEAST 256
#define SIGNATURE_LEAST 112 /* bits of security: SHA-224 and more */

/* True where it is valid now. */
static bool tell_dates(struct doctor *d, X509 *cert, const char *name, const char *subject)
{
	const ASN1_TIME *from = X509_get0_notBefore(cert), *to = X509_get0_notAfter(cert);
	time_t soon = time(NULL) + SOON;
	char date[CERTIFICATE_DATE_SIZE];

	certificate_date(date, X509_cmp_current_time(from) >= 0 ? from : to);
	if (X509_cmp_current_time(to) <= 0)
		doctor_say(d, DOCTOR_CERTIFICATE_EXPIRED, subject,
		    "the certificate of %.200s expired on %s", name, date);
	else if (X509_cmp_current_time(from) >= 0)
		doctor_say(d, DOCTOR_CERTIFICATE_NOT_YET_VALID, subject,
		    "the certificate of %.200s is not valid before %s", name, date);
	else if (X509_cmp_time(to, &soon) <= 0)
		doctor_say(d, DOCTOR_CERTIFICATE_EXPIRES, subject,
		    "the certificate of %.200s expires on %s", name, date);
	else
		doctor_say(d, DOCTOR_CERTIFICATE_VALID, subject,
		    "the certificate of %.200s is valid until %s", name, date);
	d->too_early += X509_cmp_current_time(from) >= 0;
	return certificate_valid_now(cert);
}

/* A certificate without a key is looked at, but nobody signs or decrypts with it. */
static void tell_key(
    struct doctor *d, X509 *cert, const char *subject, const struct doctor_uses *key)
{
	static const char *const words[ENGINE_PURPOSES] = {
		[ENGINE_SIGN] = "it is one to sign mail with, but its key may not sign",
		[ENGINE_DECRYPT] = "it is one to encrypt mail for, but its key may not decrypt",
	};

	for (enum engine_purpose p = ENGINE_SIGN; p <= ENGINE_DECRYPT; p++) {
		if (!certificate_fits(cert, p))
			continue;
		d->good[p] += key->can[p];
		if (key->known && !key->may[p])
			doctor_say(d, DOCTOR_CERTIFICATE_KEY_LIMITED, subject, "%s", words[p]);
	}
}

static void tell_use(struct doctor *d, X509 *cert, const char *subject)
{
	bool signs = certificate_fits(cert, ENGINE_SIGN),
	     decrypts = certificate_fits(cert, ENGINE_DECRYPT);
	const char *what = signs      ? "it is not one to encrypt mail for"
			   : decrypts ? "it is not one to sign mail with"
				      : "it is not one for mail at all";

	if (!signs || !decrypts)
		doctor_say(d, DOCTOR_CERTIFICATE_USAGE, subject,
		    "%s, by its key usage or extended key usage", what);
}

static void tell_strength(struct doctor *d, X509 *cert, const char *subject)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	int bits = key != NULL ? EVP_PKEY_get_bits(key) : 0, security = 0;
	int least = key != NULL && EVP_PKEY_is_a(key, "RSA") ? RSA_LEAST : EC_LEAST;

	if (key != NULL && bits < least)
		doctor_say(d, DOCTOR_CERTIFICATE_WEAK, subject, "its key has %d bits only", bits);
	if (X509_get_signature_info(cert, NULL, NULL, &security, NULL) == 1 &&
	    security < SIGNATURE_LEAST)
		doctor_say(d, DOCTOR_CERTIFICATE_WEAK, subject,
		    "the authority signed it with a digest that is not safe any more");
}

static void tell_emails(struct doctor *d, X509 *cert, const char *subject)
{
	char **emails = chain_emails(cert);

	if (emails != NULL && emails[0] == NULL)
		doctor_say(d, DOCTOR_CERTIFICATE_NO_EMAIL, subject, "it names no e-mail address");
	chain_emails_free(emails);
}

/* Its dates were told before. */
static void tell_chain(struct doctor *d, X509 *cert, const char *subject)
{
	char problem[CHAIN_PROBLEM_SIZE];
	struct chain_check check = { .anchors = certs_stack(d->options->anchors),
		.untrusted = certs_stack(d->options->certs),
		.use = certificate_fits(cert, ENGINE_SIGN) ? CHAIN_SIGN : CHAIN_ENCRYPT,
		.at = HSMIME_NO_TIME,
		.no_check_time = true,
		.any_purpose = true };

	if (chain_verify(problem, cert, &check, d->ctx->shared->libctx) == HSMIME_EINVALID)
		doctor_say(d, DOCTOR_CERTIFICATE_UNTRUSTED, subject, "%s", problem);
}

void doctor_certificate(
    struct doctor *d, X509 *cert, const char *subject, const struct doctor_uses *key)
{
	char *name = name_text(X509_get_subject_name(cert));
	bool valid = tell_dates(d, cert, name != NULL ? name : "?", subject);

	d->certificates++;
	tell_use(d, cert, subject);
	if (valid)
		tell_key(d, cert, subject, key);
	tell_strength(d, cert, subject);
	tell_emails(d, cert, subject);
	tell_chain(d, cert, subject);
	error_forget();
	free(name);
}
