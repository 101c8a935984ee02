/* What is rewrapped opens for its new recipients, here and by OpenSSL, with the same encrypted octets. */
#include "cms/openssl_opens.h"
#include "cms/rewrap_support.h"

#include <openssl/cms.h>
#include <openssl/objects.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct party rsa;
static struct party ec;
static struct party new_rsa;
static struct party new_ec;

static int setup(void **state)
{
	(void)state;
	rsa = party_rsa(1);
	ec = party_ec("P-256", 2);
	new_rsa = party_rsa(3);
	new_ec = party_ec("P-384", 4);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	party_free(&rsa);
	party_free(&ec);
	party_free(&new_rsa);
	party_free(&new_ec);
	return 0;
}

/* OpenSSL before 3.0.22 takes authAttrs for another tag, so that it reads no such message. */
static bool openssl_knows_attributes(void)
{
	return OpenSSL_version_num() >= 0x30000160UL;
}

static bool is_der(const struct buffer *message)
{
	const unsigned char *p = message->data;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)message->len);
	unsigned char *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der);
	bool same = len == (int)message->len && memcmp(der, message->data, message->len) == 0;

	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	return same;
}

/* The recipient with that certificate's serial number. */
static size_t index_of(const struct recipient *list, size_t count, const struct party *who)
{
	for (size_t i = 0; i < count; i++) {
		const ASN1_INTEGER *serial = X509_get0_serialNumber(who->cert);

		if (list[i].serial != NULL &&
		    list[i].serial[list[i].serial_len - 1] == ASN1_STRING_get0_data(serial)[0])
			return i;
	}
	fail_msg("no such recipient");
	return 0;
}

static void opens_for(
    const struct rewrap_try *t, const struct party *who, const unsigned char *plain, size_t len)
{
	struct opening o = { .key = who->key,
		.index = index_of(t->result.recipients, t->result.count, who) };

	expect_plain(&o, &t->out, plain, len);
}

static void check(struct rewrap_try *t, const struct buffer *message, const unsigned char *plain,
    size_t len, bool openssl)
{
	rewrap(t, message);
	assert_int_equal(t->result.count, 2);
	assert_int_equal(t->result.old.count, 1);
	assert_int_equal(t->result.old.used, 0);
	assert_int_equal(t->result.old.content_size, len);
	expect_same_but_recipients(message, &t->out);
	opens_for(t, &new_rsa, plain, len);
	opens_for(t, &new_ec, plain, len);
	if (openssl) {
		openssl_opens(&t->out, &new_rsa, plain, len);
		openssl_opens(&t->out, &new_ec, plain, len);
	}
	rewrap_clear(t);
}

static void every_cipher_and_size_is_rewrapped(void **state)
{
	static const char *const ciphers[] = { "aes-128-cbc", "aes-256-cbc", "aes-128-gcm",
		"aes-256-gcm" };
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 65536, 200000 };
	unsigned char *plain = some_octets(200000);

	(void)state;
	for (size_t i = 0; i < 4 * COUNT(ciphers) * COUNT(sizes); i++) {
		const struct party *to = i & 1 ? &ec : &rsa;
		struct sealing s = {
			.to = { to }, .cipher = ciphers[i / 4 % COUNT(ciphers)], .indefinite = i & 2
		};
		struct rewrap_try t = { .key = to->key, .add = { &new_rsa, &new_ec } };
		size_t len = sizes[i / 4 / COUNT(ciphers)];
		struct buffer message;

		seal(&message, &s, plain, len);
		check(&t, &message, plain, len, true);
		/* Octet by octet it comes to the same. */
		t.step = 1;
		if (len < 1000)
			check(&t, &message, plain, len, false);
		buffer_free(&message);
	}
	free(plain);
}

static void der_stays_der(void **state)
{
	unsigned char *plain = some_octets(70000);

	(void)state;
	/* The sizes at which an outer length takes an octet more or less. */
	for (size_t len = 0; len < 70000; len += len < 1000 ? 13 : 4561) {
		struct sealing s = { .to = { &ec, &rsa },
			.cipher = len % 2 ? "aes-256-gcm" : "aes-128-gcm" };
		struct rewrap_try t = { .key = new_rsa.key, .add = { &new_rsa } };
		struct buffer message;
		struct buffer small;

		s.to[2] = len % 3 ? &new_rsa : NULL;
		s.to[1] = len % 3 ? &rsa : &new_rsa;
		seal(&message, &s, plain, len);
		assert_true(is_der(&message));
		/* DER sorts the set: which place the key has is found by trying. */
		while (rewrap_message(&t, message.data, message.len) != 0) {
			rewrap_clear(&t);
			assert_true(++t.index < 3);
		}
		assert_true(is_der(&t.out));
		small = t.out;
		buffer_init(&t.out, SUPPORT_MAX);
		rewrap_clear(&t);
		/* And it grows again. */
		t.index = 0;
		t.add[1] = &ec;
		t.add[2] = &rsa;
		t.add[3] = &new_ec;
		rewrap(&t, &small);
		assert_true(is_der(&t.out));
		opens_for(&t, &new_ec, plain, len);
		rewrap_clear(&t);
		buffer_free(&small);
		buffer_free(&message);
	}
	free(plain);
}

static void every_variant_is_rewrapped(void **state)
{
	static const struct building variants[] = {
		{ .free_attributes = true },
		{ .nested = true },
		{ .nested = true, .free_attributes = true },
		{ .authenticated = true, .tag_len = 12, .icv_len = 12 },
		{ .authenticated = true, .tag_len = 12, .icv_len = 0 },
		{ .authenticated = true, .iv_len = 8 },
		{ .authenticated = true, .iv_len = 128 },
		{ .authenticated = true, .attributes = true },
		{ .authenticated = true, .attributes = true, .free_attributes = true },
		{ .authenticated = true, .attributes = true, .unsorted = true },
		{ .authenticated = true, .attributes = true, .nested = true },
		{ .authenticated = true,
		    .attributes = true,
		    .signed_content = true,
		    .content_type = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" },
	};
	static const size_t sizes[] = { 1, 16, 40, 60000 };
	unsigned char *plain = some_octets(60000);

	(void)state;
	for (size_t i = 0; i < 4 * COUNT(variants) * COUNT(sizes); i++) {
		struct building b = variants[i / 4 % COUNT(variants)];
		struct rewrap_try t = { .add = { &new_rsa, &new_ec }, .transport = i % 3 };
		size_t len = sizes[i / 4 / COUNT(variants)];
		struct buffer message;

		b.to = i & 1 ? &ec : &rsa;
		b.indefinite = i & 2;
		t.key = b.to->key;
		build(&message, &b, plain, len);
		/* It computes the tag over unsorted attributes as they came, and not over their DER. */
		check(&t, &message, plain, len,
		    (!b.attributes || openssl_knows_attributes()) && !b.unsorted &&
			b.icv_len == 0 && b.iv_len == 0 && b.tag_len == 0 && !b.nested);
		buffer_free(&message);
	}
	free(plain);
}

/* Take the element at r as it is, or the levels of mask's bits in the other form. */
static void reform(struct buffer *out, const struct buffer *der, unsigned mask)
{
	struct levels_seen s = levels_of(der);
	struct building forms[LEVELS] = { { .indefinite = false } };
	struct buffer level;
	hsmime_memory memory = { der->data, der->len, 0 };
	hsmime_source source;
	struct error err = { 0 };
	struct buffer type, set, info, message, outer, content_info;
	struct ber_reader r;
	hsmime_sink sink;
	struct ber_header h;

	for (int i = 0; i < LEVELS; i++)
		forms[i].indefinite = mask >> i & 1;
	buffer_init(&type, SUPPORT_MAX);
	buffer_init(&set, SUPPORT_MAX);
	buffer_init(&info, SUPPORT_MAX);
	buffer_init(&message, SUPPORT_MAX);
	buffer_init(&outer, SUPPORT_MAX);
	buffer_init(&content_info, SUPPORT_MAX);
	buffer_init(&level, SUPPORT_MAX);
	buffer_init(out, SUPPORT_MAX);
	hsmime_source_memory(&source, &memory);
	assert_int_equal(ber_open(&r, &source, &err), 0);
	assert_int_equal(ber_enter(&r, BER_UNIVERSAL, BER_SEQUENCE, ""), 0);
	assert_int_equal(ber_collect(&r, &content_info), 0);
	assert_int_equal(ber_enter(&r, BER_CONTEXT, 0, ""), 0);
	assert_int_equal(ber_enter(&r, BER_UNIVERSAL, BER_SEQUENCE, ""), 0);
	assert_int_equal(ber_collect(&r, &message), 0);
	assert_int_equal(ber_offset(&r), s.set);
	sink_buffer(&sink, &set);
	assert_int_equal(ber_contents(&r, &sink, ""), 0);
	put(&message, &forms[LEVEL_SET], 0x31, &set);
	sink_buffer(&sink, &info);
	assert_int_equal(ber_contents(&r, &sink, ""), 0);
	put(&message, &forms[LEVEL_CONTENT_INFO], 0x30, &info);
	while (ber_peek(&r, &h) == 0)
		assert_int_equal(ber_collect(&r, &message), 0);
	put(&outer, &forms[LEVEL_MESSAGE], 0x30, &message);
	put(&content_info, &forms[LEVEL_OUTER], 0xa0, &outer);
	put(out, &forms[LEVEL_INFO], 0x30, &content_info);
	ber_close(&r);
	buffer_free(&type);
	buffer_free(&set);
	buffer_free(&info);
	buffer_free(&message);
	buffer_free(&outer);
	buffer_free(&content_info);
}

static void each_level_keeps_its_form(void **state)
{
	unsigned char *plain = some_octets(40);

	(void)state;
	for (unsigned i = 0; i < 4U << LEVELS; i++) {
		struct building b = { .to = &rsa,
			.authenticated = i & 1,
			.attributes = i & 1,
			.free_attributes = i & 2 };
		struct rewrap_try t = { .key = rsa.key, .add = { &new_rsa, &new_ec } };
		struct buffer der;
		struct buffer message;
		struct levels_seen seen;

		build(&der, &b, plain, 40);
		reform(&message, &der, i >> 2);
		check(&t, &message, plain, 40, !b.attributes || openssl_knows_attributes());
		seen = levels_of(&message);
		for (int l = 0; l < LEVELS; l++)
			assert_int_equal(seen.indefinite[l], i >> 2 >> l & 1);
		buffer_free(&der);
		buffer_free(&message);
	}
	free(plain);
}

/* An outer element of a header that is longer than need be, and its end. */
static void enclose_oddly(struct buffer *outer, unsigned tag, struct buffer *inner, bool indefinite)
{
	/* The tag in several octets (X.690 8.1.2.4), the length in more than it takes. */
	const unsigned char h[] = { (unsigned char)(tag | 0x1f), tag & 0x1f,
		indefinite ? 0x80 : 0x85, 0, 0, 0, (unsigned char)(inner->len >> 8),
		(unsigned char)inner->len };

	buffer_add(outer, h, indefinite ? 3 : 8);
	buffer_add(outer, inner->data, inner->len);
	if (indefinite)
		buffer_add(outer, "\0", 2);
	buffer_free(inner);
}

/* The three levels around the message with such headers: a length around them is right all the same. */
static void odd_headers_become_usual_ones(void **state)
{
	unsigned char *plain = some_octets(40);

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		struct building b = { .to = &rsa, .authenticated = i & 1 };
		struct rewrap_try t = { .key = rsa.key, .add = { &new_rsa, &new_ec } };
		struct buffer der, message, outer, content_info, odd;
		struct levels_seen s;

		build(&der, &b, plain, 40);
		s = levels_of(&der);
		buffer_init(&message, SUPPORT_MAX);
		buffer_init(&outer, SUPPORT_MAX);
		buffer_init(&content_info, SUPPORT_MAX);
		buffer_init(&odd, SUPPORT_MAX);
		buffer_add(&message, der.data + s.set - 3, der.len - s.set + 3);
		buffer_add(&content_info, der.data + 4, 2 + (size_t)der.data[5]);
		enclose_oddly(&outer, 0x30, &message, i & 2);
		enclose_oddly(&content_info, 0xa0, &outer, i & 4);
		enclose_oddly(&odd, 0x30, &content_info, i & 8);
		check(&t, &odd, plain, 40, true);
		buffer_free(&odd);
		buffer_free(&der);
	}
	free(plain);
}

/* What OpenSSL encrypts with ciphers that we only read. */
static void ciphers_that_are_only_read_are_rewrapped(void **state)
{
	const EVP_CIPHER *all[] = { EVP_aes_192_cbc(), EVP_des_ede3_cbc(), EVP_aes_192_gcm() };
	unsigned char *plain = some_octets(5000);

	(void)state;
	for (size_t i = 0; i < 4 * COUNT(all); i++) {
		unsigned flags = CMS_BINARY | CMS_PARTIAL | (i & 1 ? CMS_STREAM : 0);
		const struct party *to = i & 2 ? &ec : &rsa;
		CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, all[i / 4], flags);
		BIO *in = BIO_new_mem_buf(plain, 5000);
		BIO *out = BIO_new(BIO_s_mem());
		struct rewrap_try t = { .key = to->key, .add = { &new_rsa, &new_ec } };
		struct buffer message;
		char *data = NULL;
		long size;

		assert_non_null(CMS_add1_recipient_cert(cms, to->cert, 0));
		if ((flags & CMS_STREAM) == 0)
			assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
		assert_int_equal(i2d_CMS_bio_stream(out, cms, in, (int)flags), 1);
		size = BIO_get_mem_data(out, &data);
		buffer_init(&message, SUPPORT_MAX);
		buffer_add(&message, data, (size_t)size);
		check(&t, &message, plain, 5000, true);
		buffer_free(&message);
		BIO_free(in);
		BIO_free(out);
		CMS_ContentInfo_free(cms);
	}
	free(plain);
}

static void recipients_are_written_as_encryption_writes_them(void **state)
{
	unsigned char *plain = some_octets(10);

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct sealing s = { .to = { &rsa },
			.cipher = "aes-256-gcm",
			.transport = HSMIME_KEY_TRANSPORT_PKCS1 };
		struct rewrap_try t = {
			.key = rsa.key, .add = { &new_rsa }, .transport = i / 2, .key_id = i % 2
		};
		const struct recipient *r;
		struct buffer message;

		seal(&message, &s, plain, 10);
		rewrap(&t, &message);
		r = &t.result.recipients[0];
		assert_int_equal(t.result.count, 1);
		assert_int_equal(r->oaep, i / 2 == HSMIME_KEY_TRANSPORT_OAEP);
		assert_int_equal(r->key_id != NULL, i % 2);
		assert_false(t.result.old.recipients[0].oaep);
		rewrap_clear(&t);
		buffer_free(&message);
	}
	free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cipher_and_size_is_rewrapped),
		cmocka_unit_test(der_stays_der),
		cmocka_unit_test(every_variant_is_rewrapped),
		cmocka_unit_test(each_level_keeps_its_form),
		cmocka_unit_test(odd_headers_become_usual_ones),
		cmocka_unit_test(ciphers_that_are_only_read_are_rewrapped),
		cmocka_unit_test(recipients_are_written_as_encryption_writes_them),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
