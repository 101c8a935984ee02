/* hsmime_archive_count: what there is in a mailbox. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hsmime/archive.h>

#include "api/ctx.h"
#include "api/result.h"
#include "archive/choice.h"
#include "archive/inspect.h"
#include "archive/mail_source.h"
#include "archive/tally.h"
#include "util/buffer.h"

#define TOLD_EVERY 1000 /* messages */

struct counting {
	hsmime_ctx *ctx;
	const hsmime_count_options *options;
	struct tally *tally;
	hsmime_tally *out;
};

/* The octets that name a recipient in the message, as they are there. */
static int recipient_key(struct buffer *key, const struct recipient *r)
{
	int status = buffer_add(key, r->key_id_len > 0 ? "k" : "s", 1);

	if (status == 0)
		status = buffer_add(key, r->key_id, r->key_id_len);
	if (status == 0)
		status = buffer_add(key, r->serial, r->serial_len);
	return status == 0 ? buffer_add(key, r->issuer, r->issuer_len) : status;
}

static char *recipient_line(const hsmime_recipient *r)
{
	char *line = NULL;
	int n;

	if (r->key_id != NULL)
		n = asprintf(&line, "key identifier %s", r->key_id);
	else if (r->serial_number != NULL)
		n = asprintf(&line, "serial number %s of %s", r->serial_number,
		    r->issuer != NULL ? r->issuer : "?");
	else
		n = asprintf(&line, "%s", r->algorithm);
	return n >= 0 ? line : NULL;
}

static int describe_recipient(hsmime_tally_row *row, const struct recipient *r)
{
	hsmime_recipient words = { 0 };
	int status = result_recipient(&words, r);

	if (status == 0) {
		row->value = recipient_line(&words);
		row->issuer = words.issuer;
		row->serial_number = words.serial_number;
		row->key_id = words.key_id;
		words = (hsmime_recipient){ 0 };
	}
	result_recipient_clear(&words);
	return status == 0 && row->value == NULL ? HSMIME_ENOMEM : status;
}

static int count_recipient(struct counting *c, const struct recipient *r, uint64_t octets)
{
	hsmime_tally_row *row = NULL;
	struct buffer key;
	int status;

	buffer_init(&key, SIZE_MAX);
	status = recipient_key(&key, r);
	/* Who has neither, as a password, is named by the algorithm. */
	if (status == 0 && key.len == 1)
		status = buffer_add_string(&key, r->algorithm);
	if (status == 0)
		status =
		    tally_add(&row, c->tally, HSMIME_TALLY_RECIPIENT, key.data, key.len, octets);
	if (status == 0 && row->value == NULL)
		status = describe_recipient(row, r);
	buffer_free(&key);
	return status;
}

/* A message counts once for each algorithm that there is among its recipients: names are constant. */
static bool seen_before(const struct enveloped_result *e, size_t at)
{
	for (size_t i = 0; i < at && i < 64; i++)
		if (strcmp(e->recipients[i].algorithm, e->recipients[at].algorithm) == 0)
			return true;
	return false;
}

static int count_envelope(struct counting *c, const struct enveloped_result *e, uint64_t octets)
{
	int status = tally_word(
	    c->tally, HSMIME_TALLY_CIPHER, e->cipher != NULL ? e->cipher : "other", octets);

	for (size_t i = 0; i < e->count && status == 0; i++) {
		if (!seen_before(e, i))
			status = tally_word(
			    c->tally, HSMIME_TALLY_ALGORITHM, e->recipients[i].algorithm, octets);
		if (status == 0)
			status = count_recipient(c, &e->recipients[i], octets);
	}
	return status;
}

static int count_year(struct counting *c, int64_t date, uint64_t octets)
{
	time_t when = (time_t)date;
	char year[32] = "unknown";
	struct tm t;

	if (date != HSMIME_NO_TIME && gmtime_r(&when, &t) != NULL)
		snprintf(year, sizeof(year), "%lld", 1900 + (long long)t.tm_year);
	return tally_word(c->tally, HSMIME_TALLY_YEAR, year, octets);
}

static int count_one(struct counting *c, const struct mail_item *item, const char *kind,
    const struct inspection *found)
{
	const struct choice choice = { c->options->since, c->options->until,
		c->options->recipient };
	bool takes = false;
	int status = choice_takes(&takes, &choice, item, found);

	if (status != 0 || !takes)
		return status;
	c->out->messages++;
	c->out->octets += item->size;
	status = tally_word(c->tally, HSMIME_TALLY_KIND, kind, item->size);
	if (status == 0)
		status = count_year(c, choice_date(item, found), item->size);
	return status == 0 && found->envelope.count > 0
		   ? count_envelope(c, &found->envelope, item->size)
		   : status;
}

/* No message ends the work. */
static int look_at(struct counting *c, struct mail_source *s, const struct mail_item *item)
{
	struct cms_env env = ctx_env(c->ctx);
	struct inspection found = { 0 };
	struct mail_octets octets = { 0 };
	int status = mail_source_read(&octets, s, item, env.err);
	const char *kind;

	if (status == 0)
		status = inspect(&found, &octets.source, &env);
	kind = status == 0 ? inspect_word(found.kind) : "unreadable";
	if (status != 0 || found.kind == INSPECT_MALFORMED)
		ctx_log(c->ctx, 1, "%s: %s", item->name, env.err->message);
	if (status != HSMIME_ENOMEM)
		status = count_one(c, item, kind, &found);
	error_clear(env.err);
	inspection_free(&found);
	mail_octets_close(&octets, s);
	return status;
}

static void tell(const struct counting *c, uint64_t seen, uint64_t octets)
{
	if (c->ctx->progress != NULL && seen % TOLD_EVERY == 0)
		c->ctx->progress(c->ctx->progress_arg, octets, HSMIME_SIZE_UNKNOWN);
}

/* The listing goes on behind it. */
static int note_unlisted(struct counting *c)
{
	ctx_log(c->ctx, 0, "%s", c->ctx->err.message);
	error_clear(&c->ctx->err);
	c->out->unlisted++;
	return 0;
}

static int count_all(struct counting *c, struct mail_source *s)
{
	const hsmime_count_options *o = c->options;
	uint64_t seen = 0, octets = 0;
	bool more = true;
	int status = 0;

	while (status == 0 && (o->limit == 0 || c->out->messages < o->limit)) {
		struct mail_item item = { 0 };

		tell(c, seen++, octets);
		status = mail_source_next(&item, &more, s, &c->ctx->err);
		if (status != 0 && more)
			status = note_unlisted(c);
		else if (status == 0 && !more)
			break;
		else if (status == 0)
			status = look_at(c, s, &item);
		octets += item.size;
		mail_item_free(&item);
	}
	return status;
}

static int count(struct counting *c)
{
	struct mail_source *s = NULL;
	int status = mail_source_open(&s, c->options->in, &c->ctx->err);

	if (status == 0)
		status = count_all(c, s);
	if (status == 0)
		status = tally_rows(&c->out->rows, &c->out->row_count, c->tally);
	c->out->passed_over = s != NULL ? s->passed_over : 0;
	mail_source_close(s);
	return status;
}

int hsmime_archive_count(hsmime_tally **tally, hsmime_ctx *ctx, const hsmime_count_options *options)
{
	struct counting c = { .ctx = ctx, .options = options };
	int status;

	*tally = NULL;
	(void)ctx_begin(ctx);
	if (options->recipient != NULL && !choice_is_id(options->recipient))
		return ctx_end(ctx, choice_no_id(options->recipient, &ctx->err));
	c.out = calloc(1, sizeof(*c.out));
	status = c.out == NULL ? HSMIME_ENOMEM : tally_new(&c.tally);
	if (status == 0)
		status = count(&c);
	tally_free(c.tally);
	if (status == 0)
		*tally = c.out;
	else
		hsmime_tally_free(c.out);
	return ctx_end(ctx, status);
}
