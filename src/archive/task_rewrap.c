/* Each message gets other recipients; its encrypted content stays octet for octet. */
#include "archive/job_task.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509.h>

#include <hsmime/operation.h>

/* A signed one may have encryption inside, which is told. */
static bool is_for(enum inspect_kind kind)
{
	return kind != INSPECT_PLAIN;
}

static bool is_encrypted(const hsmime_layer *l)
{
	return l->kind == HSMIME_LAYER_ENCRYPTED || l->kind == HSMIME_LAYER_AUTH_ENCRYPTED;
}

/* hsmime_rewrap's *result after HSMIME_EFORMAT tells why. */
static int judge(struct task_message *m, int status)
{
	const hsmime_result *r = m->result;
	size_t at = 0;

	if (status != HSMIME_EFORMAT || r == NULL)
		return status;
	while (at < r->layer_count && !is_encrypted(&r->layers[at]))
		at++;
	if (at == r->layer_count)
		return TASK_NOTHING;
	if (at > 0)
		m->cause = "inside-signature";
	return status;
}

static int work(struct task_message *m, hsmime_output *out)
{
	const hsmime_job_options *from = m->options;
	hsmime_rewrap_options o = HSMIME_REWRAP_OPTIONS_INIT;

	o.form = m->bare ? HSMIME_CMS : HSMIME_MAIL;
	o.key_uri = from->key_uri;
	o.certs = m->certs;
	o.recipients = from->recipients;
	o.anchors = from->anchors;
	o.key_transport = from->key_transport;
	o.force_recipient = from->force_recipient;
	o.recipient_key_id = from->recipient_key_id;
	o.old = from->keep_recipients ? HSMIME_REWRAP_KEEP : HSMIME_REWRAP_REPLACE;
	o.drop = from->drop;
	o.no_check = from->no_check;
	return judge(m, hsmime_rewrap(m->ctx, &m->result, out, m->source, &o));
}

/* Which certificates, whatever file they came from. */
static void add_certs(struct json *j, const char *key, const hsmime_certs *certs)
{
	json_open(j, key, '[');
	for (size_t i = 0; i < hsmime_certs_count(certs); i++) {
		unsigned char digest[EVP_MAX_MD_SIZE];
		char text[2 * EVP_MAX_MD_SIZE + 1] = "";
		unsigned len = 0;

		if (X509_digest(hsmime_certs_get(certs, i), EVP_sha256(), digest, &len) == 1)
			for (unsigned k = 0; k < len; k++)
				snprintf(text + 2 * (size_t)k, 3, "%02x", digest[k]);
		json_text(j, NULL, text);
	}
	json_close(j, ']');
}

static void settings(struct json *j, const hsmime_job_options *o)
{
	json_bool(j, "skip_plain", o->skip_plain != 0);
	add_certs(j, "recipients", o->recipients);
	json_bool(j, "keep_recipients", o->keep_recipients != 0);
	add_certs(j, "drop", o->drop);
	json_number(j, "key_transport", (uint64_t)o->key_transport);
	json_bool(j, "force_recipient", o->force_recipient != 0);
	json_bool(j, "recipient_key_id", o->recipient_key_id != 0);
	json_bool(j, "no_check", o->no_check != 0);
}

const struct job_task task_rewrap = {
	.name = "rewrap",
	.done = "rewrapped",
	.writes = true,
	.is_for = is_for,
	.work = work,
	.invalid = "not-decrypted",
	.settings = settings,
};
