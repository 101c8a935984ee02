/* The lines of a manifest, which may be anything. */
#include "archive/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "api/input.h"
#include "archive/job_task.h"
#include "util/hex.h"
#include "util/source.h"

/* A line without its end; of the window, which is then taken, or where it does not fit in there of long_line. */
struct line {
	const char *text;
	size_t len, taken;
	bool is, too_long, ended;
};

static void keep_piece(struct line *out, struct buffer *long_line, const void *data, size_t len)
{
	out->is = true;
	out->too_long = out->too_long || len > MANIFEST_LINE_MAX - long_line->len;
	if (out->too_long)
		buffer_reset(long_line);
	else
		(void)buffer_add(long_line, data, len);
}

/* What is in sight up to an end of line, *end; NULL: there is none in all that fits. How much is in sight, 0: the end. */
static ptrdiff_t look(const unsigned char **end, struct window *w)
{
	ptrdiff_t got = window_need(w, 1);

	*end = got > 0 ? memchr(w->data + w->start, '\n', (size_t)got) : NULL;
	if (got <= 0 || *end != NULL)
		return got;
	got = window_need(w, w->room);
	*end = got > 0 ? memchr(w->data + w->start, '\n', (size_t)got) : NULL;
	return got;
}

static int next_line(struct line *out, struct window *w, struct buffer *long_line)
{
	*out = (struct line){ 0 };
	buffer_reset(long_line);
	for (;;) {
		const unsigned char *end, *data;
		ptrdiff_t got = look(&end, w);
		size_t len;

		if (got < 0)
			return (int)got;
		data = w->data + w->start;
		len = end != NULL ? (size_t)(end - data) : (size_t)got;
		out->ended = end != NULL;
		if (end != NULL && !out->is) {
			*out = (struct line){ (const char *)data, len, len + 1, true, false, true };
			return 0;
		}
		if (got > 0)
			keep_piece(out, long_line, data, len);
		window_take(w, len + out->ended);
		out->text = (const char *)long_line->data;
		out->len = long_line->len;
		if (got == 0 || end != NULL)
			return long_line->status;
	}
}

static hsmime_custody_finding at_line(const struct checking *c, const char *kind)
{
	return (hsmime_custody_finding){ .kind = kind, .line = c->line };
}

static int keep(char **field, const char *text, struct error *err)
{
	*field = text != NULL ? strdup(text) : NULL;
	return text == NULL || *field != NULL ? 0 : error_nomem(err);
}

/* The first line: what the job was. */
static int take_facts(struct checking *c, struct manifest_line *line)
{
	struct error *err = &c->ctx->err;
	hsmime_check *f = c->found;
	int status;

	if (line->version != MANIFEST_VERSION) {
		error_set(err, HSMIME_EUNSUPPORTED, "the manifest is of another version: %" PRIu64,
		    line->version);
		return error_hint(err, "check it with the hsmime that wrote it, or a newer one");
	}
	status = keep(&f->task, line->task, err);
	if (status == 0)
		status = keep(&f->in, line->in, err);
	if (status == 0)
		status = keep(&f->out, line->out, err);
	if (status == 0)
		status = keep(&f->started, line->started, err);
	if (status == 0)
		status = keep(&f->finished, line->finished, err);
	c->writes = line->out != NULL;
	c->has_facts = true;
	c->facts = *line;
	*line = (struct manifest_line){ 0 };
	return status;
}

/* Numbers go up by one. */
static int check_number(struct checking *c, uint64_t number)
{
	hsmime_custody_finding f = at_line(c, "lines-missing");
	uint64_t expected = c->expected;

	f.number = number;
	if (number < expected) {
		f.kind = "lines-in-disorder";
		return check_tell(
		    c, f, "message %" PRIu64 " is there twice, or behind a later one", number);
	}
	c->expected = number + 1;
	if (number == expected)
		return 0;
	return check_tell(c, f,
	    "the lines of messages %" PRIu64 " to %" PRIu64 " are missing before it", expected,
	    number - 1);
}

/* Which task's word it is; where the job is not known, any. */
static bool is_done(const struct checking *c, const char *outcome)
{
	static const struct job_task *const tasks[] = { &task_decrypt, &task_rewrap, &task_verify };

	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
		if (strcmp(outcome, tasks[i]->done) == 0)
			return !c->has_facts || strcmp(c->facts.task, tasks[i]->name) == 0;
	return false;
}

static int check_outcome(struct checking *c, const struct manifest_line *line)
{
	hsmime_custody_finding f = at_line(c, "malformed");
	bool done = is_done(c, line->outcome), copied = strcmp(line->outcome, "copied") == 0;
	uint64_t *count = done ? &c->done : copied ? &c->copied : NULL;

	f.number = line->number;
	f.name = line->name;
	if (strcmp(line->outcome, "skipped") == 0)
		count = &c->skipped;
	else if (strcmp(line->outcome, "failed") == 0)
		count = &c->failed;
	if (count == NULL)
		return check_tell(c, f, "the job has no outcome %.40s", line->outcome);
	(*count)++;
	if (line->output == NULL && c->writes && (done || copied))
		return check_tell(c, f, "it names no output, and was %.40s", line->outcome);
	if (line->output != NULL && !line->has_output_sha)
		return check_tell(c, f, "it names no SHA-256 of its output");
	return 0;
}

static int check_message(struct checking *c, const struct manifest_line *line)
{
	int status = check_number(c, line->number);

	c->found->lines++;
	if (status == 0)
		status = check_outcome(c, line);
	if (status == 0 && line->output != NULL && line->has_output_sha)
		status = check_output(c, line);
	if (status == 0 && c->options->sources && line->has_input)
		status = check_source(c, line);
	return status;
}

static int check_read_line(struct checking *c, struct manifest_line *line)
{
	bool first = c->line == 1;

	if (first && line->is_facts)
		return take_facts(c, line);
	if (line->is_facts)
		return check_tell(c, at_line(c, "lines-in-disorder"),
		    "the line of the job is not the first, or there again");
	if (first) {
		int status = check_tell(c, at_line(c, "no-facts"),
		    "the manifest does not begin with the line of the job: nothing says how many "
		    "messages it had");

		if (status != 0)
			return status;
	}
	return check_message(c, line);
}

static int check_line(struct checking *c, const struct line *text)
{
	struct manifest_line line = { 0 };
	int status;

	if (text->too_long)
		return check_tell(c, at_line(c, "malformed"),
		    "the line is longer than any job writes one (%zu octets)", MANIFEST_LINE_MAX);
	status = manifest_line_read(&line, c->ledger, text->text, text->len, &c->ctx->err);
	if (status == HSMIME_EFORMAT)
		status =
		    check_tell(c, at_line(c, "malformed"), "the line: %s", c->ctx->err.message);
	else if (status == 0)
		status = check_read_line(c, &line);
	manifest_line_free(&line);
	if (status == 0 && !text->ended)
		status = check_tell(c, at_line(c, "cut"), "the last line has no end");
	return status;
}

static int check_totals(struct checking *c)
{
	const struct manifest_line *f = &c->facts;
	hsmime_custody_finding missing = { .kind = "lines-missing" };
	int status = 0;

	if (!c->has_facts)
		return 0;
	if (c->expected <= f->messages)
		status = check_tell(c, missing,
		    "the lines of messages %" PRIu64 " to %" PRIu64 " are missing at the end",
		    c->expected, f->messages);
	if (status != 0 || (c->found->lines == f->messages && c->copied == f->copied &&
			       c->skipped == f->skipped && c->failed == f->failed &&
			       c->done == f->messages - f->copied - f->skipped - f->failed))
		return status;
	return check_tell(c, (hsmime_custody_finding){ .kind = "totals" },
	    "the lines tell of %" PRIu64 " messages (copied %" PRIu64 ", skipped %" PRIu64
	    ", failed %" PRIu64 "), and the job had %" PRIu64 " (%" PRIu64 ", %" PRIu64 ", %" PRIu64
	    ")",
	    c->found->lines, c->copied, c->skipped, c->failed, f->messages, f->copied, f->skipped,
	    f->failed);
}

static int read_lines(struct checking *c, struct window *w, struct buffer *long_line)
{
	struct line line;
	int status = 0;

	while (status == 0) {
		status = next_line(&line, w, long_line);
		if (status != 0)
			return error_keep(&c->ctx->err, status, "the manifest can't be read");
		if (!line.is)
			break;
		c->line++;
		status = check_line(c, &line);
		window_take(w, line.taken);
	}
	return status;
}

static int end_digest(struct checking *c)
{
	unsigned char sha[MANIFEST_SHA];

	if (EVP_DigestFinal_ex(c->digest, sha, NULL) != 1)
		return error_nomem(&c->ctx->err);
	hex_lower(c->found->manifest_sha256, sha, MANIFEST_SHA);
	return 0;
}

int check_lines(struct checking *c)
{
	const hsmime_sink to_digest = { .write = check_digest, .arg = c->digest };
	struct progress_source progress;
	struct source_tee tee;
	hsmime_source watched, hashed;
	struct buffer long_line;
	struct window w = { 0 };
	int status = source_seek(&c->source, 0);

	if (status != 0)
		return error_keep(&c->ctx->err, status, "the manifest can't be read");
	c->writes = c->options->out != NULL;
	progress_open(&watched, &progress, c->ctx, &c->source);
	source_tee_open(&hashed, &tee, &watched, &to_digest);
	buffer_init(&long_line, MANIFEST_LINE_MAX);
	if (window_open(&w, &hashed, CHECK_ROOM) != 0 ||
	    EVP_DigestInit_ex2(c->digest, c->md, NULL) != 1)
		status = error_nomem(&c->ctx->err);
	if (status == 0)
		status = read_lines(c, &w, &long_line);
	if (status == 0)
		status = end_digest(c);
	if (status == 0 && c->line == 0)
		status = check_tell(
		    c, (hsmime_custody_finding){ .kind = "no-facts" }, "the manifest is empty");
	window_close(&w);
	buffer_free(&long_line);
	return status == 0 ? check_totals(c) : status;
}
