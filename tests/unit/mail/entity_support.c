#include "entity_support.h"

static void assert_size(const hsmime_source *in, const struct structure *s,
    const struct entity_write *how, int status, uint64_t expected)
{
	struct error err = { 0 };
	uint64_t size = 1;

	assert_int_equal(entity_size(&size, in, s, how, &err), status);
	assert_int_equal(err.code, status);
	assert_int_equal(size, expected);
}

int write_entity(struct buffer *out, const void *data, size_t len, const struct entity_write *how,
    struct error *err)
{
	struct octets o;
	hsmime_source in;
	hsmime_sink sink;
	struct structure s;
	int status;

	*err = (struct error){ 0 };
	scan_octets(&s, data, len);
	octets_open(&in, &o, data, len);
	buffer_init(out, MEMORY_MAX);
	sink_buffer(&sink, out);
	status = entity_write(&in, &s, how, &sink, err);
	assert_int_equal(err->code, status);
	assert_size(&in, &s, how, status, status == 0 ? out->len : 0);
	structure_free(&s);
	return status;
}

static void assert_entity(const char *mail, const struct entity_write *how, const char *expected)
{
	struct buffer out;
	struct error err;

	assert_int_equal(write_entity(&out, mail, strlen(mail), how, &err), 0);
	assert_text(&out, expected);
	buffer_free(&out);
}

void assert_safe(const char *mail, const char *expected)
{
	struct entity_write how = { .seven_bit = true };

	assert_entity(mail, &how, expected);
}

void assert_copied(const char *mail, const char *expected)
{
	struct entity_write how = { 0 };

	assert_entity(mail, &how, expected);
}

void assert_refused(const char *mail, int status, const char *message)
{
	struct entity_write how = { .seven_bit = true, .one_reading = true };
	struct buffer out;
	struct error err;

	assert_int_equal(write_entity(&out, mail, strlen(mail), &how, &err), status);
	assert_non_null(strstr(err.message, message));
	buffer_free(&out);
}
