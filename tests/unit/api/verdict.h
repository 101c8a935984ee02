/*
 * verdict: hsmime_verify called for a test, with what it gave.
 */
#ifndef TESTS_VERDICT_H
#define TESTS_VERDICT_H

#include "peer.h"

struct verdict {
	int status;
	hsmime_result *result;
	struct text output;
};

/* verify_source(v, in, extra, with_output): verify in; the test's CA is trusted unless extra has anchors. */
void verify_source(struct verdict *v, const hsmime_source *in, const hsmime_verify_options *extra,
    bool with_output);

/* verify_text(v, mail, len, with_output): the same for a mail in memory. */
void verify_text(struct verdict *v, const char *mail, size_t len, bool with_output);

void verdict_free(struct verdict *v);

#endif
