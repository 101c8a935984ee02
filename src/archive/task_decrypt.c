/* The encryption layers of each message come off. */
#include "archive/job_task.h"

#include <hsmime/operation.h>

static bool is_for(enum inspect_kind kind)
{
	return kind == INSPECT_ENCRYPTED || kind == INSPECT_AUTH_ENCRYPTED;
}

static int work(struct task_message *m, hsmime_output *out)
{
	hsmime_decrypt_options o = HSMIME_DECRYPT_OPTIONS_INIT;

	o.form = m->bare ? HSMIME_CMS : HSMIME_MAIL;
	o.key_uri = m->options->key_uri;
	o.certs = m->certs;
	o.require_authenticated = m->options->require_authenticated;
	o.require_message = 1;
	return hsmime_decrypt(m->ctx, &m->result, out, m->source, &o);
}

static int settings(struct json *j, const hsmime_job_options *o)
{
	json_bool(j, "require_authenticated", o->require_authenticated != 0);
	json_bool(j, "skip_plain", o->skip_plain != 0);
	return 0;
}

const struct job_task task_decrypt = {
	.name = "decrypt",
	.done = "decrypted",
	.writes = true,
	.is_for = is_for,
	.work = work,
	.invalid = "not-decrypted",
	.settings = settings,
	.extension = ".eml",
};
