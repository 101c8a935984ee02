#include "archive/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/result.h"
#include "archive/job_task.h"
#include "text/json.h"
#include "text/result_json.h"
#include "text/utf8.h"
#include "util/hex.h"

static const char *outcome(enum journal_state state, const char *done)
{
	static const char *const words[] = { "waiting", NULL, "copied", "skipped", "failed" };

	return state == JOURNAL_DONE ? done : words[state];
}

static void add_hash(struct json *j, const char *key, const unsigned char *sha)
{
	char text[2 * JOURNAL_SHA + 1];

	hex_lower(text, sha, JOURNAL_SHA);
	json_text(j, key, text);
}

static bool is_utf8(const char *text)
{
	while (*text != '\0') {
		const char *at = text;

		if (utf8_next(&text) == 0xFFFD && strncmp(at, "\xef\xbf\xbd", 3) != 0)
			return false;
	}
	return true;
}

/* Of what is not UTF-8 JSON has no text that leads back to it: its octets stand beside. */
static int add_name(struct json *j, const char *key, const char *octets_key, const char *name)
{
	size_t len = name != NULL ? strlen(name) : 0;
	char *hex;

	json_text(j, key, name);
	if (name == NULL || is_utf8(name))
		return 0;
	hex = malloc(2 * len + 1);
	if (hex == NULL)
		return HSMIME_ENOMEM;
	hex_lower(hex, name, len);
	json_text(j, octets_key, hex);
	free(hex);
	return 0;
}

/* Of a message that did not open, so that people see whose key is missing. */
static int add_found(struct json *j, const struct inspection *found)
{
	int status = 0;

	if (found == NULL || found->envelope.count == 0)
		return 0;
	json_text(j, "cipher", found->envelope.cipher);
	json_open(j, "recipients", '[');
	for (size_t i = 0; i < found->envelope.count && status == 0; i++) {
		hsmime_recipient words = { 0 };

		status = result_recipient(&words, &found->envelope.recipients[i]);
		if (status == 0)
			json_recipient(j, &words);
		result_recipient_clear(&words);
	}
	json_close(j, ']');
	return status;
}

static void add_signers(struct json *j, const hsmime_layer *l)
{
	json_open(j, "signers", '[');
	for (size_t i = 0; i < l->signer_count; i++) {
		const hsmime_signer *s = &l->signers[i];

		json_open(j, NULL, '{');
		json_text(j, "subject", s->subject);
		json_text(j, "issuer", s->issuer);
		json_text(j, "serial_number", s->serial_number);
		json_text(j, "digest", s->digest);
		json_text(j, "algorithm", s->signature_algorithm);
		json_time(j, "signing_time", s->signing_time);
		json_bool(j, "signature_holds", s->signature_status == 0);
		json_answer(j, "trusted", s->trusted);
		json_answer(j, "from_matches", s->from_matches);
		json_text(j, "problem", s->problem);
		json_close(j, '}');
	}
	json_close(j, ']');
}

/* Why a layer stays closed, in the words that messages fail of. */
static const char *cause_of(const hsmime_layer *l)
{
	return l->inside_signature ? "inside-signature" : task_cause(&task_decrypt, l->status);
}

static void add_opened(struct json *j, const hsmime_layer *l)
{
	json_bool(j, "opened", l->opened != 0);
	if (!l->opened)
		json_text(j, "cause", cause_of(l));
}

static void add_layer(struct json *j, const hsmime_layer *l)
{
	json_open(j, NULL, '{');
	json_text(j, "kind", kind_text(l->kind));
	json_text(j, "problem", l->problem);
	if (l->place != NULL)
		json_text(j, "place", l->place);
	if (layer_is_encrypted(l)) {
		add_opened(j, l);
		json_text(j, "cipher", l->cipher);
		if (l->new_cipher != NULL) {
			json_text(j, "new_kind", kind_text(l->new_kind));
			json_text(j, "new_cipher", l->new_cipher);
		}
		json_text(j, "key", l->key_uri);
		json_recipients(j, "recipients", l->recipients, l->recipient_count);
		if (l->new_recipient_count > 0)
			json_recipients(
			    j, "new_recipients", l->new_recipients, l->new_recipient_count);
	} else {
		add_signers(j, l);
	}
	json_close(j, '}');
}

static const char *key_of(const hsmime_result *result)
{
	for (size_t i = 0; result != NULL && i < result->layer_count; i++)
		if (result->layers[i].key_uri != NULL)
			return result->layers[i].key_uri;
	return NULL;
}

static void add_result(struct json *j, const hsmime_result *result)
{
	bool opened = false;

	for (size_t i = 0; i < result->layer_count; i++)
		opened =
		    opened || (layer_is_encrypted(&result->layers[i]) && result->layers[i].opened);
	/* Of what was not encrypted, or not opened, it says nothing. */
	if (opened)
		json_bool(j, "authenticated", result->authenticated != 0);
	if (result->not_searched != NULL)
		json_text(j, "not_searched", result->not_searched);
	json_open(j, "layers", '[');
	for (size_t i = 0; i < result->layer_count; i++)
		add_layer(j, &result->layers[i]);
	json_close(j, ']');
}

/* Of the Date field; where there is none, of the file. */
static int64_t date_for(const struct journal_entry *e, const struct record_facts *facts)
{
	const struct inspection *found = facts->found;

	if (facts->result != NULL && facts->result->date != HSMIME_NO_TIME)
		return facts->result->date;
	if (found != NULL && found->has_date)
		return found->date;
	return e->item.modified != 0 ? e->item.modified / 1000000000 : HSMIME_NO_TIME;
}

int record_make(struct journal_entry *e, const struct record_facts *facts)
{
	size_t len = 0;
	struct json j = { .compact = true };
	int status;

	j.out = open_memstream(&e->record, &len);
	if (j.out == NULL)
		return HSMIME_ENOMEM;
	json_open(&j, NULL, '{');
	json_number(&j, "number", e->number);
	json_text(&j, "mailbox", facts->mailbox);
	status = add_name(&j, "name", "name_hex", e->item.name);
	json_number(&j, "size", e->item.size);
	json_time(&j, "date", date_for(e, facts));
	json_text(&j, "outcome", outcome(e->state, facts->done));
	json_text(&j, "cause", e->cause);
	json_text(&j, "problem", facts->why);
	json_text(&j, "key", key_of(facts->result));
	if (facts->hashed)
		add_hash(&j, "input_sha256", e->input_sha);
	if (e->has_sha)
		add_hash(&j, "output_sha256", e->output_sha);
	if (facts->result != NULL)
		add_result(&j, facts->result);
	else if (status == 0)
		status = add_found(&j, facts->found);
	json_close(&j, '}');
	if (fclose(j.out) == 0 && status == 0)
		return 0;
	free(e->record);
	e->record = NULL;
	return HSMIME_ENOMEM;
}

int record_output(struct journal_entry *e)
{
	size_t len = 0;
	char *member = NULL, *both = NULL;
	struct json j = { .compact = true, .out = open_memstream(&member, &len) };
	int status;

	if (j.out == NULL)
		return HSMIME_ENOMEM;
	json_open(&j, NULL, '{');
	status = add_name(&j, "output", "output_hex", e->output);
	json_close(&j, '}');
	/* An object, and one member more at its end. */
	if (fclose(j.out) == 0 && status == 0 &&
	    asprintf(&both, "%.*s,%s", (int)strlen(e->record) - 1, e->record, member + 1) < 0)
		both = NULL;
	free(member);
	if (both == NULL)
		return HSMIME_ENOMEM;
	free(e->record);
	e->record = both;
	return 0;
}
