/*
 * choice: which messages of a mailbox are wanted, by what they are on their outside.
 */
#ifndef ARCHIVE_CHOICE_H
#define ARCHIVE_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "archive/inspect.h"
#include "archive/mail_source.h"
#include "util/error.h"

struct choice {
	int64_t since,
	    until; /* Unix time; HSMIME_NO_TIME: any. A message without a date is not wanted then */
	const char *
	    recipient; /* hexadecimal: serial number or key identifier of one of its recipients; NULL: any */
};

/* choice_all(c): every message, whatever it is. */
bool choice_all(const struct choice *c);

/* choice_date(item, found): of the Date field, else of the file; HSMIME_NO_TIME. */
int64_t choice_date(const struct mail_item *item, const struct inspection *found);

/* choice_takes(takes, c, item, found): whether it is wanted. 0 or HSMIME_ENOMEM. */
int choice_takes(bool *takes, const struct choice *c, const struct mail_item *item,
    const struct inspection *found);

/* choice_is_id(text): hexadecimal digits, as recipient has them. */
bool choice_is_id(const char *text);

/* choice_no_id(text, err): HSMIME_EUSAGE, as it is not. */
int choice_no_id(const char *text, struct error *err);

#endif
