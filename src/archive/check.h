/*
 * check: whether an archive is what its manifest says (hsmime/custody.h).
 *
 *   check_seal     the signature
 *   check_lines    one line after the other: their order, and the totals
 *   check_box      what they name, in its mailbox
 *   check_others   what else is in there
 *   check          all of that
 */
#ifndef ARCHIVE_CHECK_H
#define ARCHIVE_CHECK_H

#include <stdbool.h>

#include <openssl/types.h>

#include <hsmime/custody.h>

#include "api/ctx.h"
#include "archive/ledger.h"
#include "archive/mail_source.h"
#include "archive/manifest.h"

/* Mailboxes: what was written, what failed, what was read. */
enum box_place { BOX_OUT = LEDGER_OUT, BOX_FAILED = LEDGER_FAILED, BOX_IN = LEDGER_IN, BOXES };

struct box {
	struct mail_source *source; /* NULL: it is not open, or it is a list */
	bool list;                  /* its messages are files by their paths */
	bool gone;                  /* it can't be opened, which was told */
	bool put_off;               /* something is looked for once all is listed */
};

/* What a line says of a message in one of them. */
struct check_wanted {
	uint64_t line, number;
	const char *name;
	const unsigned char *sha;
};

struct checking {
	hsmime_ctx *ctx;
	const hsmime_check_options *options;
	hsmime_check *found;
	char *path;           /* of the manifest */
	int fd;               /* the same */
	hsmime_source source; /* the same; can seek */
	hsmime_file file;
	struct ledger *ledger;
	struct box boxes[BOXES];
	EVP_MD *md;
	EVP_MD_CTX *digest;       /* of the manifest */
	EVP_MD_CTX *hash, *other; /* of the message at hand */
	unsigned char *room;
	bool sealed; /* a seal holds, of what has this hash: */
	unsigned char sealed_sha[MANIFEST_SHA];
	/* The lines: */
	uint64_t line;     /* at hand, from 1 */
	uint64_t expected; /* number of the next message */
	bool has_facts;
	bool writes; /* the job wrote a mailbox, or may have */
	struct manifest_line facts;
	uint64_t done, copied, skipped, failed;
};

#define CHECK_ROOM ((size_t)128 * 1024)
#define CHECK_LATER 1

/* check_tell(c, finding, fmt, ...): one more finding, in these words. 0, or HSMIME_EINVALID where the caller has seen enough. */
int check_tell(struct checking *c, hsmime_custody_finding finding, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* check_digest(arg, buf, len): the write of a sink of which arg is an EVP_MD_CTX. */
int check_digest(void *arg, const void *buf, size_t len);

/* check_seal(c): findings on the seal. check_lines(c): on all lines, and on what they name. Statuses of the call. */
int check_seal(struct checking *c);
int check_lines(struct checking *c);

/*
 * check_box_name(out, c, place): its name, free it; NULL: nobody says one. 0 or HSMIME_ENOMEM. check_box_open(c, place): one that the
 * caller names has to be there; one that the manifest names and that is not is a finding. check_one(key, c, place, w, path):
 * findings on what is at path, and *key, by which a listing knows it; NULL: it is not there.
 */
int check_box_name(char **out, const struct checking *c, enum box_place place);
int check_box_open(struct checking *c, enum box_place place);
int check_one(char **key, struct checking *c, enum box_place place, const struct check_wanted *w,
    const char *path);

/*
 * check_output(c, line), check_source(c, line): findings on the output of that line, and on the message that was
 * read. check_others(c): on what is in the mailboxes beside. check_boxes_close(c).
 */
int check_output(struct checking *c, const struct manifest_line *line);
int check_source(struct checking *c, const struct manifest_line *line);
int check_others(struct checking *c);
void check_boxes_close(struct checking *c);

#endif
