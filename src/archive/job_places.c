/* Where a job's mailboxes and report are, whichever folder it is gone on with from. */
#include "archive/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* name, whose first octets are a scheme, with its path below folder unless it has one from the root. */
static int make_absolute(char **out, const char *name, size_t scheme, const char *folder)
{
	const char *slash = folder[1] != '\0' ? "/" : "";
	int n;

	*out = NULL;
	if (name == NULL)
		return 0;
	if (name[scheme] == '/' || name[scheme] == '\0')
		n = asprintf(out, "%s", name);
	else
		n = asprintf(out, "%.*s%s%s%s", (int)scheme, name, folder, slash, name + scheme);
	if (n >= 0)
		return 0;
	*out = NULL;
	return HSMIME_ENOMEM;
}

static size_t scheme_of(const char *name)
{
	const char *colon = name != NULL ? strchr(name, ':') : NULL;

	return colon != NULL ? (size_t)(colon - name) + 1 : 0;
}

int job_places(struct job *j, struct error *err)
{
	const hsmime_job_options *o = &j->options;
	size_t scheme = mail_source_scheme(o->in);
	char *folder = getcwd(NULL, 0);
	int status;

	if (folder == NULL)
		return errno == ENOMEM ? error_nomem(err)
				       : error_errno(err, "can't tell the name of", ".");
	/* A list that comes by standard input is in no place. */
	if (strcmp(o->in + scheme, "-") == 0)
		status = make_absolute(&j->settings[0], o->in, strlen(o->in), folder);
	else
		status = make_absolute(&j->settings[0], o->in, scheme, folder);
	if (status == 0)
		status = make_absolute(&j->settings[1], o->out, scheme_of(o->out), folder);
	if (status == 0)
		status = make_absolute(&j->settings[3], o->report, 0, folder);
	/* What stands in a list is beside the folder where that was given. */
	if (status == 0 && mail_source_is_list(o->in))
		j->beside = folder;
	else
		free(folder);
	return status == 0 ? 0 : error_nomem(err);
}

void job_places_take(struct job *j)
{
	j->options.in = j->settings[0];
	j->options.out = j->settings[1];
	j->options.report = j->settings[3];
}
