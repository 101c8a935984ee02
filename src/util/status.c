#include <hsmime/error.h>

#include <stddef.h>

static const struct {
	int exit_status;
	const char *name;
} table[] = {
	[-HSMIME_OK] = { 0, "ok" },
	[-HSMIME_EINVALID] = { 1, "invalid" },
	[-HSMIME_EUSAGE] = { 2, "usage" },
	[-HSMIME_EFORMAT] = { 3, "malformed" },
	[-HSMIME_EUNSUPPORTED] = { 3, "unsupported" },
	[-HSMIME_ETOKEN] = { 4, "token" },
	[-HSMIME_EPIN] = { 4, "pin" },
	[-HSMIME_ENOKEY] = { 5, "no-key" },
	[-HSMIME_EIO] = { 6, "io" },
	[-HSMIME_ENOMEM] = { 6, "out-of-memory" },
	[-HSMIME_EPOLICY] = { 7, "policy" },
	[-HSMIME_EINTERNAL] = { 6, "internal" },
};

static size_t row(int status)
{
	if (status > 0 || status <= -(int)(sizeof(table) / sizeof(table[0])))
		return (size_t)-HSMIME_EINTERNAL;
	return (size_t)-status;
}

int hsmime_exit_status(int status)
{
	return table[row(status)].exit_status;
}

const char *hsmime_status_name(int status)
{
	return table[row(status)].name;
}
