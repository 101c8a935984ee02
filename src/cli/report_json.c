#include "report.h"

#include "text/result_json.h"

static void write_signer(struct json *j, const hsmime_signer *s)
{
	json_open(j, NULL, '{');
	json_text(j, "status", hsmime_status_name(s->status));
	json_text(j, "problem", s->problem);
	json_text(j, "signature", hsmime_status_name(s->signature_status));
	json_answer(j, "trusted", s->trusted);
	json_text(j, "subject", s->subject);
	json_text(j, "issuer", s->issuer);
	json_text(j, "serial_number", s->serial_number);
	json_texts(j, "emails", (const char *const *)s->emails);
	json_answer(j, "from_matches", s->from_matches);
	json_text(j, "from_problem", s->from_problem);
	json_text(j, "digest", s->digest);
	json_text(j, "signature_algorithm", s->signature_algorithm);
	json_number(j, "key_bits", s->key_bits);
	json_time(j, "signing_time", s->signing_time);
	json_bool(j, "crlf_form", s->crlf_form != 0);
	json_close(j, '}');
}

static void write_layer(struct json *j, const hsmime_layer *l)
{
	json_open(j, NULL, '{');
	json_text(j, "kind", kind_text(l->kind));
	json_text(j, "status", hsmime_status_name(l->status));
	json_text(j, "problem", l->problem);
	json_bool(j, "opened", l->opened != 0);
	json_text(j, "content", l->content);
	json_number(j, "content_offset", l->content_offset);
	json_number(j, "content_size", l->content_size);
	json_number(j, "trailing_octets", l->trailing_octets);
	json_bool(j, "partial", l->partial != 0);
	json_open(j, "signers", '[');
	for (size_t i = 0; i < l->signer_count; i++)
		write_signer(j, &l->signers[i]);
	json_close(j, ']');
	json_text(j, "cipher", l->cipher);
	json_text(j, "key", l->key_uri);
	json_text(j, "place", l->place);
	json_bool(j, "inside_signature", l->inside_signature != 0);
	json_recipients(j, "recipients", l->recipients, l->recipient_count);
	json_close(j, '}');
}

/* Null where nothing is encrypted. */
static void write_authenticated(struct json *j, const hsmime_result *r)
{
	bool encrypted = false;

	for (size_t i = 0; i < r->layer_count; i++)
		encrypted = encrypted || layer_is_encrypted(&r->layers[i]);
	if (encrypted)
		json_bool(j, "authenticated", r->authenticated != 0);
	else
		json_null(j, "authenticated");
}

void report_json(struct json *j, const hsmime_result *r)
{
	json_text(j, "from", r->from);
	write_authenticated(j, r);
	json_bool(j, "chain_checked", r->no_chain == 0);
	json_text(j, "not_searched", r->not_searched);
	json_open(j, "layers", '[');
	for (size_t i = 0; i < r->layer_count; i++)
		write_layer(j, &r->layers[i]);
	json_close(j, ']');
	json_texts(j, "not_checked", r->not_checked);
}
