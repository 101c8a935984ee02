/* The signatures of each message are judged, those inside of encryption too; nothing is written. */
#include "archive/job_task.h"

#include <hsmime/operation.h>

#include "text/result_json.h"

static bool is_for(enum inspect_kind kind)
{
	return kind != INSPECT_PLAIN;
}

/* What is encrypted shows only once it is opened whether it is signed. */
static bool is_signed(const hsmime_result *r)
{
	for (size_t i = 0; i < r->layer_count; i++)
		if (!r->layers[i].opened || r->layers[i].kind == HSMIME_LAYER_SIGNED_DETACHED ||
		    r->layers[i].kind == HSMIME_LAYER_SIGNED_OPAQUE)
			return true;
	return false;
}

/* What does not decrypt is not invalid, and nobody knows whether it is signed. */
static bool is_closed(const hsmime_result *r)
{
	for (size_t i = 0; i < r->layer_count; i++)
		if (r->layers[i].status == HSMIME_EINVALID && layer_is_encrypted(&r->layers[i]))
			return true;
	return false;
}

static int work(struct task_message *m, hsmime_output *out)
{
	hsmime_verify_options o = HSMIME_VERIFY_OPTIONS_INIT;
	int status;

	(void)out;
	o.form = m->bare ? HSMIME_CMS : HSMIME_MAIL;
	o.anchors = m->options->anchors;
	o.certs = m->certs;
	o.no_chain = m->options->no_chain;
	o.at = m->options->at;
	o.require_message = 1;
	status = hsmime_verify(m->ctx, &m->result, NULL, m->source, &o);
	if (status != HSMIME_EINVALID || m->result == NULL)
		return status;
	if (is_closed(m->result))
		m->cause = "not-decrypted";
	else if (!is_signed(m->result))
		return TASK_NOTHING;
	return status;
}

static int settings(struct json *j, const hsmime_job_options *o)
{
	json_text(j, "report", o->report);
	json_bool(j, "no_chain", o->no_chain != 0);
	json_time(j, "at", o->at);
	return 0;
}

const struct job_task task_verify = {
	.name = "verify",
	.done = "valid",
	.looks_first = true,
	.is_for = is_for,
	.work = work,
	.invalid = "not-valid",
	.settings = settings,
};
