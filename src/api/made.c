#include "api/made.h"

#include <stdlib.h>
#include <string.h>

#include "cms/algorithm_digest.h"
#include "cms/content_cipher.h"
#include "cms/recipient_rsa.h"
#include "util/name.h"

static void recipient_clear(hsmime_made_recipient *r)
{
	free(r->subject);
	free(r->issuer);
	free(r->serial_number);
	free(r->file);
}

void made_clear(hsmime_made *made)
{
	free(made->key_uri);
	free(made->subject);
	for (size_t i = 0; i < made->recipient_count; i++)
		recipient_clear(&made->recipients[i]);
	free(made->recipients);
	*made = (hsmime_made){ 0 };
}

int made_signer(hsmime_ctx *ctx, const char *uri, X509 *cert)
{
	hsmime_made *made = &ctx->made;

	free(made->key_uri);
	free(made->subject);
	made->key_uri = strdup(uri);
	made->subject = name_text(X509_get_subject_name(cert));
	if (made->key_uri == NULL || made->subject == NULL)
		return error_nomem(&ctx->err);
	ctx_log(ctx, 1, "signing with the key %s and the certificate of %s", made->key_uri,
	    made->subject);
	return 0;
}

int made_key(hsmime_ctx *ctx, const char *uri)
{
	char *copy = NULL;

	if (strcmp(ctx->made.key_uri, uri) == 0)
		return 0;
	copy = strdup(uri);
	if (copy == NULL)
		return error_nomem(&ctx->err);
	free(ctx->made.key_uri);
	ctx->made.key_uri = copy;
	ctx_log(ctx, 1, "signed with the same key on another token: %s", uri);
	return 0;
}

void made_signature(hsmime_ctx *ctx, const char *digest, const EVP_PKEY *key, bool pss)
{
	const struct digest_algorithm *known = digest_by_name(digest);
	hsmime_made *made = &ctx->made;

	made->digest = known != NULL ? known->name : digest;
	if (!EVP_PKEY_is_a(key, "RSA"))
		made->signature_algorithm = "ECDSA";
	else
		made->signature_algorithm = pss ? "RSA-PSS" : "RSA PKCS#1 v1.5";
	ctx_log(ctx, 1, "signature: %s with %s", made->signature_algorithm, made->digest);
}

static const char *transport_name(X509 *cert, enum hsmime_key_transport transport)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (key != NULL && EVP_PKEY_is_a(key, "EC"))
		return "ECDH";
	return recipient_rsa_takes_oaep(cert, transport) ? "RSA-OAEP" : "RSA PKCS#1 v1.5";
}

static int add_recipient(hsmime_made *made, X509 *cert, const char *algorithm, const char *file)
{
	hsmime_made_recipient *grown =
	    realloc(made->recipients, (made->recipient_count + 1) * sizeof(*grown));
	hsmime_made_recipient *r;

	if (grown == NULL)
		return HSMIME_ENOMEM;
	made->recipients = grown;
	r = &grown[made->recipient_count++];
	*r = (hsmime_made_recipient){ .algorithm = algorithm };
	r->subject = name_text(X509_get_subject_name(cert));
	r->issuer = name_text(X509_get_issuer_name(cert));
	r->serial_number = serial_text(X509_get0_serialNumber(cert));
	r->file = file != NULL ? strdup(file) : NULL;
	return r->subject == NULL || r->issuer == NULL || r->serial_number == NULL ||
		       (file != NULL && r->file == NULL)
		   ? HSMIME_ENOMEM
		   : 0;
}

int made_recipients(hsmime_ctx *ctx, const char *cipher, enum hsmime_key_transport transport,
    const STACK_OF(X509) *certs, const char *file)
{
	const struct content_cipher *known = content_cipher_by_name(cipher);
	hsmime_made *made = &ctx->made;

	if (made->cipher == NULL && known != NULL) {
		made->cipher = known->label;
		ctx_log(ctx, 1, "content encryption: %s", made->cipher);
	}
	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *cert = sk_X509_value(certs, i);
		const char *algorithm = transport_name(cert, transport);

		if (add_recipient(made, cert, algorithm, file) != 0)
			return error_nomem(&ctx->err);
		ctx_log(ctx, 1, "recipient %s by %s%s%s",
		    made->recipients[made->recipient_count - 1].subject, algorithm,
		    file != NULL ? ", in " : "", file != NULL ? file : "");
	}
	return 0;
}

const hsmime_made *hsmime_ctx_made(const hsmime_ctx *ctx)
{
	return &ctx->made;
}
