/* OpenSSL's CMS reads what we write, and we read what it writes. */
#include "cms/openssl_opens.h"

#include <openssl/cms.h>
#include <openssl/rsa.h>

#include "cms/enveloped_build.h"

static struct party rsa;
static struct party ec;
static struct party other;

static const char *const ciphers[] = { "aes-128-cbc", "aes-256-cbc", "aes-128-gcm", "aes-256-gcm" };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LEN 70000

static int setup(void **state)
{
	(void)state;
	rsa = party_rsa(1);
	ec = party_ec("P-384", 2);
	other = party_rsa(3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	party_free(&rsa);
	party_free(&ec);
	party_free(&other);
	return 0;
}

static void openssl_reads_what_we_write(void **state)
{
	unsigned char *plain = some_octets(LEN);

	(void)state;
	for (size_t i = 0; i < COUNT(ciphers) * 16; i++) {
		struct sealing s = { .to = { &rsa, &ec, &other },
			.cipher = ciphers[i / 16],
			.indefinite = i & 1,
			.key_id = i & 2,
			.transport =
			    i & 4 ? HSMIME_KEY_TRANSPORT_OAEP : HSMIME_KEY_TRANSPORT_PKCS1 };
		size_t len = i & 8 ? LEN : 1;
		struct buffer message;

		seal(&message, &s, plain, len);
		openssl_opens(&message, &rsa, plain, len);
		openssl_opens(&message, &ec, plain, len);
		openssl_opens(&message, &other, plain, len);
		buffer_free(&message);
	}
	free(plain);
}

struct made {
	const EVP_CIPHER *cipher;
	unsigned flags;     /* of CMS_encrypt */
	unsigned rid_flags; /* of CMS_add1_recipient_cert */
	const EVP_MD *kdf;  /* NULL: OpenSSL's choice, SHA-1 */
	int cofactor;
	const EVP_MD *oaep; /* NULL: PKCS#1 v1.5 */
	const EVP_MD *mask;
	const char *label;
	const struct party *to[4];
};

static void set_oaep(CMS_RecipientInfo *info, const struct made *m)
{
	EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(info);

	assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, m->oaep) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, m->mask) > 0);
	if (m->label != NULL)
		assert_true(EVP_PKEY_CTX_set0_rsa_oaep_label(
				ctx, OPENSSL_strdup(m->label), (int)strlen(m->label)) > 0);
}

static void set_agreement(CMS_RecipientInfo *info, const struct made *m)
{
	EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(info);

	assert_true(EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, m->kdf) > 0);
	assert_true(EVP_PKEY_CTX_set_ecdh_cofactor_mode(ctx, m->cofactor) > 0);
}

static void openssl_makes(
    struct buffer *out, const struct made *m, const unsigned char *plain, size_t len)
{
	unsigned flags = m->flags | CMS_PARTIAL | CMS_BINARY;
	CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, m->cipher, flags);
	BIO *in = BIO_new_mem_buf(plain, (int)len);
	BIO *sink = BIO_new(BIO_s_mem());
	char *data = NULL;
	long size;

	assert_non_null(cms);
	for (int i = 0; m->to[i] != NULL; i++) {
		unsigned extra = m->oaep != NULL || m->kdf != NULL ? CMS_KEY_PARAM : 0;
		CMS_RecipientInfo *info =
		    CMS_add1_recipient_cert(cms, m->to[i]->cert, m->rid_flags | extra);

		assert_non_null(info);
		if (m->oaep != NULL && EVP_PKEY_is_a(m->to[i]->key, "RSA"))
			set_oaep(info, m);
		if (m->kdf != NULL)
			set_agreement(info, m);
	}
	if ((m->flags & CMS_STREAM) == 0)
		assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
	assert_int_equal(i2d_CMS_bio_stream(sink, cms, in, (int)flags), 1);
	size = BIO_get_mem_data(sink, &data);
	buffer_init(out, SUPPORT_MAX);
	assert_int_equal(buffer_add(out, data, (size_t)size), 0);
	BIO_free(sink);
	BIO_free(in);
	CMS_ContentInfo_free(cms);
}

static void we_open(const struct made *m, const unsigned char *plain, size_t len)
{
	struct buffer message;

	openssl_makes(&message, m, plain, len);
	for (size_t step = 0; step < 2; step++) {
		for (size_t i = 0; m->to[i] != NULL; i++) {
			struct opening o = { .key = m->to[i]->key, .index = i, .step = step };

			/* A streamed set is in the order of its making, a DER one may not be. */
			if (m->to[1] != NULL && (m->flags & CMS_STREAM) == 0)
				continue;
			expect_plain(&o, &message, plain, len);
		}
	}
	buffer_free(&message);
}

static void we_read_every_cipher(void **state)
{
	const EVP_CIPHER *all[] = { EVP_aes_128_cbc(), EVP_aes_192_cbc(), EVP_aes_256_cbc(),
		EVP_des_ede3_cbc(), EVP_aes_128_gcm(), EVP_aes_192_gcm(), EVP_aes_256_gcm() };
	unsigned char *plain = some_octets(LEN);

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		for (unsigned form = 0; form < 4; form++) {
			struct made m = { .cipher = all[i],
				.flags = form & 1 ? CMS_STREAM : 0,
				.rid_flags = form & 2 ? CMS_USE_KEYID : 0,
				.to = { &rsa } };

			we_open(&m, plain, LEN);
			m.to[0] = &ec;
			we_open(&m, plain, LEN);
		}
	}
	free(plain);
}

static void we_read_every_oaep(void **state)
{
	const EVP_MD *digests[] = { EVP_sha1(), EVP_sha224(), EVP_sha256(), EVP_sha384() };
	const char *labels[] = { NULL, "a label" };
	unsigned char *plain = some_octets(100);

	(void)state;
	for (size_t i = 0; i < 32; i++) {
		struct made m = { .cipher = EVP_aes_128_gcm(),
			.flags = CMS_STREAM,
			.oaep = digests[i / 8],
			.mask = digests[i / 2 % 4],
			.label = labels[i % 2],
			.to = { &rsa } };

		we_open(&m, plain, 100);
	}
	free(plain);
}

static void we_read_every_key_agreement(void **state)
{
	const EVP_MD *digests[] = { EVP_sha1(), EVP_sha224(), EVP_sha256(), EVP_sha384(),
		EVP_sha512() };
	unsigned char *plain = some_octets(100);

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(digests); i++) {
		struct made m = { .cipher = EVP_aes_256_gcm(),
			.flags = CMS_STREAM,
			.kdf = digests[i / 2],
			.cofactor = i % 2,
			.to = { &ec } };

		we_open(&m, plain, 100);
	}
	free(plain);
}

static void we_read_every_one_of_several_recipients(void **state)
{
	unsigned char *plain = some_octets(LEN);
	struct made m = {
		.cipher = EVP_aes_256_gcm(), .flags = CMS_STREAM, .to = { &rsa, &other }
	};

	(void)state;
	we_open(&m, plain, LEN);
	m.cipher = EVP_aes_128_cbc();
	we_open(&m, plain, LEN);
	free(plain);
}

/* OpenSSL before 3.0.22 takes authAttrs for another tag, so that it reads no such message. */
static bool openssl_knows_attributes(void)
{
	return OpenSSL_version_num() >= 0x30000160UL;
}

static void openssl_decrypts(const struct buffer *message, int expected)
{
	const unsigned char *p = message->data;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)message->len);
	BIO *out = BIO_new(BIO_s_mem());

	assert_non_null(cms);
	assert_int_equal(CMS_decrypt(cms, rsa.key, rsa.cert, NULL, out, CMS_BINARY), expected);
	BIO_free(out);
	CMS_ContentInfo_free(cms);
}

/* An independent reading of RFC 5083 section 2.2: what the tag covers. */
static void openssl_agrees_about_authenticated_attributes(void **state)
{
	unsigned char *plain = some_octets(100);

	(void)state;
	for (int altered = 0; altered < 2; altered++) {
		struct building b = {
			.to = &rsa, .authenticated = true, .attributes = true, .wrong_aad = altered
		};
		struct opening o = { .key = rsa.key };
		struct buffer message;

		build(&message, &b, plain, 100);
		if (openssl_knows_attributes())
			openssl_decrypts(&message, !altered);
		assert_int_equal(
		    open_message(&o, message.data, message.len), altered ? HSMIME_EINVALID : 0);
		opening_clear(&o);
		buffer_free(&message);
	}
	free(plain);
}

static void another_cipher_is_unsupported_whoever_opens(void **state)
{
	struct made m = { .cipher = EVP_camellia_128_cbc(), .flags = CMS_STREAM, .to = { &rsa } };
	struct opening o = { .key = rsa.key };
	struct buffer message;

	(void)state;
	openssl_makes(&message, &m, (const unsigned char *)"x", 1);
	assert_int_equal(open_message(&o, message.data, message.len), HSMIME_EUNSUPPORTED);
	assert_int_equal(o.finds, 0);
	for (size_t cut = 0; cut < message.len; cut++) {
		opening_clear(&o);
		assert_int_equal(open_message(&o, message.data, cut), HSMIME_EFORMAT);
	}
	opening_clear(&o);
	buffer_free(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_reads_what_we_write),
		cmocka_unit_test(we_read_every_cipher),
		cmocka_unit_test(we_read_every_oaep),
		cmocka_unit_test(we_read_every_one_of_several_recipients),
		cmocka_unit_test(we_read_every_key_agreement),
		cmocka_unit_test(openssl_agrees_about_authenticated_attributes),
		cmocka_unit_test(another_cipher_is_unsupported_whoever_opens),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
