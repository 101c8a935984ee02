#include "command.h"

#include "bcc_check.h"
#include "report.h"
#include "request.h"

static int fill(hsmime_encrypt_options *e, struct job *job)
{
	if (option_get(job->options, OPT_RECIPIENT)->count == 0)
		return job_refuse(job, HSMIME_EUSAGE, "name certificates with -r",
		    "there is nobody to encrypt for");
	return request_encrypt(e, job);
}

int cmd_encrypt(const struct options *o)
{
	struct job job;
	hsmime_encrypt_options e = HSMIME_ENCRYPT_OPTIONS_INIT;
	int status = job_start(&job, o, "encrypt");

	if (status == 0)
		status = fill(&e, &job);
	if (status == 0)
		status = bcc_check(&job);
	if (status == 0)
		status = job_open_output(&job, request_binary(o));
	if (status == 0)
		status = job_open_input(&job);
	if (status == 0)
		status = hsmime_encrypt(job.ctx, job.out, &job.in, &e);
	report_made(&job, status);
	return job_finish(&job, status);
}
