#include "command.h"

#include "key_groups.h"
#include "report.h"
#include "request.h"

static int fill(hsmime_decrypt_options *d, struct job *job)
{
	const struct options *o = job->options;
	int status = job_load(&job->certs, job, OPT_CERT);

	if (status == 0)
		status = job_load(&job->anchors, job, OPT_CA);
	d->form = request_form(o);
	d->format = request_format(o);
	d->key_uri = key_groups_key(o);
	d->certs = job->certs;
	d->anchors = job->anchors;
	d->entity = option_is(o, OPT_ENTITY);
	d->require_authenticated = option_is(o, OPT_REQUIRE_AUTHENTICATED);
	d->deep = option_is(o, OPT_DEEP);
	return status;
}

static void report(struct job *job, const hsmime_result *r, int status)
{
	struct json j = { .out = job_report(job) };

	if (!option_is(job->options, OPT_JSON)) {
		report_decrypted(r);
		return;
	}
	json_open(&j, NULL, '{');
	job_json(&j, job, status);
	report_json(&j, r);
	json_close(&j, '}');
	job->reported = true;
}

int cmd_decrypt(const struct options *o)
{
	struct job job;
	hsmime_decrypt_options d = HSMIME_DECRYPT_OPTIONS_INIT;
	hsmime_result *result = NULL;
	int status = job_start(&job, o, "decrypt");

	if (status == 0)
		status = fill(&d, &job);
	if (status == 0)
		status = job_open_output(&job, false);
	if (status == 0)
		status = job_open_input(&job);
	if (status == 0)
		status = hsmime_decrypt(job.ctx, &result, job.out, &job.in, &d);
	if (result != NULL)
		report(&job, result, status);
	hsmime_result_free(result);
	return job_finish(&job, status);
}
