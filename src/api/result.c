#include "api/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/advice.h"
#include "api/certs.h"
#include "evidence/chain.h"
#include "mail/address.h"
#include "mail/date.h"
#include "util/hex.h"
#include "util/name.h"

/* The result comes first: who frees it frees both. */
struct result_room {
	hsmime_result result;
	const char *not_checked[8];
};

hsmime_result *result_new(const struct trust *trust)
{
	struct result_room *room = calloc(1, sizeof(*room));
	const char **next;

	if (room == NULL)
		return NULL;
	next = room->not_checked;
	if (trust->no_chain)
		*next++ = "chain";
	if (trust->no_chain || trust->no_check_time)
		*next++ = "dates";
	if (trust->no_chain || trust->any_purpose)
		*next++ = "purpose";
	*next++ = "revocation";
	*next++ = "time-stamps";
	room->result.authenticated = 1;
	room->result.date = HSMIME_NO_TIME;
	room->result.no_chain = trust->no_chain;
	room->result.not_checked = room->not_checked;
	return &room->result;
}

static void signer_clear(hsmime_signer *s)
{
	free(s->problem);
	free(s->from_problem);
	X509_free(s->certificate);
	free(s->subject);
	free(s->issuer);
	free(s->serial_number);
	chain_emails_free(s->emails);
}

void result_recipient_clear(hsmime_recipient *r)
{
	free(r->issuer);
	free(r->serial_number);
	free(r->key_id);
}

static void layer_clear(hsmime_layer *l)
{
	for (size_t i = 0; i < l->signer_count; i++)
		signer_clear(&l->signers[i]);
	for (size_t i = 0; i < l->recipient_count; i++)
		result_recipient_clear(&l->recipients[i]);
	for (size_t i = 0; i < l->new_recipient_count; i++)
		result_recipient_clear(&l->new_recipients[i]);
	free(l->signers);
	free(l->recipients);
	free(l->new_recipients);
	free(l->problem);
	free(l->key_uri);
	free(l->content);
	free(l->place);
}

void hsmime_result_free(hsmime_result *result)
{
	if (result == NULL)
		return;
	for (size_t i = 0; i < result->layer_count; i++)
		layer_clear(&result->layers[i]);
	free(result->layers);
	free(result->from);
	free(result->not_searched);
	free(result);
}

int result_set_from(hsmime_result *result, char *const *addresses)
{
	struct buffer text;
	int status;

	buffer_init(&text, 64 * 1024);
	for (size_t i = 0; addresses[i] != NULL; i++)
		buffer_printf(&text, "%s%s", i > 0 ? ", " : "", addresses[i]);
	status = buffer_string(&text) == NULL && text.status == HSMIME_ENOMEM ? HSMIME_ENOMEM : 0;
	if (text.status == 0 && text.len > 0)
		result->from = strdup((char *)text.data);
	buffer_free(&text);
	return status;
}

int result_set_date(hsmime_result *result, const struct header *header)
{
	bool has = false;
	int64_t date = 0;
	int status = date_of(&has, &date, header);

	if (has)
		result->date = date;
	return status;
}

int result_add(size_t *index, hsmime_result *result, enum hsmime_layer_kind kind)
{
	hsmime_layer *grown = realloc(result->layers, (result->layer_count + 1) * sizeof(*grown));

	if (grown == NULL)
		return HSMIME_ENOMEM;
	result->layers = grown;
	*index = result->layer_count++;
	grown[*index] = (hsmime_layer){ .kind = kind, .opened = 1 };
	return 0;
}

void layer_fail(hsmime_layer *layer, int status, const char *fmt, ...)
{
	char text[400];
	va_list args;

	if (layer->status != 0)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	layer->status = status;
	layer->problem = strdup(text);
}

int result_unopened(
    hsmime_result *result, enum hsmime_layer_kind kind, int status, const char *problem)
{
	size_t index;

	if (result_add(&index, result, kind) != 0)
		return HSMIME_ENOMEM;
	result->layers[index].opened = 0;
	layer_fail(&result->layers[index], status, "%s", problem);
	return 0;
}

static char *hex_text(const unsigned char *data, size_t len)
{
	char *text = malloc(2 * len + 1);

	if (text != NULL)
		hex_upper(text, data, len);
	return text;
}

static void describe_certificate(hsmime_signer *s, X509 *cert)
{
	if (cert == NULL)
		return;
	X509_up_ref(cert);
	s->certificate = cert;
	s->subject = name_text(X509_get_subject_name(cert));
	s->issuer = name_text(X509_get_issuer_name(cert));
	s->serial_number = serial_text(X509_get0_serialNumber(cert));
	s->emails = chain_emails(cert);
}

static bool is_named(const hsmime_signer *s, const char *address)
{
	for (size_t e = 0; s->emails[e] != NULL; e++) {
		if (address_is(address, s->emails[e]))
			return true;
	}
	return false;
}

static char *from_words(const char *remark, const char *others)
{
	struct buffer words;
	char *text = NULL;

	buffer_init(&words, 64 * 1024);
	if (remark != NULL)
		buffer_printf(&words, "the mail's From can't be relied on %s%s", remark,
		    others[0] != '\0' ? "; NOT in the certificate: " : "");
	else
		buffer_add_string(&words, "the mail's From address is NOT in the certificate: ");
	buffer_add_string(&words, others);
	if (buffer_string(&words) != NULL)
		text = strdup((char *)words.data);
	buffer_free(&words);
	return text;
}

/* Readers choose which of several addresses they show: one that is not the signer's is too many. */
static enum hsmime_answer from_answer(char **problem, const hsmime_signer *s, char *const *from)
{
	const char *remark = NULL;
	struct buffer others;
	bool all = true;

	if (from == NULL || from[0] == NULL || s->emails == NULL)
		return HSMIME_NOT_CHECKED;
	buffer_init(&others, 32 * 1024);
	for (size_t f = 0; from[f] != NULL; f++) {
		if (address_is_remark(from[f])) {
			remark = from[f];
		} else if (!is_named(s, from[f])) {
			buffer_printf(&others, "%s%s", others.len > 0 ? ", " : "", from[f]);
			all = false;
		}
	}
	all = all && remark == NULL;
	if (!all)
		*problem = from_words(
		    remark, buffer_string(&others) != NULL ? (char *)others.data : "many");
	buffer_free(&others);
	return all ? HSMIME_YES : HSMIME_NO;
}

static void signer_fail(hsmime_signer *s, int status, const char *problem)
{
	s->status = status;
	s->problem = strdup(problem);
}

static int judge_trust(
    hsmime_signer *s, hsmime_ctx *ctx, STACK_OF(X509) *untrusted, const struct trust *trust)
{
	char problem[CHAIN_PROBLEM_SIZE];
	struct chain_check check = {
		.anchors = certs_stack(trust->anchors),
		.untrusted = untrusted,
		.use = CHAIN_SIGN,
		.at = trust->at,
		.no_check_time = trust->no_check_time,
		.partial = trust->partial_chain,
		.any_purpose = trust->any_purpose,
	};
	int status;

	s->trusted = HSMIME_NOT_CHECKED;
	if (trust->no_chain || s->certificate == NULL)
		return 0;
	status = chain_verify(problem, s->certificate, &check, ctx->shared->libctx);
	s->trusted = status == 0 ? HSMIME_YES : HSMIME_NO;
	if (status == HSMIME_EINVALID && s->status == 0) {
		signer_fail(s, status, problem);
		if (trust->advice != NULL && *trust->advice == NULL &&
		    advice_find(trust->advice, s->certificate, &check, ctx->shared->libctx) != 0)
			return HSMIME_ENOMEM;
	}
	return status == HSMIME_EINVALID ? 0 : status;
}

static int fill_signer(hsmime_signer *s, hsmime_ctx *ctx, const struct signed_signer *found,
    STACK_OF(X509) *untrusted, const struct trust *trust, char *const *from)
{
	s->signature_status = found->signature_status;
	s->digest = found->digest;
	s->signature_algorithm = found->signature_algorithm;
	s->key_bits = found->key_bits;
	s->signing_time = found->signing_time;
	s->crlf_form = found->crlf_form;
	describe_certificate(s, found->certificate);
	s->from_matches = from_answer(&s->from_problem, s, from);
	if (found->signature_status != 0)
		signer_fail(s, found->signature_status, found->problem);
	return judge_trust(s, ctx, untrusted, trust);
}

/* Everything a chain may be built from: what the message brought, and the files. */
static STACK_OF(X509) *intermediates(const struct signed_result *found, const struct trust *trust)
{
	STACK_OF(X509) *all =
	    found->certificates != NULL ? sk_X509_dup(found->certificates) : sk_X509_new_null();

	for (size_t i = 0; all != NULL && i < hsmime_certs_count(trust->certs); i++) {
		if (sk_X509_push(all, hsmime_certs_get(trust->certs, i)) <= 0) {
			sk_X509_free(all);
			all = NULL;
		}
	}
	return all;
}

int result_signed(hsmime_layer *layer, hsmime_ctx *ctx, const struct signed_result *found,
    const struct trust *trust, char *const *from)
{
	STACK_OF(X509) *untrusted = intermediates(found, trust);
	int status = 0;

	layer->content_size = found->content_size;
	layer->signers = calloc(found->count + 1, sizeof(*layer->signers));
	if (untrusted == NULL || layer->signers == NULL)
		status = HSMIME_ENOMEM;
	for (size_t i = 0; i < found->count && status == 0; i++) {
		hsmime_signer *s = &layer->signers[layer->signer_count++];

		status = fill_signer(s, ctx, &found->signers[i], untrusted, trust, from);
		if (s->status != 0)
			layer_fail(
			    layer, HSMIME_EINVALID, "%s", s->problem != NULL ? s->problem : "");
	}
	if (found->count == 0)
		layer_fail(
		    layer, HSMIME_EINVALID, "it carries certificates, but nobody's signature");
	sk_X509_free(untrusted);
	/* What was not judged to its end is not valid. */
	if (status != 0)
		layer_fail(layer, status, "its signatures were not judged");
	if (status == HSMIME_ENOMEM)
		return error_nomem(&ctx->err);
	return status == 0 ? 0 : error_keep(&ctx->err, status, "the signatures were not judged");
}

int result_recipient(hsmime_recipient *out, const struct recipient *r)
{
	const unsigned char *p = r->issuer;
	X509_NAME *name = p != NULL ? d2i_X509_NAME(NULL, &p, (long)r->issuer_len) : NULL;
	const unsigned char *q = r->serial;
	ASN1_INTEGER *serial = q != NULL ? d2i_ASN1_INTEGER(NULL, &q, (long)r->serial_len) : NULL;

	out->algorithm = r->algorithm;
	if (name != NULL)
		out->issuer = name_text(name);
	if (serial != NULL)
		out->serial_number = serial_text(serial);
	if (r->key_id != NULL)
		out->key_id = hex_text(r->key_id, r->key_id_len);
	X509_NAME_free(name);
	ASN1_INTEGER_free(serial);
	return r->key_id != NULL && out->key_id == NULL ? HSMIME_ENOMEM : 0;
}

static int fill_recipients(
    hsmime_recipient **out, size_t *out_count, const struct recipient *recipients, size_t count)
{
	int status = 0;

	*out = calloc(count + 1, sizeof(**out));
	if (*out == NULL)
		return HSMIME_ENOMEM;
	for (size_t i = 0; i < count && status == 0; i++)
		status = result_recipient(&(*out)[(*out_count)++], &recipients[i]);
	return status;
}

int result_recipients(hsmime_layer *layer, const struct recipient *recipients, size_t count)
{
	return fill_recipients(&layer->recipients, &layer->recipient_count, recipients, count);
}

int result_new_recipients(hsmime_layer *layer, const struct recipient *recipients, size_t count)
{
	return fill_recipients(
	    &layer->new_recipients, &layer->new_recipient_count, recipients, count);
}

void result_enveloped(hsmime_layer *layer, const struct enveloped_result *found, char *key_uri)
{
	layer->opened = 1;
	layer->key_uri = key_uri;
	layer->cipher = found->cipher;
	layer->content_size = found->content_size;
	if (found->used < layer->recipient_count)
		layer->recipients[found->used].used = 1;
}

static bool is_signed(const hsmime_layer *l)
{
	return l->kind == HSMIME_LAYER_SIGNED_DETACHED || l->kind == HSMIME_LAYER_SIGNED_OPAQUE;
}

int result_verdict(const hsmime_result *result)
{
	bool any = false;

	for (size_t i = 0; i < result->layer_count; i++) {
		if (!is_signed(&result->layers[i]))
			continue;
		any = true;
		if (result->layers[i].status != 0)
			return HSMIME_EINVALID;
	}
	return any ? 0 : HSMIME_EINVALID;
}
