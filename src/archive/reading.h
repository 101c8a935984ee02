/*
 * reading: the octets of one message after the other, hashed as they are read; a small one is held in memory, so that
 * one that changes meanwhile is read as it was.
 */
#ifndef ARCHIVE_READING_H
#define ARCHIVE_READING_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/types.h>

#include "archive/journal.h"
#include "archive/mail_source.h"
#include "util/output.h"

#define READING_WHOLE                                                                              \
	(256 *                                                                                     \
	    1024) /* octets of a message that is held in memory; room for which each reading has */

struct reading {
	hsmime_source source; /* of the message at hand: stands at its start, and can seek */
	bool bare;            /* it begins as CMS, and not as a mail */
	bool hashed;          /* reading_hash_rest: all of it was read */
	bool unread; /* it could not be read: what failed since is no failure of what is written */
	/* private: */
	bool held; /* a small one: it is in the room */
	EVP_MD *md;
	EVP_MD_CTX *digest;
	unsigned char *room;
	struct mail_octets octets;
	struct mail_source *from;
	hsmime_memory memory;
	uint64_t at;        /* of a large one: where it is read */
	uint64_t digest_at; /* octets from the start that the digest has */
	int status;         /* of the digest */
};

/* reading_init(r, libctx): 0 or HSMIME_ENOMEM; reading_free(r) in any case. r stays where it is. */
int reading_init(struct reading *r, OSSL_LIB_CTX *libctx);
void reading_free(struct reading *r);

/*
 * reading_open(r, from, e, as_it_is, err):
 * e's message. as_it_is: it may have changed since it was listed (not in an mbox), and e->item
 * becomes what it is now. mail_source_read's statuses, and those of reading; r->unread tells of HSMIME_EIO.
 * reading_close(r): also after a failure.
 */
int reading_open(struct reading *r, struct mail_source *from, struct journal_entry *e,
    bool as_it_is, struct error *err);
void reading_close(struct reading *r);

/*
 * reading_hash_rest(r, e): its SHA-256 in e: of what was read, and then of the rest. r->hashed, or the status of
 * reading, and r->unread. Before any reading_hash.
 */
int reading_hash_rest(struct reading *r, struct journal_entry *e);

/* reading_digest_along(o, r): output_digest_along with SHA-256. */
int reading_digest_along(hsmime_output *o, const struct reading *r);

/* reading_hash(sha, r, source): of another source, from where it stands to its end. Its status, or HSMIME_ENOMEM. */
int reading_hash(unsigned char *sha, struct reading *r, const hsmime_source *source);

#endif
