#include "report.h"

static void write_recipients(struct json *j, const hsmime_made *made)
{
	json_open(j, "recipients", '[');
	for (size_t i = 0; i < made->recipient_count; i++) {
		const hsmime_made_recipient *r = &made->recipients[i];

		json_open(j, NULL, '{');
		json_text(j, "subject", r->subject);
		json_text(j, "issuer", r->issuer);
		json_text(j, "serial_number", r->serial_number);
		json_text(j, "algorithm", r->algorithm);
		json_text(j, "file", r->file);
		json_close(j, '}');
	}
	json_close(j, ']');
}

void report_made(struct job *job, int status)
{
	struct json j = { .out = job_report(job) };
	const hsmime_made *made;

	if (status != 0 || !option_is(job->options, OPT_JSON))
		return;
	made = hsmime_ctx_made(job->ctx);
	json_open(&j, NULL, '{');
	job_json(&j, job, status);
	json_text(&j, "output", job->to_stdout ? NULL : option_text(job->options, OPT_OUTPUT));
	json_text(&j, "key", made->key_uri);
	json_text(&j, "subject", made->subject);
	json_text(&j, "digest", made->digest);
	json_text(&j, "signature_algorithm", made->signature_algorithm);
	json_text(&j, "cipher", made->cipher);
	write_recipients(&j, made);
	json_close(&j, '}');
	job->reported = true;
}
