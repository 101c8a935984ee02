#include "archive/provenance.h"

#include <stdio.h>
#include <time.h>

#include "mail/header_block.h"
#include "mail/trace.h"
#include "text/result_json.h"
#include "text/values.h"
#include "util/output.h"
#include "util/sink.h"
#include "util/source.h"

int provenance_check(const char *id, struct error *err)
{
	if (id == NULL || trace_is_id(id))
		return 0;
	error_set(err, HSMIME_EUSAGE, "%.80s can't name who it is that checked the messages", id);
	return error_hint(
	    err, "give a name such as that of the host: letters, digits, '.', '-' and '_'");
}

/* The layer whose key is told: the outermost that was opened. */
static const hsmime_layer *opened_layer(const hsmime_result *r)
{
	for (size_t i = 0; i < r->layer_count; i++)
		if (layer_is_encrypted(&r->layers[i]) && r->layers[i].opened)
			return &r->layers[i];
	return NULL;
}

static void add(struct trace *t, const char *name, const char *value)
{
	if (value == NULL)
		return;
	trace_more(t, ";");
	trace_parameter(t, name, value);
}

static void add_recipient(struct trace *t, const hsmime_layer *l)
{
	for (size_t i = 0; i < l->recipient_count; i++) {
		const hsmime_recipient *r = &l->recipients[i];

		if (!r->used)
			continue;
		add(t, "recipient-serial", r->serial_number);
		add(t, "recipient-issuer", r->issuer);
		add(t, "recipient-key-id", r->key_id);
		return;
	}
}

static void add_closed(struct trace *t, const hsmime_result *r)
{
	size_t closed = 0;
	char text[24];

	for (size_t i = 0; i < r->layer_count; i++)
		closed += layer_is_encrypted(&r->layers[i]) && !r->layers[i].opened;
	snprintf(text, sizeof(text), "%zu", closed);
	if (closed > 0)
		add(t, "still-encrypted", text);
}

static void write_origin(struct trace *t, const struct task_message *m)
{
	const hsmime_layer *l = opened_layer(m->result);
	char when[TIME_TEXT_SIZE], sha[2 * JOURNAL_SHA + 1];

	for (size_t i = 0; i < JOURNAL_SHA; i++)
		snprintf(sha + 2 * i, 3, "%02x", m->entry->input_sha[i]);
	trace_begin(t, PROVENANCE_FIELD);
	trace_parameter(t, "by", m->options->provenance);
	add(t, "when", time_text(when, (int64_t)time(NULL)) ? when : NULL);
	add(t, "job", m->job);
	add(t, "mailbox", m->options->in);
	add(t, "name", m->entry->item.name);
	add(t, "sha256", sha);
	add(t, "authenticated", m->result->authenticated ? "yes" : "no");
	if (l != NULL) {
		add(t, "cipher", l->cipher);
		add(t, "key", l->key_uri);
		add_recipient(t, l);
	}
	add_closed(t, m->result);
	trace_end(t);
}

/*
 * RFC 7281 section 3.1. One that holds is no "pass" before its signer is trusted, and none over a part alone is one for the
 * mail.
 */
static const char *verdict(const char **reason, const hsmime_layer *l, const hsmime_signer *s)
{
	*reason = s->problem;
	if (s->signature_status == HSMIME_EINVALID)
		return "fail";
	if (s->signature_status != 0)
		return "neutral";
	if (s->status != 0)
		return "policy";
	if (s->trusted == HSMIME_NOT_CHECKED) {
		*reason = "the signature holds; whom to trust was not checked";
		return "neutral";
	}
	if (l->partial) {
		*reason = "only a part of the mail is signed";
		return "policy";
	}
	*reason = s->from_matches == HSMIME_NO ? "the From address is not the signer's" : NULL;
	return s->from_matches == HSMIME_NO ? "policy" : "pass";
}

static void write_verdict(struct trace *t, const char *word, const char *reason)
{
	char result[32];

	trace_more(t, ";");
	snprintf(result, sizeof(result), "smime=%s", word);
	trace_word(t, result);
	trace_property(t, "reason", reason);
}

static void write_signer(struct trace *t, const hsmime_layer *l, const hsmime_signer *s)
{
	const char *reason;
	const char *word = verdict(&reason, l, s);

	write_verdict(t, word, reason);
	if (s->emails != NULL && s->emails[0] != NULL)
		trace_property(t, "body.smime-identifier", s->emails[0]);
	trace_property(t, "body.smime-part", l->place);
	/* RFC 7281 section 3.2: both, or none. */
	if (s->serial_number != NULL && s->issuer != NULL) {
		trace_property(t, "body.smime-serial", s->serial_number);
		trace_property(t, "body.smime-issuer", s->issuer);
	}
}

static void write_results(struct trace *t, const struct task_message *m)
{
	const hsmime_result *r = m->result;
	bool any = false;

	trace_begin(t, TRACE_RESULTS);
	trace_word(t, m->options->provenance);
	for (size_t i = 0; i < r->layer_count; i++) {
		const hsmime_layer *l = &r->layers[i];

		if (layer_is_encrypted(l))
			continue;
		any = true;
		for (size_t s = 0; s < l->signer_count; s++)
			write_signer(t, l, &l->signers[s]);
		if (l->signer_count == 0)
			write_verdict(t, "neutral", l->problem);
	}
	if (!any)
		write_verdict(t, "none", NULL);
	trace_end(t);
}

/* RFC 8601 section 5: a field that claims to be ours is somebody else's, and does not look like ours any more. */
static int write_others(const struct header *h, const char *id, const hsmime_sink *sink)
{
	int status = 0;

	for (size_t i = 0; i < h->count && status == 0; i++) {
		const struct header_field *field = &h->fields[i];
		bool claims = false;

		status = trace_is_results_of(&claims, field, id);
		if (status == 0 && (claims || header_name_is(field, PROVENANCE_FIELD)))
			status = sink_string(sink, "Original-");
		if (status == 0)
			status = sink_write(sink, field->raw, field->raw_len);
	}
	return status;
}

static int write_head(const struct task_message *m, const struct header *h, const hsmime_sink *sink)
{
	struct trace t;
	int status;

	trace_init(&t, h->crlf ? "\r\n" : "\n");
	write_origin(&t, m);
	write_results(&t, m);
	status = t.text.status == 0 ? sink_write(sink, t.text.data, t.text.len) : t.text.status;
	trace_free(&t);
	return status == 0 ? write_others(h, m->options->provenance, sink) : status;
}

/* What stands behind the fields is copied, the empty line first. */
static int copy_rest(const struct header *h, const hsmime_source *whole, const hsmime_sink *sink)
{
	struct source_slice slice;
	hsmime_source rest;
	uint64_t start = 0;

	for (size_t i = 0; i < h->count; i++)
		start += h->fields[i].raw_len;
	source_slice_open(&rest, &slice, whole, start, whole->size);
	return source_copy(sink, &rest);
}

static int rewrite(const struct task_message *m, const struct header *h, hsmime_output *out)
{
	struct error *err = &m->ctx->err;
	struct output_old *old = NULL;
	hsmime_source whole;
	hsmime_sink sink;
	int status = output_restart(&old, &whole, out, err);

	output_sink(&sink, out);
	if (status == 0)
		status = write_head(m, h, &sink);
	if (status == 0)
		status = copy_rest(h, &whole, &sink);
	output_old_free(old);
	if (status != 0)
		return error_keep(err, status, "the message can't be written with its provenance");
	return output_commit(out, err);
}

int provenance_write(const struct task_message *m, hsmime_output *out)
{
	static const struct header_rules rules = { .strict = true };
	struct error *err = &m->ctx->err;
	struct window w = { 0 };
	struct header h = { 0 };
	hsmime_source written;
	int status;

	output_source(&written, out);
	if (window_open(&w, &written, WINDOW_ROOM) != 0)
		return error_nomem(err);
	status = header_take(&h, &w, &rules, err);
	window_close(&w);
	if (status == 0)
		status = rewrite(m, &h, out);
	else if (status == HSMIME_EFORMAT) {
		error_clear(err);
		status = 0;
	}
	header_free(&h);
	return status;
}
