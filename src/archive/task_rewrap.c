/* Each message gets other recipients; its encrypted content stays octet for octet, or is encrypted anew. */
#include "archive/job.h"

#include <hsmime/operation.h>

#include "api/rewrap.h"
#include "text/result_json.h"

/* A signed one may have encryption inside, which is told. */
static bool is_for(enum inspect_kind kind)
{
	return kind != INSPECT_PLAIN;
}

/* hsmime_rewrap's *result after HSMIME_EFORMAT tells why. */
static int judge(struct task_message *m, int status)
{
	const hsmime_result *r = m->result;
	size_t at = 0;

	if (status != HSMIME_EFORMAT || r == NULL)
		return status;
	while (at < r->layer_count && !layer_is_encrypted(&r->layers[at]))
		at++;
	if (at == r->layer_count)
		return TASK_NOTHING;
	if (at > 0)
		m->cause = "inside-signature";
	return status;
}

static hsmime_rewrap_options options_of(const hsmime_job_options *from)
{
	hsmime_rewrap_options o = HSMIME_REWRAP_OPTIONS_INIT;

	o.key_uri = from->key_uri;
	o.certs = from->certs;
	o.recipients = from->recipients;
	o.anchors = from->anchors;
	o.key_transport = from->key_transport;
	o.force_recipient = from->force_recipient;
	o.recipient_key_id = from->recipient_key_id;
	o.old = from->keep_recipients ? HSMIME_REWRAP_KEEP : HSMIME_REWRAP_REPLACE;
	o.drop = from->drop;
	o.no_check = from->no_check;
	o.reencrypt = from->reencrypt;
	o.cipher = from->cipher;
	o.require_authenticated = from->require_authenticated;
	return o;
}

/* A command that is wrong is told before it fails message by message. */
static int check(hsmime_ctx *ctx, const hsmime_job_options *from)
{
	const hsmime_rewrap_options o = options_of(from);

	return rewrap_check(ctx, &o);
}

static int work(struct task_message *m, hsmime_output *out)
{
	hsmime_rewrap_options o = options_of(m->options);
	int status;

	o.form = m->bare ? HSMIME_CMS : HSMIME_MAIL;
	o.certs = m->certs;
	status = hsmime_rewrap(m->ctx, &m->result, out, m->source, &o);
	/* A recipient who expired since the job was begun. */
	m->of_job = status == HSMIME_EPOLICY && m->result == NULL;
	return judge(m, status);
}

/* Whether the recipients' certificates pass is not of the job: they expire while it goes on. */
static int settings(struct json *j, const hsmime_job_options *o)
{
	int status = job_certs_setting(j, "recipients", o->recipients);

	json_bool(j, "skip_plain", o->skip_plain != 0);
	json_bool(j, "keep_recipients", o->keep_recipients != 0);
	json_number(j, "key_transport", (uint64_t)o->key_transport);
	json_bool(j, "recipient_key_id", o->recipient_key_id != 0);
	json_bool(j, "no_check", o->no_check != 0);
	/* Jobs without it are those of before it was there. */
	if (o->reencrypt) {
		json_text(j, "reencrypt", o->cipher != NULL ? o->cipher : REWRAP_CIPHER);
		json_bool(j, "require_authenticated", o->require_authenticated != 0);
	}
	return status == 0 ? job_certs_setting(j, "drop", o->drop) : status;
}

const struct job_task task_rewrap = {
	.name = "rewrap",
	.done = "rewrapped",
	.writes = true,
	.check = check,
	.is_for = is_for,
	.work = work,
	.invalid = "not-decrypted",
	.settings = settings,
};
