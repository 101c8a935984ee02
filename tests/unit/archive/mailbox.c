#include "mailbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void put_folder(const char *name)
{
	char *copy = strdup(name);

	assert_non_null(copy);
	for (char *slash = copy; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		(void)mkdir(copy, 0700);
		*slash = '/';
	}
	(void)mkdir(copy, 0700);
	assert_int_equal(access(copy, F_OK), 0);
	free(copy);
}

void put_maildir(const char *name)
{
	static const char *const parts[] = { "cur", "new", "tmp" };
	char part[512];

	for (size_t i = 0; i < 3; i++) {
		snprintf(part, sizeof(part), "%s/%s", name, parts[i]);
		put_folder(part);
	}
}

void put(const char *name, const void *data, size_t len)
{
	char *copy = strdup(name);
	char *slash = strrchr(copy, '/');
	FILE *file;

	if (slash != NULL) {
		*slash = '\0';
		put_folder(copy);
	}
	free(copy);
	file = fopen(name, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

void touch(const char *name, long seconds)
{
	const struct timespec times[2] = { { 0, UTIME_OMIT }, { seconds, 5 } };

	assert_int_equal(utimensat(AT_FDCWD, name, times, 0), 0);
}

struct mail_source *opened(const char *name)
{
	struct mail_source *s = NULL;
	struct error err = { 0 };
	int status = mail_source_open(&s, name, &err);

	if (status != 0)
		fail_msg("%s: %s", name, err.message);
	assert_non_null(s);
	return s;
}

void assert_refused(const char *name, int status, const char *words)
{
	struct mail_source *s = (void *)&status;
	struct error err = { 0 };

	assert_int_equal(mail_source_open(&s, name, &err), status);
	assert_null(s);
	assert_int_equal(err.code, status);
	if (strstr(err.message, words) == NULL)
		fail_msg("%s: not \"%s\" but \"%s\"", name, words, err.message);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct mail_item *)a)->name, ((const struct mail_item *)b)->name);
}

struct listing list_all(struct mail_source *s)
{
	struct listing l = { 0 };
	struct mail_item item;
	bool more = true;

	while (more) {
		struct error err = { 0 };
		int status = mail_source_next(&item, &more, s, &err);

		assert_int_equal(status, err.code);
		if (status != 0) {
			assert_null(item.name);
			assert_true(err.message[0] != '\0');
			l.err = err;
			l.failures++;
		} else if (more) {
			assert_non_null(item.key);
			l.items = realloc(l.items, (l.count + 1) * sizeof(item));
			assert_non_null(l.items);
			l.items[l.count++] = item;
		}
	}
	if (l.count > 0)
		qsort(l.items, l.count, sizeof(item), by_name);
	return l;
}

void listing_free(struct listing *l)
{
	for (size_t i = 0; i < l->count; i++)
		mail_item_free(&l->items[i]);
	free(l->items);
	*l = (struct listing){ 0 };
}

void assert_names(const char *name, ...)
{
	struct mail_source *s = opened(name);
	struct listing l = list_all(s);
	const char *want;
	va_list names;
	size_t i = 0;

	if (l.failures > 0)
		fail_msg("%s: %s", name, l.err.message);
	va_start(names, name);
	while ((want = va_arg(names, const char *)) != NULL) {
		assert_true(i < l.count);
		assert_string_equal(l.items[i++].name, want);
	}
	va_end(names);
	assert_int_equal(l.count, i);
	listing_free(&l);
	mail_source_close(s);
}

/* What is left of the source, by reads of at most step octets. */
static int rest(struct buffer *out, const hsmime_source *source, size_t step)
{
	unsigned char buf[4096];
	ptrdiff_t got;

	assert_true(step <= sizeof(buf));
	while ((got = source->read(source->arg, buf, step)) > 0) {
		assert_true((size_t)got <= step);
		assert_int_equal(buffer_add(out, buf, (size_t)got), 0);
	}
	return (int)got;
}

int content(struct buffer *out, struct mail_source *s, const struct mail_item *item, size_t step)
{
	struct mail_octets octets;
	struct error err = { 0 };
	int status = mail_source_read(&octets, s, item, &err);

	buffer_init(out, SIZE_MAX / 2);
	assert_int_equal(status, err.code);
	if (status == 0)
		status = rest(out, &octets.source, step);
	if (status == 0)
		assert_int_equal(octets.source.size, out->len);
	mail_octets_close(&octets, s);
	return status;
}

static void assert_same(const struct buffer *b, const void *data, size_t len)
{
	assert_int_equal(b->len, len);
	if (len > 0)
		assert_memory_equal(b->data, data, len);
}

static void assert_seeks(
    struct mail_source *s, const struct mail_item *item, const unsigned char *data, size_t len)
{
	/* Of long contents some, each beside its neighbours at the edges of buffers. */
	size_t step = len > 2000 ? len / 500 : 1;
	struct mail_octets octets;
	struct buffer b;

	buffer_init(&b, SIZE_MAX / 2);
	assert_int_equal(mail_source_read(&octets, s, item, NULL), 0);
	for (size_t n = 0; n <= len; n += step) {
		/* Forth, and back in between. */
		size_t at = n % 2 == 0 ? n : len - n;
		size_t want = len - at < 3000 ? len - at : 3000;
		ptrdiff_t got = 1;

		assert_int_equal(octets.source.seek(octets.source.arg, at), 0);
		for (b.len = 0; b.len < want && got > 0;) {
			unsigned char buf[3000];

			got = octets.source.read(octets.source.arg, buf, want - b.len);
			assert_true(got > 0);
			buffer_add(&b, buf, (size_t)got);
		}
		assert_same(&b, data + at, want);
	}
	mail_octets_close(&octets, s);
	buffer_free(&b);
}

void assert_content(
    struct mail_source *s, const struct mail_item *item, const void *data, size_t len)
{
	static const size_t steps[] = { 1, 7, 4096 };

	for (size_t i = 0; i < 3; i++) {
		struct buffer b;

		assert_int_equal(content(&b, s, item, steps[i]), 0);
		assert_same(&b, data, len);
		buffer_free(&b);
	}
	assert_seeks(s, item, data, len);
}

void assert_unreadable(struct mail_source *s, const struct mail_item *item, const char *words)
{
	struct mail_octets octets;
	struct error err = { 0 };

	assert_int_equal(mail_source_read(&octets, s, item, &err), HSMIME_EIO);
	assert_int_equal(err.code, HSMIME_EIO);
	if (strstr(err.message, words) == NULL)
		fail_msg("%s: not \"%s\" but \"%s\"", item->name, words, err.message);
	mail_octets_close(&octets, s);
}

uint64_t passed_over(const char *name)
{
	struct mail_source *s = opened(name);
	struct listing l = list_all(s);
	uint64_t count = s->passed_over;

	assert_int_equal(l.count, 1);
	assert_int_equal(l.failures, 0);
	listing_free(&l);
	mail_source_close(s);
	return count;
}

void assert_changes_seen(struct mail_source *s, const struct mail_item *item, const char *at)
{
	touch(at, 5);
	assert_unreadable(s, item, "was changed");
	put_text(at, "of another length");
	assert_unreadable(s, item, "was changed");
	assert_int_equal(unlink(at), 0);
	assert_unreadable(s, item, "is not there any more");
	assert_int_equal(mkfifo(at, 0600), 0);
	assert_unreadable(s, item, "is not a file");
	assert_int_equal(unlink(at), 0);
	put_folder(at);
	assert_unreadable(s, item, "is not a file");
	assert_int_equal(rmdir(at), 0);
	put_text("elsewhere", "elsewhere");
	assert_int_equal(symlink("../../elsewhere", at), 0);
	assert_unreadable(s, item, "is not a file");
}
