#include "report.h"

#include <inttypes.h>
#include <stdbool.h>

#include "message.h"
#include "text/utf8.h"
#include "text/values.h"

#define NAME_WIDTH 12 /* columns */

static const char *const kinds[] = {
	[HSMIME_LAYER_SIGNED_DETACHED] = "signed, the signature beside it",
	[HSMIME_LAYER_SIGNED_OPAQUE] = "signed, inside the signature",
	[HSMIME_LAYER_ENCRYPTED] = "encrypted",
	[HSMIME_LAYER_AUTH_ENCRYPTED] = "encrypted and authenticated",
};

static void field(FILE *out, const char *name, const char *value)
{
	utf8_field(out, NAME_WIDTH, name, value);
}

static void emails(FILE *out, char *const *list)
{
	for (; list != NULL && *list != NULL; list++)
		field(out, "e-mail:", *list);
}

static void algorithm(FILE *out, const hsmime_signer *s)
{
	char text[128];

	if (s->signature_algorithm == NULL || s->digest == NULL)
		return;
	if (s->key_bits > 0)
		snprintf(text, sizeof(text), "%s with %s, key of %u bits", s->signature_algorithm,
		    s->digest, s->key_bits);
	else
		snprintf(text, sizeof(text), "%s with %s", s->signature_algorithm, s->digest);
	field(out, "algorithm:", text);
}

static void signed_at(FILE *out, const hsmime_signer *s)
{
	char time[TIME_TEXT_SIZE];
	char text[TIME_TEXT_SIZE + 32];

	if (!time_text(time, s->signing_time))
		return;
	snprintf(text, sizeof(text), "%s, as the signer claims", time);
	field(out, "time:", text);
}

static void signer(FILE *out, const hsmime_signer *s)
{
	static const char *const from[] = {
		[HSMIME_NO] = "the mail's From address is NOT in the certificate",
		[HSMIME_YES] = "the mail's From address is in the certificate",
		[HSMIME_NOT_CHECKED] = NULL,
	};
	static const char *const trust[] = {
		[HSMIME_NO] = "NOT trusted",
		[HSMIME_YES] = "trusted",
		[HSMIME_NOT_CHECKED] = "not checked",
	};

	field(out, "signer:", s->subject != NULL ? s->subject : "unknown");
	field(out, "issuer:", s->issuer);
	field(out, "serial:", s->serial_number);
	emails(out, s->emails);
	field(out, "From:", s->from_problem != NULL ? s->from_problem : from[s->from_matches]);
	algorithm(out, s);
	signed_at(out, s);
	field(out, "signature:", s->signature_status == 0 ? "holds" : "does NOT hold");
	field(out, "chain:", trust[s->trusted]);
	field(out, "problem:", s->problem);
}

static void covered(FILE *out, const hsmime_layer *l)
{
	char text[64];

	if (l->signer_count == 0)
		return;
	field(out, "covers:", l->content);
	if (l->kind == HSMIME_LAYER_SIGNED_DETACHED)
		snprintf(text, sizeof(text), "%" PRIu64 " octets from octet %" PRIu64 " on",
		    l->content_size, l->content_offset);
	else
		snprintf(text, sizeof(text), "%" PRIu64 " octets", l->content_size);
	field(out, "size:", text);
	if (l->partial)
		field(out, "part:", "ONLY A PART of the mail is signed");
}

static void trailing(FILE *out, const hsmime_layer *l)
{
	char text[128];

	if (l->trailing_octets == 0)
		return;
	snprintf(text, sizeof(text),
	    "%" PRIu64 " octet%s behind its end belong%s to nothing and are not checked",
	    l->trailing_octets, l->trailing_octets == 1 ? "" : "s",
	    l->trailing_octets == 1 ? "s" : "");
	field(out, "WARNING:", text);
}

static void encrypted(FILE *out, const hsmime_layer *l)
{
	if (l->recipient_count == 0)
		return;
	field(out, "cipher:", l->cipher);
	fprintf(out, "  %-*s %zu\n", NAME_WIDTH, "recipients:", l->recipient_count);
	field(out, "key:", l->key_uri);
	if (l->kind == HSMIME_LAYER_ENCRYPTED && l->opened)
		field(out, "note:", "not authenticated: this encryption doesn't detect changes");
}

/* Of this layer alone; what it was checked for stands with each signer. */
static const char *layer_verdict(const hsmime_layer *l)
{
	if (l->status != 0)
		return "NOT VALID";
	for (size_t i = 0; i < l->signer_count; i++) {
		if (l->signers[i].trusted == HSMIME_NOT_CHECKED)
			return "signature valid";
	}
	return "valid";
}

static void layer(FILE *out, const hsmime_layer *l, size_t number)
{
	fprintf(
	    out, "\nLayer %zu: %s%s\n", number, kinds[l->kind], l->opened ? "" : ", NOT OPENED");
	if (l->signer_count > 0)
		field(out, "verdict:", layer_verdict(l));
	encrypted(out, l);
	covered(out, l);
	trailing(out, l);
	for (size_t i = 0; i < l->signer_count; i++)
		signer(out, &l->signers[i]);
	if (l->signer_count == 0)
		field(out, "problem:", l->problem);
}

static const char *verdict(const hsmime_result *r)
{
	if (r->status != 0)
		return r->status == HSMIME_EINVALID ? "NOT VALID"
						    : "NOT VALID: a layer could not be opened";
	return r->no_chain ? "Signature valid; whom to trust was not checked" : "Valid";
}

static void not_checked(char *text, size_t size, const hsmime_result *r)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; r->not_checked != NULL && r->not_checked[i] != NULL && len < size; i++)
		len += (size_t)snprintf(
		    text + len, size - len, "%s%s", i > 0 ? ", " : "", r->not_checked[i]);
}

void report_verified(FILE *out, const hsmime_result *r)
{
	char text[128];

	fprintf(out, "%s\n", verdict(r));
	if (r->from != NULL) {
		fputs("From: ", out);
		utf8_print(out, r->from);
		putc('\n', out);
	}
	for (size_t i = 0; i < r->layer_count; i++)
		layer(out, &r->layers[i], i + 1);
	not_checked(text, sizeof(text), r);
	if (text[0] != '\0')
		fprintf(out, "\nNot checked: %s\n", text);
}

/* Behind the words for a signature that holds. */
static const char *other_from(const hsmime_signer *s)
{
	if (s->from_matches != HSMIME_NO)
		return "";
	return s->from_problem != NULL ? s->from_problem : "From is another address";
}

static void note_signer(const hsmime_signer *s)
{
	const char *who = s->subject != NULL ? s->subject : "an unknown signer";
	const char *joint = s->from_matches == HSMIME_NO ? ", and " : "";
	const char *other = other_from(s);

	if (s->signature_status != 0)
		message_note("inside, signed by %s: NOT VALID: %s", who,
		    s->problem != NULL ? s->problem : "the signature does not hold");
	else if (s->trusted == HSMIME_NOT_CHECKED)
		message_note("inside, signed by %s: the signature holds; whom to trust was not "
			     "checked%s%s",
		    who, joint, other);
	else if (s->status != 0)
		message_note("inside, signed by %s: the signature holds, but %s", who,
		    s->problem != NULL ? s->problem : "its certificate is not trusted");
	else
		message_note("inside, signed by %s: valid%s%s", who, joint, other);
}

static void note_layer(const hsmime_layer *l)
{
	if (l->trailing_octets > 0)
		message_warning("%" PRIu64
				" octet%s behind the end of the message belong to nothing "
				"and are left out",
		    l->trailing_octets, l->trailing_octets == 1 ? "" : "s");
	if (!l->opened && l->place != NULL)
		message_warning("part %s stays encrypted: %s", l->place,
		    l->problem != NULL ? l->problem : "it could not be opened");
	if (!l->opened)
		return;
	if (l->recipient_count > 0 || l->cipher != NULL)
		message_note("decrypted %s%s%s with %s", l->place != NULL ? "part " : "",
		    l->place != NULL ? l->place : "",
		    l->place != NULL    ? ""
		    : l->cipher != NULL ? l->cipher
					: "a layer",
		    l->key_uri != NULL ? l->key_uri : "a key of the token");
	if (l->kind == HSMIME_LAYER_ENCRYPTED)
		message_note("not authenticated: %s doesn't detect changes made on the way",
		    l->cipher != NULL ? l->cipher : "this encryption");
	if (l->partial)
		message_note("inside, only a part of the mail is signed");
	for (size_t i = 0; i < l->signer_count; i++)
		note_signer(&l->signers[i]);
}

void report_decrypted(const hsmime_result *r)
{
	char text[128];
	bool any = false;

	if (r->not_searched != NULL)
		message_warning("not all was looked through: %s", r->not_searched);
	for (size_t i = 0; i < r->layer_count; i++) {
		note_layer(&r->layers[i]);
		any = any || r->layers[i].signer_count > 0;
	}
	not_checked(text, sizeof(text), r);
	if (any && text[0] != '\0')
		message_note("not checked of the signature: %s", text);
}
