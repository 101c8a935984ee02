#include "request.h"

#include <string.h>

struct word {
	const char *word;
	int value;
};

/* The value of the option's word; the options table let no other word through. */
static int look_up(const struct word *words, size_t count, const char *text)
{
	for (size_t i = 0; i < count && text != NULL; i++) {
		if (strcmp(words[i].word, text) == 0)
			return words[i].value;
	}
	return words[0].value;
}

enum hsmime_form request_form(const struct options *o)
{
	return option_is(o, OPT_CMS) ? HSMIME_CMS : HSMIME_MAIL;
}

enum hsmime_format request_format(const struct options *o)
{
	static const struct word words[] = {
		{ "auto", HSMIME_FORMAT_AUTO },
		{ "der", HSMIME_FORMAT_DER },
		{ "pem", HSMIME_FORMAT_PEM },
		{ "smime", HSMIME_FORMAT_SMIME },
	};

	if (!option_is(o, OPT_CMS))
		return HSMIME_FORMAT_AUTO;
	return (enum hsmime_format)look_up(
	    words, sizeof(words) / sizeof(words[0]), option_text(o, OPT_FORMAT));
}

bool request_binary(const struct options *o)
{
	enum hsmime_format format = request_format(o);

	return request_form(o) == HSMIME_CMS &&
	       (format == HSMIME_FORMAT_AUTO || format == HSMIME_FORMAT_DER);
}

enum hsmime_key_transport request_key_transport(const struct options *o)
{
	static const struct word words[] = {
		{ "auto", HSMIME_KEY_TRANSPORT_AUTO },
		{ "oaep", HSMIME_KEY_TRANSPORT_OAEP },
		{ "pkcs1", HSMIME_KEY_TRANSPORT_PKCS1 },
	};

	return (enum hsmime_key_transport)look_up(
	    words, sizeof(words) / sizeof(words[0]), option_text(o, OPT_KEY_TRANSPORT));
}

int request_encrypt(hsmime_encrypt_options *e, struct job *job)
{
	const struct options *o = job->options;
	int status = job_load(&job->recipients, job, OPT_RECIPIENT);

	if (status == 0)
		status = job_load(&job->anchors, job, OPT_CA);
	if (status == 0 && job->certs == NULL)
		status = job_load(&job->certs, job, OPT_CERT);
	e->form = request_form(o);
	e->format = request_format(o);
	e->recipients = job->recipients;
	e->anchors = job->anchors;
	e->cipher = option_text(o, OPT_CIPHER);
	e->key_transport = request_key_transport(o);
	e->force_recipient = option_is(o, OPT_FORCE_RECIPIENT);
	e->no_encrypt_to_self = option_is(o, OPT_NO_ENCRYPT_TO_SELF);
	e->certs = job->certs;
	e->entity = option_is(o, OPT_ENTITY);
	e->recipient_key_id = option_is(o, OPT_RECIPIENT_KEY_ID);
	e->bcc_dir = option_text(o, OPT_BCC_DIR);
	return status;
}
