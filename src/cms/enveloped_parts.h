/*
 * enveloped_parts: the parts of an enveloped message in the order in which they come, for
 * who decrypts it and who rewraps it. Each function consumes its part; what it returns is a verdict
 * on the structure alone. What a key comes to is settled and told at the end.
 */
#ifndef CMS_ENVELOPED_PARTS_H
#define CMS_ENVELOPED_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/types.h>

#include "cms/content_cipher.h"
#include "cms/content_decrypt.h"
#include "cms/enveloped_reader.h"
#include "cms/recipient_list.h"
#include "util/buffer.h"

struct enveloped_parts {
	struct ber_reader *r;
	struct cms_env *env;
	enum cms_type type;
	const struct enveloped_read *request; /* NULL to look at the head alone */
	uint64_t version;
	struct recipient_list recipients;
	size_t used; /* of them */
	ASN1_OBJECT *content_oid;
	X509_ALGOR *algorithm;
	const struct content_cipher *cipher; /* NULL: none that is supported */
	struct content_params params;
	bool has_content;
	bool has_attributes;
	bool has_unprotected; /* unprotectedAttrs, or unauthAttrs */
	struct buffer aad;
	struct buffer mac;
	/* What it comes to once the structure has been read to its end; the key decides no earlier. */
	int verdict;
	struct error words;
};

/* enveloped_parts_open(p, r, type, request, env): before the message at r. enveloped_parts_close(p): free. */
void enveloped_parts_open(struct enveloped_parts *p, struct ber_reader *r, enum cms_type type,
    const struct enveloped_read *request, struct cms_env *env);
void enveloped_parts_close(struct enveloped_parts *p);

/* enveloped_parts_enter(p): the message's SEQUENCE, and its version. */
int enveloped_parts_enter(struct enveloped_parts *p);

/* enveloped_parts_originator(p): over originatorInfo, where there is one. */
int enveloped_parts_originator(struct enveloped_parts *p);

/* enveloped_parts_recipients(p): RecipientInfos. */
int enveloped_parts_recipients(struct enveloped_parts *p);

/* enveloped_parts_info(p): EncryptedContentInfo up to the content. An unknown cipher is settled. */
int enveloped_parts_info(struct enveloped_parts *p);

/* enveloped_parts_unauthenticated(p): for settle: content that nothing authenticates was not to be taken. */
int enveloped_parts_unauthenticated(const struct enveloped_parts *p);

/* enveloped_parts_key(out, p): find a recipient's key and get the content key by it; for settle. */
int enveloped_parts_key(struct content_key *out, struct enveloped_parts *p);

/* enveloped_parts_look(p): whether content comes next, before anybody prepares for it. */
int enveloped_parts_look(struct enveloped_parts *p);

/*
 * enveloped_parts_content(p, sink, counted):
 * The encrypted content to sink, and the end of EncryptedContentInfo; counted has seen all that
 * went to sink. Content that is elsewhere is settled.
 */
int enveloped_parts_content(
    struct enveloped_parts *p, const hsmime_sink *sink, const struct content_decrypt *counted);

/* enveloped_parts_tail(p): attributes, tag, the end of the SEQUENCE and, by request->rest, what is behind. */
int enveloped_parts_tail(struct enveloped_parts *p);

/*
 * enveloped_parts_settle(p, verdict): what comes of it, with the words in p->env->err.
 * enveloped_parts_verdict(p): that, with its words.
 */
void enveloped_parts_settle(struct enveloped_parts *p, int verdict);
int enveloped_parts_verdict(struct enveloped_parts *p);

/* enveloped_parts_result(result, p): what was found, all but content_size; takes the recipients over. */
void enveloped_parts_result(struct enveloped_result *result, struct enveloped_parts *p);

#endif
