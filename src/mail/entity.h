/*
 * entity: what a header block says of its content (RFC 2045, RFC 8551).
 */
#ifndef MAIL_ENTITY_H
#define MAIL_ENTITY_H

#include <stdbool.h>

#include "mail/ambiguity.h"
#include "mail/content_type.h"
#include "mail/header.h"

enum transfer_encoding { CTE_IDENTITY, CTE_BASE64, CTE_QUOTED_PRINTABLE, CTE_UNKNOWN };

enum entity_kind {
	ENTITY_OTHER,     /* no S/MIME here */
	ENTITY_MULTIPART, /* a multipart other than multipart/signed with a PKCS#7 protocol */
	ENTITY_SIGNED,    /* multipart/signed; protocol application/(x-)pkcs7-signature */
	ENTITY_CMS /* application/(x-)pkcs7-mime or -signature, or octet-stream named *.p7m, .p7s, .p7c, .p7z (RFC 8551 3.10) */
};

struct entity {
	enum entity_kind kind;
	struct content_type type; /* text/plain where there is none or it is malformed */
	enum transfer_encoding encoding;
	bool says_8bit;   /* its Content-Transfer-Encoding is 8bit */
	bool says_binary; /* ... is binary */
	enum ambiguity ambiguity;
	bool
	    signature; /* application/(x-)pkcs7-signature, or octet-stream named *.p7s: mostly a detached signature */
	bool named_mail; /* its file name ends with .eml */
};

/* entity_describe(e, h): 0 or HSMIME_ENOMEM. Free with entity_free. */
int entity_describe(struct entity *e, const struct header *h);
void entity_free(struct entity *e);

#endif
