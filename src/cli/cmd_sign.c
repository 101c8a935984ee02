#include "command.h"

#include "bcc_check.h"
#include "key_groups.h"
#include "report.h"
#include "request.h"

/* The command line's choice of the key stands above a configured one of the other kind. */
static void choose_key(hsmime_sign_options *s, const struct options *o)
{
	bool from = option_is(o, OPT_FROM) && s->form == HSMIME_MAIL;

	if (from && option_given(o, OPT_KEY))
		from = false;
	if (from && !option_given(o, OPT_FROM) && option_text(o, OPT_KEY) != NULL &&
	    option_get(o, OPT_KEY)->rank > option_get(o, OPT_FROM)->rank)
		from = false;
	s->from = from;
	s->key_uri = from ? NULL : key_groups_key(o);
}

static int fill(hsmime_sign_options *s, hsmime_encrypt_options *e, struct job *job)
{
	const struct options *o = job->options;
	int status = job_load(&job->certs, job, OPT_CERT);

	s->form = request_form(o);
	s->format = request_format(o);
	s->opaque = option_is(o, OPT_OPAQUE);
	s->certs = job->certs;
	s->digest = option_text(o, OPT_DIGEST);
	s->pss = option_is(o, OPT_PSS);
	s->entity = option_is(o, OPT_ENTITY);
	choose_key(s, o);
	if (status != 0 || !option_is(o, OPT_ENCRYPT))
		return status;
	s->encrypt = e;
	return request_encrypt(e, job);
}

int cmd_sign(const struct options *o)
{
	struct job job;
	hsmime_sign_options s = HSMIME_SIGN_OPTIONS_INIT;
	hsmime_encrypt_options e = HSMIME_ENCRYPT_OPTIONS_INIT;
	int status = job_start(&job, o, "sign");

	if (status == 0)
		status = fill(&s, &e, &job);
	if (status == 0)
		status = bcc_check(&job);
	if (status == 0)
		status = job_open_output(&job, request_binary(o));
	if (status == 0)
		status = job_open_input(&job);
	if (status == 0)
		status = hsmime_sign(job.ctx, job.out, &job.in, &s);
	report_made(&job, status);
	return job_finish(&job, status);
}
