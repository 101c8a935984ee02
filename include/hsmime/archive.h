/*
 * hsmime/archive.h: many messages at a time: whole mailboxes.
 *
 * A mailbox is named SCHEME:PLACE. maildir: a Maildir folder with its sub-folders; mbox: a file;
 * eml: a folder with files *.eml and *.p7m, at any depth; list: a file with a path in each line, "-" for
 * standard input. Without a scheme it is recognised.
 */
#ifndef HSMIME_ARCHIVE_H
#define HSMIME_ARCHIVE_H

#include <hsmime/context.h>
#include <hsmime/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What messages are counted by. */
enum hsmime_tally_by {
	/*
	 * "encrypted" (EnvelopedData), "auth-encrypted" (AuthEnvelopedData), "signed" (multipart/signed),
	 * "signed-opaque" (SignedData), "plain", "other" (other CMS), "malformed", "unreadable" (the file)
	 */
	HSMIME_TALLY_KIND = 0,
	HSMIME_TALLY_YEAR = 1, /* of the Date field, else of the file; "unknown" */
	/* Of the encrypted ones: */
	HSMIME_TALLY_CIPHER = 2, /* of the content, as in hsmime_layer; "other" */
	HSMIME_TALLY_ALGORITHM =
	    3, /* of its keys, as in hsmime_recipient; a message may have several */
	HSMIME_TALLY_RECIPIENT = 4 /* who can open it; a message has several mostly */
};

typedef struct hsmime_tally_row {
	enum hsmime_tally_by by;
	char *value;         /* in words; of a recipient one line of the three below */
	char *issuer;        /* of a recipient: RFC 4514, or NULL */
	char *serial_number; /* hexadecimal, or NULL */
	char *key_id;        /* SubjectKeyIdentifier, hexadecimal, or NULL */
	uint64_t messages;
	uint64_t octets; /* of these messages, as they are stored */
} hsmime_tally_row;

/* Rows stand together by what they count, years in order, else the most messages first. */
typedef struct hsmime_tally {
	uint64_t messages;
	uint64_t octets;
	uint64_t
	    unlisted; /* folders, or lines of a list, that could not be read: the log names them */
	uint64_t passed_over; /* what lies among the messages and is no file, as a symbolic link */
	hsmime_tally_row *rows;
	size_t row_count;
} hsmime_tally;

typedef struct hsmime_count_options {
	const char *in; /* the mailbox */
	uint64_t limit; /* look at so many messages only; 0: all */
	int64_t since;  /* Unix time: no message before it; HSMIME_NO_TIME: any */
	int64_t until;  /* and none from it on */
	/*
	 * Only messages encrypted for that recipient, whose certificate has that serial number, or key identifier, in
	 * hexadecimal (as hsmime_tally_row has them); NULL: any
	 */
	const char *recipient;
} hsmime_count_options;
#define HSMIME_COUNT_OPTIONS_INIT                                                                  \
	{                                                                                          \
		NULL, 0, HSMIME_NO_TIME, HSMIME_NO_TIME, NULL                                      \
	}

/*
 * hsmime_archive_count(tally, ctx, options):
 * Look at the outermost layer of each message in the mailbox and count; *tally is freed with
 * hsmime_tally_free. No token is used, and no message ends it, nor a folder that can't be read: that is
 * counted as such, and the log has a warning of each folder.
 * A message whose date is unknown has none with since or until. Memory does not grow with the number of
 * messages; of more than 100,000 different recipients the rest is counted as "others". The progress
 * callback is told octets. Return 0, HSMIME_EUSAGE (no such mailbox), HSMIME_EIO or HSMIME_ENOMEM.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_archive_count(
    hsmime_tally **tally, hsmime_ctx *ctx, const hsmime_count_options *options);

/* hsmime_tally_free(tally): NULL is allowed. */
HSMIME_API void hsmime_tally_free(hsmime_tally *tally);

#ifdef __cplusplus
}
#endif

#endif
