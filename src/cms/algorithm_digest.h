/*
 * algorithm_digest: the digest algorithms, by OID (RFC 3370, 5754, 8702) and name.
 */
#ifndef CMS_ALGORITHM_DIGEST_H
#define CMS_ALGORITHM_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#define DIGEST_MAX_SIZE 64

struct digest_algorithm {
	const char *name;   /* for people: "SHA-256" */
	const char *fetch;  /* OpenSSL's: "SHA256" */
	const char *micalg; /* RFC 8551 section 3.5.3.2 */
	size_t size;        /* octets; 0: broken, not used for anything */
	int nid;
	bool sign; /* good enough for new signatures */
	bool oaep; /* RSAES-OAEP and its MGF1 take it (RFC 4055 section 2.1) */
};

/* digest_by_nid(nid), digest_by_name(name): the entry, or NULL. Names: any case, with or without '-'. */
const struct digest_algorithm *digest_by_nid(int nid);
const struct digest_algorithm *digest_by_name(const char *name);

/*
 * digest_of_algorithm(a):
 * The entry for a, or NULL: unknown, or with other parameters than none or
 * NULL, which mean the same (RFC 5754 section 2).
 */
const struct digest_algorithm *digest_of_algorithm(const X509_ALGOR *a);

/* algorithm_is_plain(a): whether a's parameters are absent or NULL. */
bool algorithm_is_plain(const X509_ALGOR *a);

/* algorithm_text(text, size, a): a's OID for people, its name where OpenSSL has one. */
void algorithm_text(char *text, size_t size, const X509_ALGOR *a);

#endif
