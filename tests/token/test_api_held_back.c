/* What leaves, and when: nothing before it is known to be good, and nothing after a failure. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api_messages.h"

#define LARGE (300 * 1000) /* more than any buffer on the way */

static char folder[512];

static int set_up(void **state)
{
	api_messages_setup(state);
	api_path(folder, sizeof(folder), "out");
	assert_int_equal(mkdir(folder, 0700), 0);
	signal(SIGXFSZ, SIG_IGN);
	return 0;
}

static int is_there(const struct dirent *entry)
{
	return entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
}

/* How many files the folder has, whatever their names. */
static int files(void)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, is_there, NULL);

	assert_true(n >= 0);
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return n;
}

/* A file that was there before. */
static void put_kept(struct stat *st)
{
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s/kept", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "kept", 4), 4);
	close(fd);
	assert_int_equal(stat(path, st), 0);
}

static void assert_kept(const struct stat *before)
{
	struct stat after;
	char path[600], text[8] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/kept", folder);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_ino == before->st_ino && after.st_mode == before->st_mode);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fread(text, 1, sizeof(text), f), 4);
	fclose(f);
	assert_string_equal(text, "kept");
	assert_int_equal(files(), 1);
	assert_int_equal(unlink(path), 0);
}

/* Nothing of m gets into a file, a file that was there, or a pipe. */
static void gives_nothing(const struct message *m, int expected)
{
	struct stat before;
	char path[600], octet;
	hsmime_output *out;
	int ends[2];

	put_kept(&before);
	snprintf(path, sizeof(path), "%s/kept", folder);
	assert_int_equal(hsmime_output_file(&out, path), 0);
	if (message_work(api_messages.ctx, out, m, true) != expected)
		fail_msg("%s: %s", m->name, hsmime_ctx_error(api_messages.ctx));
	assert_kept(&before);
	snprintf(path, sizeof(path), "%s/new", folder);
	assert_int_equal(hsmime_output_file(&out, path), 0);
	assert_int_equal(message_work(api_messages.ctx, out, m, true), expected);
	assert_int_equal(files(), 0);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(hsmime_output_fd(&out, ends[1]), 0);
	assert_int_equal(message_work(api_messages.ctx, out, m, true), expected);
	close(ends[1]);
	assert_int_equal(read(ends[0], &octet, 1), 0);
	close(ends[0]);
}

/* An octet of the signed content or the signature; of CBC that which becomes the padding's length; of GCM's tag. */
static size_t crucial(const struct message *m)
{
	const char *content = memmem(m->text.data, m->text.len, api_content, strlen(api_content));

	if (content != NULL)
		return (size_t)(content - m->text.data);
	return m->text.len - (m->encrypted && strstr(m->cipher, "cbc") != NULL ? 17 : 1);
}

static void what_does_not_hold_gives_nothing_to_file_and_pipe(void **state)
{
	int tried = 0;

	(void)state;
	for (size_t i = 0; i < api_messages.count; i++) {
		struct message *m = &api_messages.list[i];
		size_t at = crucial(m);

		if (m->format != HSMIME_FORMAT_DER || (m->encrypted && m->indefinite))
			continue;
		m->text.data[at] ^= 0x40;
		gives_nothing(m, HSMIME_EINVALID);
		m->text.data[at] ^= 0x40;
		tried++;
	}
	assert_int_equal(tried, 7);
}

static void what_is_right_replaces_a_file_and_keeps_its_mode(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_messages.count; i++) {
		struct stat before, after;
		char path[600];
		hsmime_output *out;

		put_kept(&before);
		snprintf(path, sizeof(path), "%s/kept", folder);
		assert_int_equal(hsmime_output_file(&out, path), 0);
		assert_int_equal(
		    message_work(api_messages.ctx, out, &api_messages.list[i], true), 0);
		assert_int_equal(stat(path, &after), 0);
		assert_int_equal(after.st_size, strlen(message_content(&api_messages.list[i])));
		assert_int_equal(after.st_mode, before.st_mode);
		assert_int_equal(files(), 1);
		assert_int_equal(unlink(path), 0);
	}
}

/* A large input that knows whether it was read to its end, and an output that asks. */
struct watch {
	hsmime_memory memory;
	bool ended;
	size_t written;
	bool early;
};

static ptrdiff_t watched_read(void *arg, void *buf, size_t len)
{
	struct watch *w = arg;
	size_t left = w->memory.len - w->memory.pos;
	size_t n = len < left ? len : left;

	memcpy(buf, (const char *)w->memory.data + w->memory.pos, n);
	w->memory.pos += n;
	w->ended = w->ended || w->memory.pos == w->memory.len;
	return (ptrdiff_t)n;
}

static int watched_write(void *arg, const void *buf, size_t len)
{
	struct watch *w = arg;

	(void)buf;
	w->early = w->early || !w->ended;
	w->written += len;
	return 0;
}

static void make_large(struct text *text, const struct message *m)
{
	char *plain = malloc(LARGE);
	hsmime_output *out = text_output(text);
	hsmime_certs *to = one_cert(m->holder->cert);
	hsmime_encrypt_options encrypt = HSMIME_ENCRYPT_OPTIONS_INIT;
	hsmime_sign_options sign = HSMIME_SIGN_OPTIONS_INIT;
	hsmime_memory memory;
	hsmime_source in;

	memset(plain, 'x', LARGE);
	memory_source(&in, &memory, plain, LARGE);
	encrypt.form = sign.form = HSMIME_CMS;
	encrypt.recipients = to;
	encrypt.no_encrypt_to_self = 1;
	encrypt.cipher = m->cipher;
	sign.opaque = 1;
	sign.key_uri = m->holder->uri;
	assert_int_equal(m->encrypted ? hsmime_encrypt(api_messages.ctx, out, &in, &encrypt)
				      : hsmime_sign(api_messages.ctx, out, &in, &sign),
	    0);
	hsmime_output_free(out);
	hsmime_certs_free(to);
	free(plain);
}

static int read_watched(struct watch *w, const struct message *m, const struct text *text)
{
	hsmime_sink sink = { .write = watched_write, .arg = w };
	hsmime_source in = { .read = watched_read, .arg = w, .size = HSMIME_SIZE_UNKNOWN };
	hsmime_result *result;
	hsmime_output *out;
	int status;

	*w = (struct watch){ .memory = { .data = text->data, .len = text->len } };
	assert_int_equal(hsmime_output_callback(&out, &sink), 0);
	status = message_read(api_messages.ctx, &result, out, m, &in);
	hsmime_result_free(result);
	hsmime_output_free(out);
	return status;
}

static void nothing_leaves_before_the_whole_message_was_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_messages.count; i++) {
		const struct message *m = &api_messages.list[i];
		struct text text = { 0 };
		struct watch w;

		if (m->format != HSMIME_FORMAT_DER || (!m->encrypted && !m->opaque))
			continue;
		make_large(&text, m);
		assert_int_equal(read_watched(&w, m, &text), 0);
		assert_int_equal(w.written, LARGE);
		assert_false(w.early);
		text.data[LARGE / 2] ^= 1;
		text.data[text.len - 17] ^= 0x40;
		assert_int_not_equal(read_watched(&w, m, &text), 0);
		assert_int_equal(w.written, 0);
		text_free(&text);
	}
}

static int demanding(hsmime_ctx *c, hsmime_result **result, hsmime_output *out, void *arg)
{
	hsmime_decrypt_options options = HSMIME_DECRYPT_OPTIONS_INIT;
	const struct message *m = arg;
	hsmime_memory memory;
	hsmime_source in;

	memory_source(&in, &memory, m->text.data, m->text.len);
	options.form = m->form;
	options.require_authenticated = 1;
	return hsmime_decrypt(c, result, out, &in, &options);
}

static void cbc_is_refused_where_authentication_is_required(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_messages.count; i++) {
		struct message *m = &api_messages.list[i];
		struct outcome o;

		if (!m->encrypted)
			continue;
		api_run(&o, api_messages.ctx, demanding, m);
		if (strstr(m->cipher, "gcm") != NULL) {
			assert_int_equal(o.status, 0);
			assert_int_equal(o.result->authenticated, 1);
		} else {
			assert_int_equal(hsmime_exit_status(o.status), 7);
			assert_int_equal(
			    calls_of(&o, "C_Decrypt") + calls_of(&o, "C_DeriveKey"), 0);
		}
		outcome_clear(&o);
	}
}

/* The file may grow to that size; then writing fails as on a full disk. */
static int into_limited_file(size_t room, const struct message *m, bool reading)
{
	struct rlimit before, limit;
	char path[600];
	hsmime_output *out;
	int status;

	snprintf(path, sizeof(path), "%s/kept", folder);
	assert_int_equal(hsmime_output_file(&out, path), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = room;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	status = message_work(api_messages.ctx, out, m, reading);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	return status;
}

static void a_disk_that_is_full_anywhere_leaves_no_file(void **state)
{
	struct stat before;

	(void)state;
	for (size_t i = 0; i < 2 * api_messages.count; i++) {
		const struct message *m = &api_messages.list[i / 2];
		bool reading = i % 2;
		size_t size = reading ? strlen(message_content(m)) : m->text.len - 16;

		for (size_t room = 0; room < size; room += api_messages_step(size, 8)) {
			put_kept(&before);
			if (into_limited_file(room, m, reading) != HSMIME_EIO)
				fail_msg("%s, room for %zu: %s", m->name, room,
				    hsmime_ctx_error(api_messages.ctx));
			assert_kept(&before);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_hold_gives_nothing_to_file_and_pipe),
		cmocka_unit_test(what_is_right_replaces_a_file_and_keeps_its_mode),
		cmocka_unit_test(nothing_leaves_before_the_whole_message_was_read),
		cmocka_unit_test(cbc_is_refused_where_authentication_is_required),
		cmocka_unit_test(a_disk_that_is_full_anywhere_leaves_no_file),
	};

	return cmocka_run_group_tests(tests, set_up, api_messages_teardown);
}
