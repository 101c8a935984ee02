/*
 * chain: whether a certificate leads to a trust anchor and may be used for S/MIME
 * (RFC 5280 section 6, RFC 8550). Revocation is not looked at here.
 */
#ifndef EVIDENCE_CHAIN_H
#define EVIDENCE_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>
#include <openssl/x509.h>

#include "util/error.h"

#define CHAIN_PROBLEM_SIZE 200

enum chain_use { CHAIN_SIGN, CHAIN_ENCRYPT };

struct chain_check {
	STACK_OF(X509) *anchors;   /* NULL: the system's store */
	STACK_OF(X509) *untrusted; /* intermediates; may be NULL */
	enum chain_use use;
	int64_t at;         /* Unix time, HSMIME_NO_TIME: now */
	bool no_check_time; /* whatever at says */
	bool partial;       /* an anchor need not be self-signed */
	bool any_purpose;
};

/*
 * chain_verify(problem, cert, check, libctx):
 * 0 where cert leads to an anchor and fits the use; HSMIME_EINVALID with plain
 * words in problem where it does not; HSMIME_ENOMEM. A certificate that was signed
 * with MD5 or an older digest leads nowhere; SHA-1 still does (old mail).
 */
int chain_verify(char problem[CHAIN_PROBLEM_SIZE], X509 *cert, const struct chain_check *check,
    OSSL_LIB_CTX *libctx);

/*
 * chain_fits(problem, cert, use, at, mail):
 * The checks that need no anchor: validity at that time (HSMIME_NO_TIME: now),
 * key usage, for encryption the strength of the key, and with mail the extended key usage
 * (emailProtection). 0 or
 * HSMIME_EINVALID with words.
 */
int chain_fits(
    char problem[CHAIN_PROBLEM_SIZE], X509 *cert, enum chain_use use, int64_t at, bool mail);

/*
 * chain_emails(cert):
 * Its e-mail addresses: rfc822Name and SmtpUTF8Mailbox (RFC 9598) of the
 * subjectAltName, emailAddress of the subject; those with a NUL are left out.
 * NULL-terminated (free with chain_emails_free); NULL: out of memory.
 */
char **chain_emails(X509 *cert);
void chain_emails_free(char **emails);

#endif
