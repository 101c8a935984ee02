/*
 * parameters: the parameters of Content-Type and Content-Disposition (RFC 2045
 * section 5.1, RFC 2183, RFC 2231).
 */
#ifndef MAIL_PARAMETERS_H
#define MAIL_PARAMETERS_H

#include "mail/content_type.h"

/*
 * parameters_parse(ct, p):
 * Add the parameters of "; name=value; ..." at p to ct, RFC 2231's pieces
 * joined and decoded (their character set is ignored). What can't be
 * understood, and what is over the bound, is left out. ct->unclear is set where
 * another reader may take another value. 0 or HSMIME_ENOMEM.
 */
int parameters_parse(struct content_type *ct, const char *p);

#endif
