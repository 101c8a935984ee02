#include "api/advice.h"

#include <stddef.h>

#include <hsmime/error.h>

/* own: cert alone, for an anchor. */
static const char *find(
    X509 *cert, const struct chain_check *failed, STACK_OF(X509) *own, OSSL_LIB_CTX *libctx)
{
	const struct {
		bool no_check_time, any_purpose;
		STACK_OF(X509) *anchors;
		const char *hint;
	} rows[] = {
		{ true, failed->any_purpose, failed->anchors,
		    "the signature holds; compare the certificates' dates with the time of the "
		    "check, which --at sets" },
		{ failed->no_check_time, true, failed->anchors,
		    "the signature holds; ask the signer to use a certificate made for e-mail, or "
		    "take this one with --any-purpose" },
		{ true, true, own,
		    "the signature holds; name the authority that you trust with --ca, and "
		    "certificates between it and the signer with --cert" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char problem[CHAIN_PROBLEM_SIZE];
		struct chain_check check = *failed;

		check.no_check_time = rows[i].no_check_time;
		check.any_purpose = rows[i].any_purpose;
		check.anchors = rows[i].anchors;
		check.partial = failed->partial || rows[i].anchors == own;
		if (chain_verify(problem, cert, &check, libctx) == 0)
			return rows[i].hint;
	}
	return NULL;
}

int advice_find(
    const char **advice, X509 *cert, const struct chain_check *failed, OSSL_LIB_CTX *libctx)
{
	STACK_OF(X509) *own = sk_X509_new_null();

	*advice = NULL;
	if (own == NULL || sk_X509_push(own, cert) <= 0) {
		sk_X509_free(own);
		return HSMIME_ENOMEM;
	}
	*advice = find(cert, failed, own, libctx);
	sk_X509_free(own);
	return 0;
}
