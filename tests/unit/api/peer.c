#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

struct peer peer_ca, peer_alice, peer_bob, peer_old;

static void extend(X509 *cert, int nid, const char *value)
{
	X509V3_CTX v3;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&v3, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

static void certify(struct peer *p, const char *name, const char *email, long days)
{
	static long serial = 1;
	bool ca = p == &peer_ca;
	char san[100];

	p->cert = X509_new();
	assert_non_null(p->cert);
	X509_set_version(p->cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(p->cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(p->cert), -10 * 86400L);
	X509_gmtime_adj(X509_getm_notAfter(p->cert), days * 86400L);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(p->cert), "CN", MBSTRING_UTF8,
	    (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(p->cert, X509_get_subject_name(ca ? p->cert : peer_ca.cert));
	X509_set_pubkey(p->cert, p->key);
	extend(p->cert, NID_basic_constraints, ca ? "critical,CA:TRUE" : "CA:FALSE");
	extend(p->cert, NID_subject_key_identifier, "hash");
	if (email != NULL) {
		snprintf(san, sizeof(san), "email:%s", email);
		extend(p->cert, NID_subject_alt_name, san);
		extend(p->cert, NID_ext_key_usage, "emailProtection");
	}
	assert_true(X509_sign(p->cert, peer_ca.key, EVP_sha256()) > 0);
}

int peer_setup(void **state)
{
	(void)state;
	peer_ca.key = EVP_RSA_gen(2048);
	peer_alice.key = EVP_RSA_gen(2048);
	peer_bob.key = EVP_EC_gen("P-256");
	peer_old.key = EVP_EC_gen("P-256");
	certify(&peer_ca, "Test CA", NULL, 3650);
	certify(&peer_alice, "Alice", "alice@example.com", 365);
	certify(&peer_bob, "Bob", "bob@example.com", 365);
	certify(&peer_old, "Carol", "carol@example.com", -1);
	return 0;
}

int peer_teardown(void **state)
{
	struct peer *all[] = { &peer_ca, &peer_alice, &peer_bob, &peer_old };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		EVP_PKEY_free(all[i]->key);
		X509_free(all[i]->cert);
	}
	return 0;
}

void text_add(struct text *t, const void *data, size_t len)
{
	t->data = realloc(t->data, t->len + len + 1);
	assert_non_null(t->data);
	memcpy(t->data + t->len, data, len);
	t->len += len;
	t->data[t->len] = '\0';
}

void text_print(struct text *t, const char *fmt, ...)
{
	char *made = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&made, fmt, args);
	va_end(args);
	assert_true(len >= 0);
	text_add(t, made, (size_t)len);
	free(made);
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){ 0 };
}

static void with_newline(struct text *out, const char *lf_text, const char *newline)
{
	for (const char *p = lf_text; *p != '\0'; p++) {
		if (*p == '\n')
			text_add(out, newline, strlen(newline));
		else
			text_add(out, p, 1);
	}
}

/* SignedData of the CRLF form of entity, in base64 lines that end with newline. */
static void sign_base64(struct text *out, const struct peer *who, const char *entity,
    const char *newline, unsigned flags)
{
	struct text crlf = { 0 };
	unsigned char *der = NULL;
	char line[65];
	BIO *bio;
	CMS_ContentInfo *cms;
	int len;

	with_newline(&crlf, entity, "\r\n");
	bio = BIO_new_mem_buf(crlf.data, (int)crlf.len);
	cms = CMS_sign(who->cert, who->key, NULL, bio, CMS_BINARY | flags);
	assert_non_null(cms);
	len = i2d_CMS_ContentInfo(cms, &der);
	assert_true(len > 0);
	for (int at = 0; at < len; at += 48) {
		EVP_EncodeBlock((unsigned char *)line, der + at, len - at < 48 ? len - at : 48);
		text_print(out, "%s%s", line, newline);
	}
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(bio);
	text_free(&crlf);
}

static const char outer[] = "From: Alice <alice@example.com>\nTo: bob@example.com\n"
			    "Subject: test\nMIME-Version: 1.0\n";

void peer_sign_clear(
    struct text *mail, const struct peer *who, const char *entity, const char *newline)
{
	with_newline(mail, outer, newline);
	with_newline(mail,
	    "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\n"
	    " micalg=sha-256; boundary=outermost\n\n--outermost\n",
	    newline);
	with_newline(mail, entity, newline);
	with_newline(mail,
	    "\n--outermost\nContent-Type: application/pkcs7-signature; name=smime.p7s\n"
	    "Content-Transfer-Encoding: base64\n\n",
	    newline);
	sign_base64(mail, who, entity, newline, CMS_DETACHED);
	with_newline(mail, "\n--outermost--\n", newline);
}

void peer_sign_opaque(struct text *mail, const struct peer *who, const char *entity)
{
	with_newline(mail, outer, "\r\n");
	with_newline(mail,
	    "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n"
	    "Content-Transfer-Encoding: base64\n\n",
	    "\r\n");
	sign_base64(mail, who, entity, "\r\n", 0);
}

bool peer_decrypt(struct text *out, const struct peer *who, const void *der, size_t len)
{
	BIO *in = BIO_new_mem_buf(der, (int)len);
	BIO *plain = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = d2i_CMS_bio(in, NULL);
	bool ok =
	    cms != NULL && CMS_decrypt(cms, who->key, who->cert, NULL, plain, CMS_BINARY) == 1;
	char *data = NULL;
	long got = BIO_get_mem_data(plain, &data);

	if (ok)
		text_add(out, data, (size_t)got);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(plain);
	return ok;
}

void memory_source(hsmime_source *out, hsmime_memory *m, const void *data, size_t len)
{
	*m = (hsmime_memory){ .data = data, .len = len };
	hsmime_source_memory(out, m);
}

static ptrdiff_t slow_read(void *arg, void *buf, size_t len)
{
	hsmime_source *base = arg;

	(void)len;
	return base->read(base->arg, buf, 1);
}

void slow_source(hsmime_source *out, hsmime_source *base)
{
	*out = (hsmime_source){ .read = slow_read, .arg = base, .size = HSMIME_SIZE_UNKNOWN };
}

static int take(void *arg, const void *buf, size_t len)
{
	text_add(arg, buf, len);
	return 0;
}

hsmime_output *text_output(struct text *text)
{
	hsmime_sink sink = { .write = take, .arg = text };
	hsmime_output *out;

	assert_int_equal(hsmime_output_callback(&out, &sink), 0);
	return out;
}

hsmime_certs *one_cert(X509 *cert)
{
	hsmime_certs *certs;

	assert_int_equal(hsmime_certs_new(&certs), 0);
	assert_int_equal(hsmime_certs_add(certs, cert), 0);
	return certs;
}

hsmime_certs *anchors(void)
{
	return one_cert(peer_ca.cert);
}
