#include "bcc_check.h"

#include <string.h>
#include <sys/stat.h>

static bool may_be_address(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".eml") == 0 && strchr(name, '@') != NULL;
}

/* Whether the file whose name starts at name, in path, lies in folder. */
static bool is_in(const char *folder, const char *path, const char *name)
{
	char parent[4096] = ".";
	size_t len = (size_t)(name - path);
	struct stat a, b;

	if (len >= sizeof(parent))
		return false;
	if (len > 0) {
		memcpy(parent, path, len);
		parent[len] = '\0';
	}
	return stat(parent, &a) == 0 && stat(folder, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int bcc_check(struct job *job)
{
	const char *folder = option_text(job->options, OPT_BCC_DIR);
	const char *path = option_text(job->options, OPT_OUTPUT);
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : path;

	if (folder == NULL || path == NULL || !may_be_address(name) || !is_in(folder, path, name))
		return 0;
	return job_refuse(job, HSMIME_EUSAGE, "choose another name or folder for --output",
	    "--output %s could be the file of a Bcc recipient in --bcc-dir", path);
}
