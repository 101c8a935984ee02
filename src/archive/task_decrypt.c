/* The encryption layers of each message come off. */
#include "archive/job_task.h"
#include "archive/provenance.h"

#include <hsmime/operation.h>

static bool is_for(enum inspect_kind kind)
{
	return kind == INSPECT_ENCRYPTED || kind == INSPECT_AUTH_ENCRYPTED;
}

/* A part that did not decrypt may do so the next time, as a message may. */
static bool is_doubtful(const hsmime_result *r)
{
	for (size_t i = 0; r != NULL && i < r->layer_count; i++)
		if (!r->layers[i].opened && r->layers[i].status == HSMIME_EINVALID)
			return true;
	return false;
}

static int work(struct task_message *m, hsmime_output *out)
{
	hsmime_decrypt_options o = HSMIME_DECRYPT_OPTIONS_INIT;
	int status;

	o.form = m->bare ? HSMIME_CMS : HSMIME_MAIL;
	o.key_uri = m->options->key_uri;
	o.certs = m->certs;
	o.require_authenticated = m->options->require_authenticated;
	o.require_message = 1;
	o.deep = m->options->deep;
	o.anchors = m->options->no_chain ? NULL : m->options->anchors;
	o.at = m->options->at;
	status = hsmime_decrypt(m->ctx, &m->result, out, m->source, &o);
	m->doubtful = is_doubtful(m->result);
	/* It is not encrypted outside, and nothing of it could be opened: there is something to tell, and nothing failed. */
	return status != 0 && m->result != NULL ? TASK_NOTHING : status;
}

static int finish(const struct task_message *m, hsmime_output *out)
{
	return m->options->provenance != NULL ? provenance_write(m, out) : 0;
}

static int check(hsmime_ctx *ctx, const hsmime_job_options *o)
{
	return provenance_check(o->provenance, &ctx->err);
}

static int settings(struct json *j, const hsmime_job_options *o)
{
	json_bool(j, "require_authenticated", o->require_authenticated != 0);
	json_bool(j, "skip_plain", o->skip_plain != 0);
	/* Jobs that were begun before there were such settings don't have them. */
	if (o->deep)
		json_bool(j, "deep", true);
	if (o->provenance != NULL)
		json_text(j, "provenance", o->provenance);
	if (o->no_chain)
		json_bool(j, "no_chain", true);
	if (o->at != HSMIME_NO_TIME)
		json_time(j, "at", o->at);
	return 0;
}

const struct job_task task_decrypt = {
	.name = "decrypt",
	.done = "decrypted",
	.writes = true,
	.check = check,
	.is_for = is_for,
	.work = work,
	.finish = finish,
	.invalid = "not-decrypted",
	.settings = settings,
	.extension = ".eml",
};
