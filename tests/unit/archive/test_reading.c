/* archive/reading.h: however a message is read, its SHA-256 is that of all of its octets, which are read once. */
#include "mailbox.h"

#include <fcntl.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "archive/reading.h"
#include "util/source.h"

#define LARGE (3 * READING_WHOLE + 12345)

static unsigned char data[LARGE];

/* A message at hand, of a tree with nothing else. */
struct at_hand {
	struct mail_source *source;
	struct listing listing;
	struct journal_entry entry;
	struct reading r;
	struct error err;
};

static void take(struct at_hand *m, size_t len)
{
	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < len; i++)
		data[i] = (unsigned char)(i * 11 + i / 253);
	put("t/a.eml", data, len);
	m->source = opened("eml:t");
	m->listing = list_all(m->source);
	assert_int_equal(m->listing.count, 1);
	m->entry.item = m->listing.items[0];
	assert_int_equal(reading_init(&m->r, NULL), 0);
}

static int open_it(struct at_hand *m)
{
	return reading_open(&m->r, m->source, &m->entry, false, &m->err);
}

static void let_go(struct at_hand *m)
{
	reading_close(&m->r);
	reading_free(&m->r);
	listing_free(&m->listing);
	mail_source_close(m->source);
	unlink("t/a.eml");
}

static void read_from(struct at_hand *m, uint64_t offset, size_t len)
{
	const hsmime_source *s = &m->r.source;
	unsigned char some[1000];

	assert_int_equal(source_seek(s, offset), 0);
	while (len > 0) {
		ptrdiff_t got = s->read(s->arg, some, len < sizeof(some) ? len : sizeof(some));

		assert_true(got >= 0);
		if (got == 0)
			return;
		assert_memory_equal(some, data + offset, (size_t)got);
		offset += (uint64_t)got;
		len -= (size_t)got;
	}
}

static void assert_sha(const struct at_hand *m, size_t len)
{
	unsigned char sha[SHA256_DIGEST_LENGTH];

	assert_true(m->r.hashed);
	assert_true(m->entry.has_sha);
	assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, data, len, sha, NULL), 1);
	assert_memory_equal(m->entry.input_sha, sha, sizeof(sha));
}

static void each_size_is_hashed_whole(void **state)
{
	static const size_t sizes[] = { 0, 1, READING_WHOLE - 1, READING_WHOLE, READING_WHOLE + 1,
		LARGE };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct at_hand m;

		take(&m, sizes[i]);
		assert_int_equal(open_it(&m), 0);
		assert_int_equal(m.r.source.size, sizes[i]);
		assert_int_equal(reading_hash_rest(&m.r, &m.entry), 0);
		assert_sha(&m, sizes[i]);
		read_from(&m, 0, sizes[i]);
		let_go(&m);
	}
}

/* Parts, over and over, in any order, with gaps. */
static void how_it_is_read_does_not_count(void **state)
{
	struct at_hand m;

	(void)state;
	take(&m, LARGE);
	assert_int_equal(open_it(&m), 0);
	read_from(&m, 0, 10);
	read_from(&m, READING_WHOLE - 5, 4000);
	read_from(&m, 100, 2 * READING_WHOLE);
	read_from(&m, LARGE - 100, 100);
	read_from(&m, 2 * READING_WHOLE + 200000, 1000);
	read_from(&m, READING_WHOLE, 2 * READING_WHOLE - 77);
	assert_int_equal(reading_hash_rest(&m.r, &m.entry), 0);
	assert_sha(&m, LARGE);
	/* And afterwards. */
	read_from(&m, 0, LARGE);
	assert_int_equal(reading_hash_rest(&m.r, &m.entry), 0);
	assert_sha(&m, LARGE);
	let_go(&m);
}

static void the_next_message_begins_anew(void **state)
{
	struct at_hand m;

	(void)state;
	take(&m, LARGE);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(open_it(&m), 0);
		read_from(&m, 0, READING_WHOLE + (size_t)i * 1000);
		assert_int_equal(reading_hash_rest(&m.r, &m.entry), 0);
		assert_sha(&m, LARGE);
		reading_close(&m.r);
		assert_false(m.r.hashed);
	}
	let_go(&m);
}

/* What was read before is another message's then, and it has no digest. */
static void one_that_changes_meanwhile_can_t_be_read(void **state)
{
	struct at_hand m;

	(void)state;
	take(&m, LARGE);
	assert_int_equal(open_it(&m), 0);
	read_from(&m, 0, READING_WHOLE * 2);
	assert_int_equal(truncate("t/a.eml", LARGE - 1), 0);
	assert_int_equal(reading_hash_rest(&m.r, &m.entry), HSMIME_EIO);
	assert_true(m.r.unread);
	assert_false(m.r.hashed);
	assert_false(m.entry.has_sha);
	let_go(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    each_size_is_hashed_whole, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    how_it_is_read_does_not_count, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    the_next_message_begins_anew, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    one_that_changes_meanwhile_can_t_be_read, scratch_enter, scratch_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
