#include "sink_support.h"

/* Names of messages are made from the test's pattern. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

#include <fcntl.h>
#include <ftw.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/file_body.h"
#include "util/output.h"
#include "util/sink.h"

static char kept[4096];

struct mail_item item_of(const char *name, const char *key, int64_t modified)
{
	return (struct mail_item){ .name = (char *)name,
		.key = (char *)(key != NULL ? key : name),
		.modified = modified };
}

struct mail_sink *sink_of(const char *name, uint64_t committed)
{
	struct mail_sink *s = NULL;
	struct error err = { 0 };

	if (mail_sink_open(&s, name, JOB, committed, &err) != 0)
		fail_msg("%s", err.message);
	return s;
}

int draft_write(struct mail_draft *d, const void *data, size_t len, struct error *err)
{
	hsmime_sink to;
	int status = output_begin(d->output, true, NULL, 0, err);

	if (status != 0)
		return status;
	output_sink(&to, d->output);
	return sink_write(&to, data, len);
}

int draft_data(struct mail_draft *d, struct mail_sink *s, const struct mail_item *item,
    const struct mail_form *form, const void *data, size_t len, struct error *err)
{
	int status = mail_sink_begin(d, s, item, form, err);

	if (status == 0)
		status = draft_write(d, data, len, err);
	if (status == 0)
		status = output_commit(d->output, err);
	return status == 0 ? mail_sink_end(d, s, err) : status;
}

const char *draft_keep(struct mail_sink *s, const char *name, const char *text)
{
	struct mail_item item = item_of(name, NULL, WHEN);
	struct mail_draft d = { 0 };
	struct error err = { 0 };
	uint64_t committed = 0;

	if (draft_data(&d, s, &item, NULL, text, strlen(text), &err) != 0 ||
	    mail_sink_settle(s, &d, 1, &committed, &err) != 0)
		fail_msg("%s", err.message);
	assert_int_equal(d.size, strlen(text));
	snprintf(kept, sizeof(kept), "%s/%s", s->place, d.name);
	mail_sink_drop(&d);
	return kept;
}

static size_t found;
static const char *wanted;

static int count_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)type;
	(void)at;
	if (S_ISREG(st->st_mode) && strstr(path, wanted) != NULL)
		found++;
	return 0;
}

size_t files_with(const char *path, const char *part)
{
	found = 0;
	wanted = part;
	assert_int_equal(nftw(path, count_entry, 16, FTW_PHYS), 0);
	return found;
}

size_t files_in(const char *path)
{
	return files_with(path, "");
}

void file_read(struct buffer *out, const char *path)
{
	unsigned char buf[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		fail_msg("%s is not there", path);
	buffer_init(out, SIZE_MAX / 2);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		assert_int_equal(buffer_add(out, buf, (size_t)n), 0);
	close(fd);
}

void assert_file_is(const char *path, const char *text)
{
	struct buffer b;

	file_read(&b, path);
	assert_non_null(buffer_string(&b));
	assert_int_equal(b.len, strlen(text));
	assert_string_equal((const char *)b.data, text);
	buffer_free(&b);
}

void file_make(const char *path, const char *text)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static bool write_until(
    struct mail_draft *d, struct mail_sink *s, enum step step, const char *name, const char *text)
{
	static const char large[2 * FILE_BODY_SMALL];
	struct mail_item item = item_of(name, NULL, WHEN);
	struct error err = { 0 };

	if (step == OPENED)
		return true;
	if (mail_sink_begin(d, s, &item, NULL, &err) != 0)
		return false;
	if (step == BEGUN)
		return true;
	/* What is small is in memory as yet. */
	if (step == HALF)
		return draft_write(d, large, sizeof(large), &err) == 0;
	if (draft_write(d, text, strlen(text), &err) != 0)
		return false;
	if (output_commit(d->output, &err) != 0)
		return false;
	return step == WRITTEN || mail_sink_end(d, s, &err) == 0;
}

static void crash_here(
    int out, enum step step, const char *mailbox, size_t count, const char *pattern)
{
	struct mail_sink *s = NULL;
	struct mail_draft d[16] = { 0 };
	uint64_t committed = 0;
	char name[64], text[64];
	struct error err = { 0 };

	if (mail_sink_open(&s, mailbox, JOB, 0, &err) != 0)
		_exit(1);
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), pattern, (int)i);
		snprintf(text, sizeof(text), "Subject: %d\n\nbody\n", (int)i);
		if (!write_until(&d[i], s, step, name, text))
			_exit(2);
	}
	if (step == SETTLED && mail_sink_settle(s, d, count, &committed, &err) != 0)
		_exit(3);
	_exit(write(out, &committed, sizeof(committed)) == sizeof(committed) ? 0 : 4);
}

uint64_t crash(enum step step, const char *mailbox, size_t count, const char *pattern)
{
	uint64_t committed = 0;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		crash_here(ends[1], step, mailbox, count, pattern);
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(read(ends[0], &committed, sizeof(committed)), sizeof(committed));
	close(ends[0]);
	return committed;
}

void assert_crashes_cost_nothing(const char *scheme, const char *pattern, const char *part)
{
	char mailbox[64], folder[32], name[64];

	for (enum step step = OPENED; step < STEPS; step++) {
		struct mail_sink *s = NULL;

		snprintf(folder, sizeof(folder), "%d", (int)step);
		snprintf(mailbox, sizeof(mailbox), "%s:%s", scheme, folder);
		crash(step, mailbox, 10, pattern);
		assert_int_equal(files_with(folder, part), step == SETTLED ? 10 : 0);
		assert_int_equal(files_in(folder), step > BEGUN ? 10 : 0);
		s = sink_of(mailbox, 0);
		assert_int_equal(files_in(folder), step == SETTLED ? 10 : 0);
		for (int i = 0; i < 10; i++) {
			snprintf(name, sizeof(name), pattern, i);
			assert_file_is(draft_keep(s, name, name), name);
		}
		assert_int_equal(files_in(folder), 10);
		mail_sink_close(s);
	}
}

void assert_full_disk_costs_one(const char *mailbox, const char *folder, const char *name)
{
	struct mail_sink *s = sink_of(mailbox, 0);
	struct mail_item item = item_of(name, NULL, WHEN);
	static char data[100000];
	struct mail_draft d = { 0 };
	struct error err = { 0 };

	limit_files(sizeof(data) / 2);
	assert_int_equal(draft_data(&d, s, &item, NULL, data, sizeof(data), &err), HSMIME_EIO);
	limit_files(0);
	assert_non_null(strstr(err.message, "File too large"));
	mail_sink_drop(&d);
	assert_int_equal(files_in(folder), 0);
	mail_sink_close(s);
}

struct mail_draft settle_100_mb(struct mail_sink *s, char octet, uint64_t *committed)
{
	struct mail_item item = item_of("x.eml", NULL, WHEN);
	static char part[1 << 20];
	struct mail_draft d = { 0 };
	struct rusage at_first, at_last;
	struct error err = { 0 };
	hsmime_sink to;

	memset(part, octet, sizeof(part));
	assert_int_equal(getrusage(RUSAGE_SELF, &at_first), 0);
	assert_int_equal(mail_sink_begin(&d, s, &item, NULL, &err), 0);
	assert_int_equal(output_begin(d.output, true, NULL, 0, &err), 0);
	output_sink(&to, d.output);
	for (size_t len = 0; len < HUNDRED_MB; len += sizeof(part))
		assert_int_equal(sink_write(&to, part, sizeof(part)), 0);
	assert_int_equal(output_commit(d.output, &err), 0);
	assert_int_equal(mail_sink_end(&d, s, &err), 0);
	assert_int_equal(mail_sink_settle(s, &d, 1, committed, &err), 0);
	assert_int_equal(getrusage(RUSAGE_SELF, &at_last), 0);
	assert_true(at_last.ru_maxrss - at_first.ru_maxrss < 10 * 1024); /* kB */
	assert_int_equal(d.size, HUNDRED_MB);
	return d;
}
