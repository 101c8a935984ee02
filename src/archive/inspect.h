/*
 * inspect: what a message is on its outside, without a key: plain, signed, or encrypted and for whom.
 * As much of it is read as that takes.
 */
#ifndef ARCHIVE_INSPECT_H
#define ARCHIVE_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include <hsmime/stream.h>

#include "cms/cms.h"
#include "cms/enveloped_reader.h"

enum inspect_kind {
	INSPECT_ENCRYPTED,
	INSPECT_AUTH_ENCRYPTED,
	INSPECT_SIGNED,
	INSPECT_SIGNED_OPAQUE,
	INSPECT_PLAIN,
	INSPECT_OTHER,
	INSPECT_MALFORMED
};

/* Zero before use. */
struct inspection {
	enum inspect_kind kind;
	bool bare; /* CMS alone, and no mail */
	bool has_date;
	int64_t date;                     /* of the Date field, Unix time */
	struct enveloped_result envelope; /* of an encrypted one: recipients and cipher */
};

/* inspect_word(kind): as hsmime/archive.h has it. */
const char *inspect_word(enum inspect_kind kind);

/*
 * inspect(out, in, env):
 * A mail, or CMS alone (DER). What is malformed is a kind, with words in env->err; else 0, or in's
 * status, or HSMIME_ENOMEM. Free with inspection_free in any case.
 */
int inspect(struct inspection *out, const hsmime_source *in, struct cms_env *env);

/* inspect_bare(first): whether a message that begins with these two octets is CMS alone. */
bool inspect_bare(const unsigned char first[2]);
void inspection_free(struct inspection *i);

#endif
