/*
 * request: options of the command line as options of the library.
 */
#ifndef CLI_REQUEST_H
#define CLI_REQUEST_H

#include <hsmime/operation.h>

#include "job.h"

/* request_form(o), request_format(o): what goes in and comes out, and how it is written. */
enum hsmime_form request_form(const struct options *o);
enum hsmime_format request_format(const struct options *o);

enum hsmime_key_transport request_key_transport(const struct options *o);

/* request_binary(o): what sign or encrypt writes is DER. */
bool request_binary(const struct options *o);

/*
 * request_encrypt(e, job):
 * Everything about encryption; loads recipients, CAs and further certificates. Return 0 or a
 * negative hsmime_status.
 */
int request_encrypt(hsmime_encrypt_options *e, struct job *job);

#endif
