/*
 * hsmime/doctor.h: what is wrong, and what to do about it: module, readers,
 * tokens, PINs, keys and certificates, one finding after the other.
 */
#ifndef HSMIME_DOCTOR_H
#define HSMIME_DOCTOR_H

#include <hsmime/context.h>
#include <hsmime/token.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hsmime_finding_level {
	HSMIME_FINDING_OK = 0,      /* it was checked and is well */
	HSMIME_FINDING_INFO = 1,    /* good to know */
	HSMIME_FINDING_WARNING = 2, /* it works, but not for everything or not for long */
	HSMIME_FINDING_ERROR = 3    /* it does not work */
};

typedef struct hsmime_finding {
	const char *id; /* what was found, a constant word; hsmime-doctor(1) lists them */
	const char
	    *area;     /* "software", "module", "reader", "token", "key", "certificate" or "use" */
	char *subject; /* what it is about: a token's label, a URI, a file; or NULL */
	enum hsmime_finding_level level;
	int status;       /* of an error: the hsmime_status that work would end with; else 0 */
	char *what;       /* one line without a final stop, as hsmime_ctx_error */
	char *what_to_do; /* the same, or NULL where nothing is to be done */
	/*
	 * 1; or of how many keys or certificates of a token it is said, where it was said of 20 others one
	 * by one: then subject and what are those of the first of them.
	 */
	size_t count;
} hsmime_finding;

typedef struct hsmime_doctor_options {
	const char *
	    key; /* look only at the keys and certificates that it names, as hsmime_keys; NULL: all */
	int login; /* log in, and try each key with one signature and one decryption */
	const hsmime_certs *anchors; /* trust anchors; NULL: the system's store */
	const hsmime_certs *certs;   /* intermediates that the tokens lack; or NULL */
	const char *const *
	    more_keys; /* further names beside key: what any of them names; the last is NULL; or NULL */
} hsmime_doctor_options;
#define HSMIME_DOCTOR_OPTIONS_INIT                                                                 \
	{                                                                                          \
		NULL, 0, NULL, NULL, NULL                                                          \
	}

/*
 * hsmime_doctor(list, count, ctx, options):
 * Look at everything and put what was found in *list, one area and one token after the other; free
 * it with hsmime_findings_free. A check that fails, or that the module does not answer within
 * hsmime_ctx_set_call_limit, is a finding, and the others are made all the same. Without
 * options->login no PIN is wanted; with it a token whose PIN is locked or on its last try is left
 * alone, and so is one that can have none of the keys: another than a URI names, or one that shows
 * certificates, but none that is named. The PIN comes from the URI's pin-source where it has one. Return 0,
 * however bad the findings are, HSMIME_EUSAGE (a malformed key or PIN source), HSMIME_EPOLICY (a URI
 * that is refused, as by hsmime_keys) or HSMIME_ENOMEM.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_doctor(
    hsmime_finding **list, size_t *count, hsmime_ctx *ctx, const hsmime_doctor_options *options);
HSMIME_API void hsmime_findings_free(hsmime_finding *list, size_t count);

#ifdef __cplusplus
}
#endif

#endif
