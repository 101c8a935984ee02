/*
 * report_html: what a job came to, for people.
 */
#ifndef ARCHIVE_REPORT_HTML_H
#define ARCHIVE_REPORT_HTML_H

#include <stdio.h>

#include "util/error.h"

struct job;

/* report_html(out, j, err): the page, of j->state and the journal. The journal's statuses; what out has come to is the caller's to see. */
int report_html(FILE *out, struct job *j, struct error *err);

#endif
