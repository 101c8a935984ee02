/*
 * peer: the other side of a test: certificates and S/MIME messages made with
 * OpenSSL alone, and memory for hsmime's sources and outputs.
 */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <hsmime/hsmime.h>

/* A person: a software key and a certificate by the test's CA. */
struct peer {
	EVP_PKEY *key;
	X509 *cert;
};

extern struct peer peer_ca;    /* the trust anchor */
extern struct peer peer_alice; /* alice@example.com, RSA */
extern struct peer peer_bob;   /* bob@example.com, EC P-256 */
extern struct peer peer_old;   /* carol@example.com, expired a day ago */

/* peer_setup, peer_teardown: cmocka group fixtures. */
int peer_setup(void **state);
int peer_teardown(void **state);

/* Text that grows; data is NUL-terminated. */
struct text {
	char *data;
	size_t len;
};
void text_add(struct text *t, const void *data, size_t len);
void text_print(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *t);

/* peer_sign_clear(mail, who, entity, newline): a multipart/signed mail from alice@example.com to bob. */
void peer_sign_clear(
    struct text *mail, const struct peer *who, const char *entity, const char *newline);

/* peer_sign_opaque(mail, who, entity): an application/pkcs7-mime; smime-type=signed-data mail. */
void peer_sign_opaque(struct text *mail, const struct peer *who, const char *entity);

/* peer_decrypt(out, who, der, len): CMS_decrypt; false where that fails. */
bool peer_decrypt(struct text *out, const struct peer *who, const void *der, size_t len);

/* memory_source(out, m, data, len): a seekable source; m is its memory. */
void memory_source(hsmime_source *out, hsmime_memory *m, const void *data, size_t len);

/* slow_source(out, base): base, one octet a read, not seekable. */
void slow_source(hsmime_source *out, hsmime_source *base);

/* text_output(text): an output that appends to text. */
hsmime_output *text_output(struct text *text);

/* anchors(): a fresh set with the test's CA. */
hsmime_certs *anchors(void);

/* one_cert(cert): a fresh set with that certificate. */
hsmime_certs *one_cert(X509 *cert);

#endif
