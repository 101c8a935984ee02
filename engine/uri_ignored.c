/* Attributes of URIs that nobody knows: who wrote them is told. */
#include <string.h>
#include <strings.h>

#include "engine/engine_internal.h"
#include "engine/log.h"
#include "engine/uri_names.h"

#define PREFIX "pkcs11:"
#define NAME_MAX_SHOWN 40

/* FNV-1a; 0 is for what is free. */
static uint64_t tag_of(const char *text)
{
	uint64_t tag = 0xcbf29ce484222325;

	for (; *text != '\0'; text++)
		tag = (tag ^ (unsigned char)*text) * 0x100000001b3;
	return tag != 0 ? tag : 1;
}

/* With more of them than there is room for, all further ones are told of each time. */
static bool was_told(struct engine *e, const char *text)
{
	uint64_t tag = tag_of(text);

	for (size_t i = 0; i < ENGINE_TOLD; i++) {
		uint64_t owner = 0;

		if (atomic_compare_exchange_strong(&e->told[i], &owner, tag))
			return false;
		if (owner == tag)
			return true;
	}
	return false;
}

/* The values behind the "?" are not shown: one may be a PIN. */
void engine_tell_ignored(struct engine *e, const char *uri)
{
	char name[NAME_MAX_SHOWN];

	if (uri == NULL || strncasecmp(uri, PREFIX, strlen(PREFIX)) != 0 ||
	    !uri_names_ignored(name, sizeof(name), uri) || was_told(e, uri))
		return;
	log_say(0,
	    "\"%s\" is not known and ignored (behind the ? of the URI %.*s); known are "
	    "pin-source, module-name and module-path",
	    name, (int)strcspn(uri, "?"), uri);
}
