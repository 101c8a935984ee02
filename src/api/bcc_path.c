#include "api/bcc_path.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <hsmime/error.h>

#include "util/buffer.h"

#define PATH_ROOM (64 * 1024)

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_safe(char c)
{
	return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("@._+=-", c) != NULL);
}

static void add_name(struct buffer *out, const char *address)
{
	const char *domain = strrchr(address, '@');

	for (const char *p = address; *p != '\0'; p++) {
		char c = domain != NULL && p > domain && is_upper(*p) ? (char)(*p - 'A' + 'a') : *p;

		if (!is_safe(c) || (p == address && c == '.'))
			buffer_printf(out, "%%%02X", (unsigned char)c);
		else
			buffer_add(out, &c, 1);
	}
	buffer_add_string(out, ".eml");
}

int bcc_path(char **path, const char *folder, const char *address)
{
	struct buffer out;
	size_t start;
	int status = HSMIME_EIO;

	*path = NULL;
	buffer_init(&out, PATH_ROOM);
	buffer_printf(&out, "%s/", folder);
	start = out.len;
	add_name(&out, address);
	if (out.status == 0 && out.len - start <= NAME_MAX) {
		*path = buffer_string(&out) != NULL ? strdup((char *)out.data) : NULL;
		status = *path != NULL ? 0 : HSMIME_ENOMEM;
	} else if (out.status == HSMIME_ENOMEM) {
		status = HSMIME_ENOMEM;
	}
	buffer_free(&out);
	return status;
}
