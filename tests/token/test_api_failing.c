/* Reading and writing that fail, at every offset: the status says so, whatever else is wrong. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_messages.h"

/* A sink with room for so many octets. */
struct full {
	size_t room;
	size_t written;
};

static int write_full(void *arg, const void *buf, size_t len)
{
	struct full *f = arg;

	(void)buf;
	if (len > f->room - f->written)
		return HSMIME_EIO;
	f->written += len;
	return 0;
}

static int into_full(struct full *f, const struct message *m, bool reading)
{
	hsmime_sink sink = { .write = write_full, .arg = f };
	hsmime_output *out;

	f->written = 0;
	assert_int_equal(hsmime_output_callback(&out, &sink), 0);
	return message_work(api_messages.ctx, out, m, reading);
}

static void full_at_every_offset(const struct message *m, bool reading)
{
	struct full all = { .room = SIZE_MAX };
	size_t step;

	assert_int_equal(into_full(&all, m, reading), 0);
	step = api_messages_step(all.written, 64);
	/* An ECDSA signature may be some octets shorter the next time. */
	for (size_t room = 0; room + (reading ? 0 : 24) < all.written; room += step) {
		struct full f = { .room = room };
		int status = into_full(&f, m, reading);

		if (status != HSMIME_EIO || hsmime_ctx_error(api_messages.ctx)[0] == '\0')
			fail_msg("%s %s, room for %zu: %d %s", reading ? "reading" : "making",
			    m->name, room, status, hsmime_ctx_error(api_messages.ctx));
	}
}

static int rewrap_into_full(struct full *f, const struct message *m)
{
	hsmime_sink sink = { .write = write_full, .arg = f };
	hsmime_output *out;

	f->written = 0;
	assert_int_equal(hsmime_output_callback(&out, &sink), 0);
	return message_rewrap(api_messages.ctx, out, m);
}

/* CBC over what is neither MIME nor CMS is not rewrapped. */
static void a_write_that_fails_anywhere_while_rewrapping_is_an_output_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_messages.count; i++) {
		const struct message *m = &api_messages.list[i];
		struct full all = { .room = SIZE_MAX };

		if (!m->encrypted || (m->form == HSMIME_CMS && strstr(m->cipher, "gcm") == NULL))
			continue;
		assert_int_equal(rewrap_into_full(&all, m), 0);
		for (size_t room = 0; room < all.written;
		     room += api_messages_step(all.written, 64)) {
			struct full f = { .room = room };

			assert_int_equal(rewrap_into_full(&f, m), HSMIME_EIO);
			assert_true(hsmime_ctx_error(api_messages.ctx)[0] != '\0');
		}
	}
}

static void a_write_that_fails_anywhere_is_an_output_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_messages.count; i++) {
		full_at_every_offset(&api_messages.list[i], true);
		full_at_every_offset(&api_messages.list[i], false);
	}
}

/* A source that fails at an offset. */
struct broken {
	hsmime_memory memory;
	size_t fail_at;
};

static ptrdiff_t broken_read(void *arg, void *buf, size_t len)
{
	struct broken *b = arg;
	size_t left = b->fail_at - b->memory.pos;
	size_t n = len < left ? len : left;

	if (left == 0)
		return HSMIME_EIO;
	memcpy(buf, (const char *)b->memory.data + b->memory.pos, n);
	b->memory.pos += n;
	return (ptrdiff_t)n;
}

static void a_read_that_fails_anywhere_is_an_input_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_messages.count; i++) {
		const struct message *m = &api_messages.list[i];

		for (size_t at = 0; at < m->text.len; at += api_messages_step(m->text.len, 64)) {
			struct broken b = { .memory = { .data = m->text.data }, .fail_at = at };
			hsmime_source in = {
				.read = broken_read, .arg = &b, .size = HSMIME_SIZE_UNKNOWN
			};
			struct outcome o;

			api_read(&o, api_messages.ctx, m, &in);
			if (o.status != HSMIME_EIO)
				fail_msg("%s at %zu: %d %s", m->name, at, o.status, o.words.data);
			outcome_clear(&o);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_that_fails_anywhere_is_an_output_error),
		cmocka_unit_test(a_write_that_fails_anywhere_while_rewrapping_is_an_output_error),
		cmocka_unit_test(a_read_that_fails_anywhere_is_an_input_error),
	};

	return cmocka_run_group_tests(tests, api_messages_setup, api_messages_teardown);
}
