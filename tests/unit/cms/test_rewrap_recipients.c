/* Who stays a recipient, who is added, in which order, and which version the message has then. */
#include "cms/rewrap_support.h"

#include "cms/asn1_item.h"

static struct party rsa;
static struct party ec;
static struct party other;
static struct party added;
static unsigned char *plain;
#define LEN 40

static int setup(void **state)
{
	(void)state;
	rsa = party_rsa(1);
	ec = party_ec("P-256", 2);
	other = party_rsa(3);
	added = party_rsa(4);
	plain = some_octets(LEN);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	party_free(&rsa);
	party_free(&ec);
	party_free(&other);
	party_free(&added);
	free(plain);
	return 0;
}

static unsigned serial_of(const struct recipient *r)
{
	return r->serial == NULL ? 0 : r->serial[r->serial_len - 1];
}

/* keeps: the bits of arg say which serial numbers stay. */
static bool keeps_some(void *arg, const struct recipient *r)
{
	return *(const unsigned *)arg >> serial_of(r) & 1;
}

/* The place of that serial number in a message, which is read for it. */
static size_t place_of(const struct buffer *message, unsigned serial)
{
	struct opening o = { .key = NULL };
	struct ber_reader r;
	hsmime_memory memory = { message->data, message->len, 0 };
	hsmime_source source;
	struct cms_env env = { NULL, &o.err };
	enum cms_type type;
	size_t place = SIZE_MAX;

	hsmime_source_memory(&source, &memory);
	assert_int_equal(ber_open(&r, &source, &o.err), 0);
	assert_int_equal(cms_content_info_enter(&type, &r, &env), 0);
	assert_int_equal(enveloped_peek(&o.result, &r, type, &env), 0);
	for (size_t i = 0; i < o.result.count; i++)
		place = serial_of(&o.result.recipients[i]) == serial ? i : place;
	ber_close(&r);
	enveloped_result_free(&o.result);
	return place;
}

static void expect_open_for(
    const struct buffer *message, const struct party *who, unsigned serial, bool opens)
{
	struct opening o = { .key = who->key, .index = place_of(message, serial) };

	assert_int_equal(o.index != SIZE_MAX, opens);
	if (opens)
		expect_plain(&o, message, plain, LEN);
}

static void those_that_stay_are_copied_and_the_others_are_gone(void **state)
{
	const struct party *all[] = { NULL, &rsa, &ec, &other };

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		struct sealing s = { .to = { &rsa, &ec, &other },
			.cipher = i & 1 ? "aes-256-gcm" : "aes-128-cbc",
			.indefinite = i & 2 };
		unsigned stay = (i >> 2 & 7) << 1;
		struct rewrap_try t = { .key = ec.key,
			.keeps = keeps_some,
			.keeps_arg = &stay,
			.add = { i & 32 ? &added : NULL } };
		struct buffer message;

		seal(&message, &s, plain, LEN);
		t.index = place_of(&message, 2);
		rewrap_message(&t, message.data, message.len);
		if (stay == 0 && t.add[0] == NULL) {
			assert_int_equal(t.status, HSMIME_EPOLICY);
			assert_int_equal(t.out.len, 0);
		} else {
			assert_int_equal(t.status, 0);
			expect_same_but_recipients(&message, &t.out);
			for (unsigned who = 1; who < 4; who++)
				expect_open_for(&t.out, all[who], who, stay >> who & 1);
			expect_open_for(&t.out, &added, 4, t.add[0] != NULL);
			assert_int_equal(t.result.old.count, 3);
			assert_int_equal(t.result.old.used, t.index);
		}
		rewrap_clear(&t);
		buffer_free(&message);
	}
}

static void all_stay_and_nothing_changes(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct building b = {
			.to = i & 1 ? &ec : &rsa, .authenticated = i & 2, .free_attributes = false
		};
		struct rewrap_try t = { .key = b.to->key, .keeps = rewrap_keeps_all };
		struct buffer message;
		struct levels_seen s;

		build(&message, &b, plain, LEN);
		rewrap(&t, &message);
		/* build gives version 0 in any case. */
		s = levels_of(&message);
		message.data[s.set - 1] = (unsigned char)levels_of(&t.out).version;
		assert_int_equal(t.out.len, message.len);
		assert_memory_equal(t.out.data, message.data, message.len);
		rewrap_clear(&t);
		buffer_free(&message);
	}
}

/* A set of indefinite length is no DER: who is added comes last. */
static void an_indefinite_set_keeps_its_order(void **state)
{
	struct sealing s = { .to = { &rsa }, .cipher = "aes-128-gcm", .indefinite = true };
	struct rewrap_try t = { .key = rsa.key, .keeps = rewrap_keeps_all, .add = { &added } };
	struct buffer message;
	struct buffer open;
	struct buffer set;
	struct building indefinite = { .indefinite = true };
	struct levels_seen l;

	(void)state;
	seal(&message, &s, plain, LEN);
	l = levels_of(&message);
	buffer_init(&open, SUPPORT_MAX);
	buffer_init(&set, SUPPORT_MAX);
	/* 31 82 xx xx, as the recipients are over 255 octets */
	assert_int_equal(message.data[l.set + 1], 0x81);
	buffer_add(&set, message.data + l.set + 3, l.behind - l.set - 3);
	buffer_add(&open, message.data, l.set);
	put(&open, &indefinite, 0x31, &set);
	buffer_add(&open, message.data + l.behind, message.len - l.behind);
	for (int i = 0; i < 3; i++) {
		rewrap(&t, &open);
		expect_same_but_recipients(&open, &t.out);
		assert_int_equal(serial_of(&t.result.recipients[0]), 1);
		assert_int_equal(serial_of(&t.result.recipients[t.result.count - 1]), 4);
		buffer_free(&open);
		open = t.out;
		buffer_init(&t.out, 0);
		rewrap_clear(&t);
	}
	buffer_free(&open);
	buffer_free(&set);
	buffer_free(&message);
}

/* A RecipientInfo for two certificates, with one ephemeral key: ec, and serial number 9. */
static void put_agreement(struct buffer *out, const unsigned char *der, size_t len)
{
	ENV_RECIPIENT_INFO *info = asn1_decode(ASN1_ITEM_rptr(ENV_RECIPIENT_INFO), der, len);
	ENV_RECIPIENT_INFO *copy = asn1_decode(ASN1_ITEM_rptr(ENV_RECIPIENT_INFO), der, len);
	ENV_ENCRYPTED_KEY *second;
	unsigned char *made = NULL;
	int made_len;

	assert_non_null(info);
	assert_non_null(copy);
	second = sk_ENV_ENCRYPTED_KEY_pop(copy->d.key_agree->keys);
	ASN1_INTEGER_set(second->rid->d.issuer_serial->serial, 9);
	sk_ENV_ENCRYPTED_KEY_push(info->d.key_agree->keys, second);
	made_len = i2d_ENV_RECIPIENT_INFO(info, &made);
	assert_true(made_len > 0);
	buffer_add(out, made, (size_t)made_len);
	OPENSSL_free(made);
	ENV_RECIPIENT_INFO_free(info);
	ENV_RECIPIENT_INFO_free(copy);
}

/* The message with another set of recipients, in indefinite lengths around it. */
static void with_set(struct buffer *out, const struct buffer *message, const char *originator,
    const struct buffer *set)
{
	struct levels_seen l = levels_of(message);
	struct building der = { .to = NULL };

	assert_true(l.indefinite[LEVEL_MESSAGE]);
	buffer_init(out, SUPPORT_MAX);
	buffer_add(out, message->data, l.set);
	if (originator != NULL)
		buffer_add(out, originator, 2 + (size_t)originator[1]);
	put(out, &der, 0x31, set);
	buffer_add(out, message->data + l.behind, message->len - l.behind);
}

static void one_of_several_keys_of_an_agreement_is_dropped_alone(void **state)
{
	struct building b = { .to = &ec, .authenticated = true, .indefinite = true };
	struct buffer message;
	struct buffer set;
	struct buffer two;
	struct levels_seen l;

	(void)state;
	build(&message, &b, plain, LEN);
	l = levels_of(&message);
	buffer_init(&set, SUPPORT_MAX);
	put_agreement(&set, message.data + l.set + 3, l.behind - l.set - 3);
	with_set(&two, &message, NULL, &set);
	for (unsigned stay = 0; stay < 4; stay++) {
		unsigned bits = (stay & 1) << 2 | (stay >> 1) << 9;
		struct rewrap_try t = {
			.key = ec.key, .add = { &added }, .keeps = keeps_some, .keeps_arg = &bits
		};

		rewrap(&t, &two);
		assert_int_equal(t.result.old.count, 2);
		expect_same_but_recipients(&two, &t.out);
		expect_open_for(&t.out, &ec, 2, stay & 1);
		expect_open_for(&t.out, &added, 4, true);
		assert_int_equal(t.result.count, 1 + (stay & 1) + (stay >> 1));
		assert_int_equal(place_of(&t.out, 9) != SIZE_MAX, stay >> 1);
		rewrap_clear(&t);
	}
	buffer_free(&two);
	buffer_free(&set);
	buffer_free(&message);
}

/* One of each kind that is listed and not decrypted. */
static const char symmetric[] = "\xa2\x12\x02\x01\x04\x30\x03\x04\x01\x41\x30\x05\x06\x03\x2a\x03"
				"\x04\x04\x01\x00";
static const char password[] = "\xa3\x0d\x02\x01\x00\x30\x05\x06\x03\x2a\x03\x04\x04\x01\x00";
static const char another[] = "\xa4\x07\x06\x03\x2a\x03\x04\x05\x00";

struct version_case {
	const char *originator; /* NULL: none */
	const char *kept;       /* beside the one who is added; NULL: nobody */
	size_t kept_len;
	bool key_id;
	int version;
};

#define KEPT(info) info, sizeof(info) - 1
static const struct version_case version_cases[] = {
	{ .version = 0 },
	{ .key_id = true, .version = 2 },
	{ NULL, KEPT(symmetric), false, 2 },
	{ NULL, KEPT(password), false, 3 },
	{ NULL, KEPT(another), false, 3 },
	{ .originator = "\xa0\x00", .version = 2 },
	{ .originator = "\xa0\x04\xa0\x02\x30\x00", .version = 2 },
	{ .originator = "\xa0\x04\xa0\x02\xa1\x00", .version = 2 },
	{ .originator = "\xa0\x04\xa0\x02\xa2\x00", .version = 3 },
	{ .originator = "\xa0\x04\xa0\x02\xa3\x00", .version = 4 },
	{ .originator = "\xa0\x06\xa0\x04\x30\x00\xa3\x00", .version = 4 },
	{ .originator = "\xa0\x04\xa1\x02\x30\x00", .version = 2 },
	{ .originator = "\xa0\x04\xa1\x02\xa1\x00", .version = 4 },
	{ .originator = "\xa0\x06\xa0\x00\xa1\x02\xa1\x00", .version = 4 },
	{ .originator = "\xa0\x02\x30\x7f", .version = 2 }, /* malformed: as if empty */
	{ "\xa0\x04\xa0\x02\xa3\x00", KEPT(password), false, 4 },
};

static bool keeps_no_key(void *arg, const struct recipient *r)
{
	(void)arg;
	return r->kind != RECIPIENT_RSA && r->kind != RECIPIENT_EC;
}

static void expect_version(const struct version_case *c, bool authenticated)
{
	struct building b = { .to = &rsa, .authenticated = authenticated, .indefinite = true };
	struct rewrap_try t = {
		.key = rsa.key, .add = { &added }, .keeps = keeps_no_key, .key_id = c->key_id
	};
	struct buffer message;
	struct buffer whole;
	struct buffer set;
	struct levels_seen l;

	build(&message, &b, plain, LEN);
	l = levels_of(&message);
	buffer_init(&set, SUPPORT_MAX);
	buffer_add(&set, message.data + l.set + 3, l.behind - l.set - 3);
	buffer_add(&set, c->kept, c->kept_len);
	with_set(&whole, &message, c->originator, &set);
	rewrap(&t, &whole);
	assert_int_equal(levels_of(&t.out).version, authenticated ? 0 : c->version);
	/* originatorInfo is there as it was. */
	if (c->originator != NULL)
		assert_memory_equal(t.out.data + levels_of(&t.out).set - 2 - c->originator[1],
		    c->originator, 2 + (size_t)c->originator[1]);
	expect_open_for(&t.out, &added, 4, !c->key_id);
	rewrap_clear(&t);
	buffer_free(&message);
	buffer_free(&whole);
	buffer_free(&set);
}

static void the_version_is_that_of_the_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(version_cases) / sizeof(version_cases[0]); i++) {
		expect_version(&version_cases[i], false);
		expect_version(&version_cases[i], true);
	}
}

/* Unprotected attributes, which come behind the content, make it 2; of indefinite lengths the sender tells. */
static void the_version_counts_unprotected_attributes(void **state)
{
	static const struct {
		bool attributes;
		bool indefinite;
		unsigned char was;
		int version;
	} cases[] = {
		{ false, false, 0, 0 },
		{ false, false, 2, 0 },
		{ true, false, 0, 2 },
		{ true, false, 2, 2 },
		{ false, true, 0, 0 },
		{ true, true, 2, 2 },
		{ true, true, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct building b = { .to = &rsa,
			.free_attributes = cases[i].attributes,
			.indefinite = cases[i].indefinite };
		struct rewrap_try t = { .key = rsa.key, .add = { &added } };
		struct buffer message;

		build(&message, &b, plain, LEN);
		message.data[levels_of(&message).set - 1] = cases[i].was;
		rewrap(&t, &message);
		assert_int_equal(levels_of(&t.out).version, cases[i].version);
		rewrap_clear(&t);
		buffer_free(&message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_stay_are_copied_and_the_others_are_gone),
		cmocka_unit_test(all_stay_and_nothing_changes),
		cmocka_unit_test(an_indefinite_set_keeps_its_order),
		cmocka_unit_test(one_of_several_keys_of_an_agreement_is_dropped_alone),
		cmocka_unit_test(the_version_is_that_of_the_rfc),
		cmocka_unit_test(the_version_counts_unprotected_attributes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
