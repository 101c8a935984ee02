#include "command.h"

#include "report.h"
#include "request.h"
#include "text/values.h"

static int fill(hsmime_verify_options *v, struct job *job)
{
	const struct options *o = job->options;
	const char *at = option_text(o, OPT_AT);
	int status;

	if (at != NULL && !time_parse(&v->at, at))
		return job_refuse(job, HSMIME_EUSAGE,
		    "give it as 2026-11-24T10:00:00Z, as 2026-11-24, or as @ and a Unix time",
		    "%s is no time for --at", at);
	status = job_load(&job->anchors, job, OPT_CA);
	if (status == 0)
		status = job_load(&job->certs, job, OPT_CERT);
	v->form = request_form(o);
	v->format = request_format(o);
	v->anchors = job->anchors;
	v->certs = job->certs;
	v->no_chain = option_is(o, OPT_NO_CHAIN);
	v->partial_chain = option_is(o, OPT_PARTIAL_CHAIN);
	v->no_check_time = option_is(o, OPT_NO_CHECK_TIME);
	v->any_purpose = option_is(o, OPT_ANY_PURPOSE);
	return status;
}

static int open_files(struct job *job, hsmime_verify_options *v)
{
	int status = 0;

	/* Unlike other commands this one writes content only where it is asked to. */
	if (option_text(job->options, OPT_OUTPUT) != NULL)
		status = job_open_output(job, false);
	if (status == 0)
		status = job_open_content(job);
	if (status == 0)
		status = job_open_input(job);
	if (job->content_fd >= 0)
		v->content = &job->content;
	return status;
}

static void report(struct job *job, const hsmime_result *r, int status)
{
	struct json j = { .out = job_report(job) };

	if (!option_is(job->options, OPT_JSON)) {
		if (!option_is(job->options, OPT_QUIET))
			report_verified(j.out, r);
		return;
	}
	json_open(&j, NULL, '{');
	job_json(&j, job, status);
	json_bool(&j, "valid", status == 0);
	report_json(&j, r);
	json_close(&j, '}');
	job->reported = true;
}

int cmd_verify(const struct options *o)
{
	struct job job;
	hsmime_verify_options v = HSMIME_VERIFY_OPTIONS_INIT;
	hsmime_result *result = NULL;
	int status = job_start(&job, o, "verify");

	if (status == 0)
		status = fill(&v, &job);
	if (status == 0)
		status = open_files(&job, &v);
	if (status == 0)
		status = hsmime_verify(job.ctx, &result, job.out, &job.in, &v);
	if (result != NULL)
		report(&job, result, status);
	hsmime_result_free(result);
	return job_finish(&job, status);
}
