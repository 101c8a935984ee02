/*
 * result: building an hsmime_result (include/hsmime/result.h) out of what the
 * CMS layer found, with the verdict on trust.
 */
#ifndef API_RESULT_H
#define API_RESULT_H

#include <hsmime/operation.h>

#include "api/ctx.h"
#include "cms/enveloped_reader.h"
#include "cms/signed_reader.h"

/* How signers' certificates are judged. */
struct trust {
	const hsmime_certs *anchors; /* NULL: the system's store */
	const hsmime_certs *certs;   /* more intermediates and signers; may be NULL */
	bool no_chain;
	bool partial_chain;
	bool no_check_time;
	bool any_purpose;
	int64_t at;
	const char *
	    *advice; /* takes what helps a holding signature whose signer is not trusted, or NULL */
};

/* result_new(trust): an empty result that says what trust leaves unchecked, or NULL. */
hsmime_result *result_new(const struct trust *trust);

/* result_set_from(result, addresses): keep the mail's From addresses. 0 or HSMIME_ENOMEM. */
int result_set_from(hsmime_result *result, char *const *addresses);

/* result_set_date(result, header): keep the mail's date. 0 or HSMIME_ENOMEM. */
struct header;
int result_set_date(hsmime_result *result, const struct header *header);

/* result_add(index, result, kind): a new, empty layer, opened; its index. 0 or HSMIME_ENOMEM. */
int result_add(size_t *index, hsmime_result *result, enum hsmime_layer_kind kind);

/*
 * result_signed(layer, ctx, found, trust, from):
 * Fill layer from a SignedData: signers, trust, whether from (NULL-terminated, or
 * NULL where there is no mail) is in their certificates; layer->status is 0
 * where every signer's is, and HSMIME_EINVALID where there is none.
 */
int result_signed(hsmime_layer *layer, hsmime_ctx *ctx, const struct signed_result *found,
    const struct trust *trust, char *const *from);

/*
 * result_recipient(out, r): r in words; out is zero before. HSMIME_ENOMEM, or 0; free with
 * result_recipient_clear in any case.
 */
int result_recipient(hsmime_recipient *out, const struct recipient *r);
void result_recipient_clear(hsmime_recipient *r);

/*
 * result_recipients(layer, recipients, count): whom an encrypted layer is for.
 * result_new_recipients: whom it is for once it is rewrapped. Once per layer. 0 or HSMIME_ENOMEM.
 */
int result_recipients(hsmime_layer *layer, const struct recipient *recipients, size_t count);
int result_new_recipients(hsmime_layer *layer, const struct recipient *recipients, size_t count);

/*
 * result_enveloped(layer, found, key_uri):
 * Fill layer, whose recipients are there, from what was decrypted; key_uri is taken
 * over (may be NULL).
 */
void result_enveloped(hsmime_layer *layer, const struct enveloped_result *found, char *key_uri);

/*
 * result_unopened(result, kind, status, problem):
 * Note a layer of that kind that could not be read. 0 or HSMIME_ENOMEM.
 */
int result_unopened(
    hsmime_result *result, enum hsmime_layer_kind kind, int status, const char *problem);

/* layer_fail(layer, status, fmt, ...): set its status and problem, unless it failed before. */
void layer_fail(hsmime_layer *layer, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* result_verdict(result): 0 where there is a signed layer and all of them hold; else HSMIME_EINVALID. */
int result_verdict(const hsmime_result *result);

#endif
