/* Messages that are cut short, altered, or read octet by octet: what libhsmime makes of them. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_messages.h"

static bool gave_content(const struct outcome *o, const struct message *m)
{
	const char *content = message_content(m);

	return o->status == 0 && o->output.len == strlen(content) &&
	       memcmp(o->output.data, content, o->output.len) == 0;
}

static void whole_messages_give_their_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_messages.count; i++) {
		const struct message *m = &api_messages.list[i];
		struct outcome o;

		api_read_text(&o, api_messages.ctx, m, m->text.data, m->text.len);
		if (!gave_content(&o, m))
			fail_msg("%s: %d %s", m->name, o.status, o.words.data);
		outcome_clear(&o);
	}
}

static void octet_by_octet_they_give_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_messages.count; i++) {
		const struct message *m = &api_messages.list[i];
		struct outcome whole, slow;
		hsmime_memory memory;
		hsmime_source base, in;

		api_read_text(&whole, api_messages.ctx, m, m->text.data, m->text.len);
		memory_source(&base, &memory, m->text.data, m->text.len);
		slow_source(&in, &base);
		api_read(&slow, api_messages.ctx, m, &in);
		assert_true(gave_content(&slow, m));
		assert_same_outcome(&whole, &slow, m->name);
		outcome_clear(&whole);
		outcome_clear(&slow);
	}
}

/* How many octets at the end may be missing: those that say nothing any more. */
static size_t idle_octets(const struct message *m)
{
	if (m->format == HSMIME_FORMAT_DER)
		return 0;
	if (m->format == HSMIME_FORMAT_PEM)
		return strlen("CMS-----\n");
	/* The base64 padding and the last newline; the closing boundary too. */
	return m->form == HSMIME_MAIL && !m->encrypted && !m->opaque ? 100 : strlen("==\r\n");
}

/* A mail cut in its header may be one without a signature: well-formed, but not valid. */
static bool may_end_as(const struct message *m, size_t len, int status)
{
	bool header = memmem(m->text.data, len, "\n\n", 2) == NULL &&
		      memmem(m->text.data, len, "\n\r\n", 3) == NULL;

	return status == HSMIME_EFORMAT ||
	       (status == HSMIME_EINVALID && m->form == HSMIME_MAIL && !m->encrypted && header);
}

static void cut_at(const struct message *m, size_t len)
{
	bool idle = m->text.len - len <= idle_octets(m);
	struct outcome o;

	api_read_text(&o, api_messages.ctx, m, m->text.data, len);
	if (o.status == 0 ? !idle || !gave_content(&o, m) : !may_end_as(m, len, o.status))
		fail_msg("%s, %zu of %zu octets: %d %s", m->name, len, m->text.len, o.status,
		    o.words.data);
	if (calls_of(&o, "C_Decrypt") + calls_of(&o, "C_DeriveKey") > 1)
		fail_msg("%s, %zu octets: the token was asked more than once", m->name, len);
	outcome_clear(&o);
}

static void cut_anywhere_they_are_malformed_and_give_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_messages.count; i++)
		for (size_t len = 0; len < api_messages.list[i].text.len; len++)
			cut_at(&api_messages.list[i], len);
}

/* Where the wrapped or encrypted content key ends: EncryptedContentInfo follows. */
static size_t recipients_end(const struct message *m)
{
	static const char data[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
	const char *at = memmem(m->text.data, m->text.len, data, sizeof(data) - 1);

	assert_non_null(at);
	return (size_t)(at - m->text.data) - 8;
}

static void read_with(struct outcome *o, const struct message *m, size_t len, CK_RV rv)
{
	if (rv != CKR_OK)
		api_proxy->refuse("C_Decrypt", rv, 0, 2);
	api_read_text(o, api_messages.ctx, m, m->text.data, len);
	api_proxy->refuse("C_Decrypt", CKR_OK, 0, 0);
}

static void same_words(
    const struct outcome *a, const struct outcome *b, const char *what, size_t len)
{
	if (a->status != b->status || strcmp(a->words.data, b->words.data) != 0)
		fail_msg("%s, %zu octets: %d %s / %d %s", what, len, a->status, a->words.data,
		    b->status, b->words.data);
}

/* Neither a wrong content key nor what the token says shows through a message that is cut short. */
static void what_the_key_does_is_not_seen_where_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_messages.count; i++) {
		struct message *m = &api_messages.list[i];
		size_t at;

		if (!m->encrypted || m->format != HSMIME_FORMAT_DER || m->holder != &api_rsa)
			continue;
		at = recipients_end(m);
		for (size_t len = at; len < m->text.len; len++) {
			struct outcome right, wrong, refused, gone;

			read_with(&right, m, len, CKR_OK);
			m->text.data[at - 20] ^= 1;
			read_with(&wrong, m, len, CKR_OK);
			m->text.data[at - 20] ^= 1;
			read_with(&refused, m, len, CKR_GENERAL_ERROR);
			read_with(&gone, m, len, CKR_DEVICE_MEMORY);
			same_words(&right, &wrong, m->name, len);
			same_words(&right, &refused, m->name, len);
			same_words(&right, &gone, m->name, len);
			outcome_clear(&right);
			outcome_clear(&wrong);
			outcome_clear(&refused);
			outcome_clear(&gone);
		}
	}
}

static bool is_refusal(int status)
{
	return status == HSMIME_EINVALID || status == HSMIME_EFORMAT ||
	       status == HSMIME_EUNSUPPORTED || status == HSMIME_ENOKEY;
}

static bool signed_by(const struct outcome *o, const struct holder *h)
{
	const hsmime_layer *layer = &o->result->layers[0];

	return layer->signer_count == 1 && X509_cmp(layer->signers[0].certificate, h->cert) == 0;
}

/* Of CBC nothing is promised but an end (RFC 8551 section 6). */
static void altered_at(struct message *m, size_t at)
{
	bool protected = !m->encrypted || strstr(m->cipher, "gcm") != NULL;
	char mask = (char)(1U << at % 8);
	struct outcome o;

	m->text.data[at] ^= mask;
	api_read_text(&o, api_messages.ctx, m, m->text.data, m->text.len);
	m->text.data[at] ^= mask;
	if (o.status != 0 && !is_refusal(o.status))
		fail_msg("%s, octet %zu: %d %s", m->name, at, o.status, o.words.data);
	if (o.status == 0 && protected && !gave_content(&o, m))
		fail_msg("%s, octet %zu: other content is accepted", m->name, at);
	if (o.status == 0 && !m->encrypted && !signed_by(&o, m->holder))
		fail_msg("%s, octet %zu: another signer is accepted", m->name, at);
	outcome_clear(&o);
}

static void no_altered_octet_gives_other_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_messages.count; i++) {
		/* Four octets of base64 are three of what they stand for. */
		size_t step = api_messages.list[i].format == HSMIME_FORMAT_DER ? 1 : 3;

		for (size_t at = 0; at < api_messages.list[i].text.len; at += step)
			altered_at(&api_messages.list[i], at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_messages_give_their_content),
		cmocka_unit_test(octet_by_octet_they_give_the_same),
		cmocka_unit_test(cut_anywhere_they_are_malformed_and_give_nothing),
		cmocka_unit_test(what_the_key_does_is_not_seen_where_they_are_cut),
		cmocka_unit_test(no_altered_octet_gives_other_content),
	};

	return cmocka_run_group_tests(tests, api_messages_setup, api_messages_teardown);
}
