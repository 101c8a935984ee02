/* The kind of CMS that a mail's header tells is changed, and nothing else of it. */
#include "mail_support.h"

#include "mail/smime_type.h"

static void expect(const char *header, const char *want)
{
	struct header h = { 0 };
	struct buffer got;
	hsmime_sink sink;

	buffer_init(&got, MEMORY_MAX);
	sink_buffer(&sink, &got);
	header_of(&h, header);
	assert_int_equal(smime_type_write(&h, "authEnveloped-data", &sink), 0);
	assert_text(&got, want);
	buffer_reset(&got);
	assert_int_equal(smime_type_write(&h, NULL, &sink), 0);
	assert_text(&got, header);
	buffer_free(&got);
	header_free(&h);
}

#define TYPE "Content-Type: application/pkcs7-mime"

static void the_value_is_replaced_however_it_is_written(void **state)
{
	(void)state;
	expect("From: a\n" TYPE "; smime-type=enveloped-data; name=smime.p7m\nX: y\n\n",
	    "From: a\n" TYPE "; smime-type=authEnveloped-data; name=smime.p7m\nX: y\n\n");
	expect(TYPE ";\r\n\tname=\"a;b\";\r\n\tsmime-type=\"enveloped-data\"\r\n\r\n",
	    TYPE ";\r\n\tname=\"a;b\";\r\n\tsmime-type=\"authEnveloped-data\"\r\n\r\n");
	expect("content-type : x/y ; SMIME-Type = (a;b) Enveloped-Data ;z=1\n\n",
	    "content-type : x/y ; SMIME-Type = (a;b) authEnveloped-data ;z=1\n\n");
	expect(TYPE ";smime-type=enveloped-data\n\n", TYPE ";smime-type=authEnveloped-data\n\n");
	expect(
	    TYPE ";smime-type=enveloped-data(x)\n\n", TYPE ";smime-type=authEnveloped-data(x)\n\n");
}

static void what_only_looks_like_it_stays(void **state)
{
	static const char *const same[] = {
		TYPE "\n\n",
		TYPE "; name=smime.p7m\n\n",
		TYPE "; smime-type=signed-data\n\n",
		TYPE "; smime-type=authEnveloped-data\n\n",
		TYPE "; smime-type=enveloped-dataset\n\n",
		TYPE "; smime-type=\"enveloped-data \"\n\n",
		TYPE "; smime-typed=enveloped-data\n\n",
		TYPE "; x-smime-type=enveloped-data\n\n",
		TYPE "; smime-type\n\n",
		TYPE "; smime-type=\n\n",
		TYPE "; smime-type=\"\n\n",
		TYPE "; name=\"; smime-type=enveloped-data\"\n\n",
		TYPE " (; smime-type=enveloped-data)\n\n",
		"X-Content-Type: a/b; smime-type=enveloped-data\n\n",
		"Subject: smime-type=enveloped-data\n\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		expect(same[i], same[i]);
}

static void a_sink_that_fails_is_told(void **state)
{
	const char *text = TYPE "; smime-type=enveloped-data\n\n";
	struct header h = { 0 };

	(void)state;
	header_of(&h, text);
	for (size_t room = 0; room < strlen(text) + 4; room++) {
		struct short_sink s;
		hsmime_sink sink;

		short_sink_open(&sink, &s, room);
		assert_int_equal(smime_type_write(&h, "authEnveloped-data", &sink), HSMIME_EIO);
		buffer_free(&s.got);
	}
	header_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_value_is_replaced_however_it_is_written),
		cmocka_unit_test(what_only_looks_like_it_stays),
		cmocka_unit_test(a_sink_that_fails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
