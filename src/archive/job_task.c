#include "archive/job_task.h"

#include <string.h>

static const struct job_task *const tasks[] = { &task_decrypt, &task_verify, &task_rewrap };

const struct job_task *job_task_named(const char *name)
{
	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
		if (strcmp(tasks[i]->name, name) == 0)
			return tasks[i];
	return NULL;
}

const char *task_cause(const struct job_task *task, int status)
{
	switch (status) {
	case HSMIME_ENOKEY:
		return "no-key";
	case HSMIME_EINVALID:
		return task->invalid;
	case HSMIME_EFORMAT:
		return "malformed";
	case HSMIME_EUNSUPPORTED:
		return "unsupported";
	case HSMIME_EPOLICY:
		return "policy";
	default:
		return NULL;
	}
}
