#include "engine/uri_names.h"

#include <stdio.h>
#include <string.h>

/* One attribute as p11-kit knows it. */
struct known {
	const char *name;
	const char *means; /* the name of RFC 7512 */
	bool query;        /* p11-kit takes it in the path too */
};

static const struct known all_known[] = {
	{ "id", "id", false },
	{ "object", "object", false },
	{ "type", "type", false },
	{ "object-type", "type", false },
	{ "objecttype", "type", false },
	{ "token", "token", false },
	{ "serial", "serial", false },
	{ "manufacturer", "manufacturer", false },
	{ "model", "model", false },
	{ "slot-id", "slot-id", false },
	{ "slot-description", "slot-description", false },
	{ "slot-manufacturer", "slot-manufacturer", false },
	{ "library-description", "library-description", false },
	{ "library-manufacturer", "library-manufacturer", false },
	{ "library-version", "library-version", false },
	{ "pin-source", "pin-source", true },
	{ "pinfile", "pin-source", true },
	{ "pin-value", "pin-value", true },
	{ "module-name", "module-name", true },
	{ "module-path", "module-path", true },
};

#define KNOWN (sizeof(all_known) / sizeof(all_known[0]))

/* p11-kit leaves these out wherever they are (RFC 7512 section 3 has line breaks in URIs ignored). */
static bool is_space(char c)
{
	return c != '\0' && strchr(" \n\r\v", c) != NULL;
}

static bool is_name(const char *text, const char *end, const char *name)
{
	for (; text < end; text++) {
		if (is_space(*text))
			continue;
		if (*text != *name)
			return false;
		name++;
	}
	return *name == '\0';
}

/* Where one attribute's name is. */
struct place {
	const char *name, *end;
	bool query;
};

static const char *meaning(const struct place *at)
{
	for (size_t i = 0; i < KNOWN; i++)
		if ((all_known[i].query || !at->query) &&
		    is_name(at->name, at->end, all_known[i].name))
			return all_known[i].means;
	return NULL;
}

/* The next attribute; the first one of a place that is zeroed. False: there is none. */
static bool next(struct place *at, const char *text)
{
	const char *from =
	    at->name == NULL ? strchr(text, ':') : strpbrk(at->end, at->query ? "&" : ";?");

	if (from == NULL)
		return false;
	at->query |= *from == '?';
	at->name = from + 1;
	at->end = at->name + strcspn(at->name, at->query ? "=&" : "=;?");
	return true;
}

const char *uri_names_repeated(const char *text)
{
	const char *seen[KNOWN] = { NULL };
	struct place at = { 0 };
	size_t count = 0;

	while (next(&at, text)) {
		const char *means = meaning(&at);

		for (size_t i = 0; means != NULL && i < count; i++)
			if (strcmp(seen[i], means) == 0)
				return means;
		if (means != NULL)
			seen[count++] = means;
	}
	return NULL;
}

bool uri_names_ignored(char *name, size_t size, const char *text)
{
	struct place at = { 0 };

	while (next(&at, text)) {
		if (!at.query || meaning(&at) != NULL || at.end == at.name)
			continue;
		snprintf(name, size, "%.*s", (int)(at.end - at.name), at.name);
		return true;
	}
	return false;
}
