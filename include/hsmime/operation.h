/*
 * hsmime/operation.h: sign, verify, encrypt, decrypt and rewrap.
 *
 * Each operation reads a source to its end in constant memory, writes to an
 * output, and commits the output when it succeeded; after a failure nothing of
 * it remains. Strings, sets and sources in the options stay the caller's and
 * must live until the call returns. Initialise options with their _INIT.
 */
#ifndef HSMIME_OPERATION_H
#define HSMIME_OPERATION_H

#include <hsmime/context.h>
#include <hsmime/result.h>
#include <hsmime/stream.h>
#include <hsmime/token.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What goes in and comes out. */
enum hsmime_form {
	HSMIME_MAIL = 0, /* RFC 5322 mail (RFC 8551) */
	HSMIME_CMS = 1   /* octets on the plain side, CMS (RFC 5652) on the other */
};

/* How CMS is written down. */
enum hsmime_format {
	HSMIME_FORMAT_AUTO = 0, /* reading: recognised; writing CMS: DER */
	HSMIME_FORMAT_DER = 1,  /* DER, or BER where sizes are not known beforehand */
	HSMIME_FORMAT_PEM = 2,
	HSMIME_FORMAT_SMIME = 3 /* MIME headers and base64 */
};

enum hsmime_key_transport {
	HSMIME_KEY_TRANSPORT_AUTO =
	    0, /* OAEP where the certificate asks for it, else PKCS#1 v1.5 */
	HSMIME_KEY_TRANSPORT_OAEP = 1,
	HSMIME_KEY_TRANSPORT_PKCS1 = 2
};

typedef struct hsmime_encrypt_options {
	enum hsmime_form form;
	enum hsmime_format format;      /* of the CMS written; with HSMIME_MAIL always S/MIME */
	const hsmime_certs *recipients; /* at least one */
	const hsmime_certs
	    *anchors;       /* recipients must chain to one of these; NULL: no chain check */
	const char *cipher; /* "aes-128-cbc", "aes-256-cbc" (NULL), "aes-128-gcm", "aes-256-gcm" */
	enum hsmime_key_transport key_transport;
	int force_recipient;    /* take recipients whose certificate fails the checks */
	int no_encrypt_to_self; /* don't add the sender's own certificate */
	X509
	    *self; /* the sender's certificate, or NULL: found by From on the tokens and in certs */
	const hsmime_certs *certs; /* where else to look for the sender's certificate */
	int entity;                /* mail: the input is a bare MIME entity, the output too */
	int recipient_key_id;      /* identify recipients by SubjectKeyIdentifier */
	const char *bcc_dir;       /* mail: folder for one file (ADDRESS.eml) per Bcc address */
} hsmime_encrypt_options;
#define HSMIME_ENCRYPT_OPTIONS_INIT                                                                \
	{                                                                                          \
		HSMIME_MAIL, HSMIME_FORMAT_AUTO, NULL, NULL, NULL, HSMIME_KEY_TRANSPORT_AUTO, 0,   \
		    0, NULL, NULL, 0, 0, NULL                                                      \
	}

/*
 * hsmime_encrypt(ctx, out, in, options):
 * Encrypt all of in for options->recipients: EnvelopedData (CBC) or
 * AuthEnvelopedData (GCM, RFC 5083 and 5084). A mail keeps its outer headers
 * less Bcc. Its RecipientInfos show every recipient to every other one, so in a mail
 * with Bcc a certificate goes into it only if it names an address of To, Cc, From or
 * Sender, or is the sender's own. One that names a Bcc address alone is refused, or with
 * bcc_dir taken for that address's own message: one file per Bcc address for every
 * certificate that names it, ADDRESS.eml with the domain in lower case and %XX for a
 * leading dot and for what is no letter, digit or one of "@._+=-"; a file of that name
 * is replaced. Any other certificate is refused, forced or not. A Bcc address that
 * none names is HSMIME_ENOKEY; a To or Cc address a warning in the log. Addresses in
 * such a mail that can't be understood, or over 1000 of a kind, are HSMIME_EFORMAT.
 * In a mail without Bcc a certificate that names addresses, none of which is
 * among the mail's recipients, is refused. Return 0, HSMIME_EUSAGE, HSMIME_EFORMAT
 * (also: not a mail), HSMIME_EPOLICY (a recipient's certificate is refused),
 * HSMIME_ENOKEY, HSMIME_EIO, HSMIME_ENOMEM or HSMIME_EUNSUPPORTED.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_encrypt(hsmime_ctx *ctx, hsmime_output *out,
    const hsmime_source *in, const hsmime_encrypt_options *options);

typedef struct hsmime_sign_options {
	enum hsmime_form form;
	enum hsmime_format format; /* of the CMS written; with HSMIME_MAIL always S/MIME */
	int opaque;                /* content inside the CMS: application/pkcs7-mime, .p7m */
	const char *key_uri;       /* or another name, see below; NULL: the only key that can
				      sign, or by from */
	int from;                  /* mail: choose the key by the mail's From address */
	const hsmime_certs
	    *certs;         /* the signer's certificate where the token has none that is valid
			       and fits, and its chain */
	const char *digest; /* "sha256" (NULL), "sha384", "sha512"; a few others are taken too */
	int pss;            /* RSASSA-PSS (RFC 4056) instead of PKCS#1 v1.5 */
	int entity;         /* mail: the input is a bare MIME entity, the output too */
	const hsmime_encrypt_options
	    *encrypt; /* sign, then encrypt in the same pass; NULL: sign only */
} hsmime_sign_options;
#define HSMIME_SIGN_OPTIONS_INIT                                                                   \
	{                                                                                          \
		HSMIME_MAIL, HSMIME_FORMAT_AUTO, 0, NULL, 0, NULL, NULL, 0, 0, NULL                \
	}

/*
 * hsmime_sign(ctx, out, in, options):
 * Sign all of in with a key on a token. key_uri is a pkcs11: URI (RFC 7512), or what the
 * key's certificate says: an e-mail address, "subject=" and its subject (RFC 4514), some
 * attributes of that or the common name alone, or "serial=" and its serial number in
 * hexadecimal. Of several keys the one is taken whose certificate is valid now and fits;
 * several of these are HSMIME_ENOKEY, and the hint lists them. Return 0, HSMIME_EUSAGE,
 * HSMIME_EFORMAT (not a mail), HSMIME_ENOKEY, HSMIME_EPIN, HSMIME_ETOKEN,
 * HSMIME_EPOLICY, HSMIME_EUNSUPPORTED, HSMIME_EIO or HSMIME_ENOMEM.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_sign(hsmime_ctx *ctx, hsmime_output *out,
    const hsmime_source *in, const hsmime_sign_options *options);

/*
 * hsmime_ctx_made(ctx):
 * With what the last hsmime_sign, hsmime_encrypt or hsmime_rewrap on ctx made its message; after a
 * failure, as far as it came. Valid until the next call on ctx. Never NULL.
 */
HSMIME_API const hsmime_made *hsmime_ctx_made(const hsmime_ctx *ctx);

typedef struct hsmime_verify_options {
	enum hsmime_form form;
	enum hsmime_format format;    /* of the CMS read */
	const hsmime_source *content; /* the octets that a detached CMS signature covers */
	const hsmime_certs *anchors;  /* trust anchors; NULL: the system's store */
	const hsmime_certs
	    *certs;        /* signers' certificates and intermediates that the message lacks */
	int no_chain;      /* check the signatures alone */
	int partial_chain; /* a chain may end at an anchor that is not self-signed */
	int64_t at;        /* check certificates at this Unix time; HSMIME_NO_TIME: now */
	int no_check_time; /* don't check the certificates' validity times */
	int any_purpose;   /* don't ask for the S/MIME purpose */
	/* As hsmime_decrypt_options has it, of each encrypted layer: else HSMIME_EINVALID is the layer's status. */
	int require_message;
} hsmime_verify_options;
#define HSMIME_VERIFY_OPTIONS_INIT                                                                 \
	{                                                                                          \
		HSMIME_MAIL, HSMIME_FORMAT_AUTO, NULL, NULL, NULL, 0, 0, HSMIME_NO_TIME, 0, 0, 0   \
	}

/*
 * hsmime_verify(ctx, result, out, in, options):
 * Verify the signatures of in, layer by layer; encrypted layers are decrypted
 * with the tokens' keys. *result is set whenever a verdict was reached, and also
 * where an inner layer could not be opened: it then has the layers up to that one,
 * which is not marked opened, and the return value is that layer's status. It is NULL
 * where nothing is known of any layer, and after HSMIME_EIO, HSMIME_ENOMEM and
 * HSMIME_EINTERNAL. out, which may be NULL, takes the signed
 * content (of a mail: the signed entity), only when the verdict is valid.
 * Return 0 (every signature of every layer holds and is trusted as asked),
 * HSMIME_EINVALID, HSMIME_EFORMAT, HSMIME_EUNSUPPORTED, HSMIME_EUSAGE (a
 * malformed PIN source), HSMIME_EIO, HSMIME_ENOMEM, HSMIME_ENOKEY, HSMIME_EPIN,
 * HSMIME_ETOKEN or HSMIME_EPOLICY (more would have to wait than spool_max).
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_verify(hsmime_ctx *ctx, hsmime_result **result,
    hsmime_output *out, const hsmime_source *in, const hsmime_verify_options *options);

typedef struct hsmime_decrypt_options {
	enum hsmime_form form;
	enum hsmime_format format;   /* of the CMS read */
	const char *key_uri;         /* the key to decrypt with, or a name as for hsmime_sign; of
					several the one counts that the message is for; NULL:
					by the recipients */
	const hsmime_certs *certs;   /* certificates that match recipients to keys by public key */
	const hsmime_certs *anchors; /* for the verdict on a signature inside; NULL: not checked */
	int entity;                  /* mail: give the decrypted entity alone */
	int require_authenticated;   /* refuse CBC content (HSMIME_EPOLICY) */
	/*
	 * CBC content has to begin as a MIME entity or CMS; else it is as if it did not decrypt. One wrong
	 * key in 256 gives octets that look decrypted, and with this next to none of them passes.
	 */
	int require_message;
	int deep;   /* what is encrypted inside the mail too: see below */
	int64_t at; /* as hsmime_verify_options has it, with anchors */
} hsmime_decrypt_options;
#define HSMIME_DECRYPT_OPTIONS_INIT                                                                \
	{                                                                                          \
		HSMIME_MAIL, HSMIME_FORMAT_AUTO, NULL, NULL, NULL, 0, 0, 0, 0, HSMIME_NO_TIME      \
	}

/*
 * hsmime_decrypt(ctx, result, out, in, options):
 * Take the encryption layers of in off, down to the first signature, which
 * stays in the output and whose verdict is in *result (it does not change the
 * return value). *result is set on success, else NULL. Once a private key was
 * selected every failure to decrypt is HSMIME_EINVALID, whatever its cause
 * (RFC 8551 section 2.7 and 6, RFC 3218). Return 0, HSMIME_EINVALID,
 * HSMIME_EFORMAT, HSMIME_EUNSUPPORTED, HSMIME_EUSAGE (a malformed URI or PIN
 * source), HSMIME_ENOKEY, HSMIME_EPIN, HSMIME_ETOKEN, HSMIME_EPOLICY, HSMIME_EIO
 * or HSMIME_ENOMEM.
 *
 * With deep, every encrypted part of the mail that a key opens is replaced by what was in it, as a mail is: its header less
 * MIME-Version and Content-*, then the decrypted entity; all other octets stay. That is a part of a multipart, a
 * message/rfc822 that is attached, an attachment *.p7m, at any depth of MIME, and what is encrypted inside one of
 * these; also in a mail that is not encrypted outside. HSMIME_CMS: in the entity that comes out. What is in a part
 * has to be a MIME entity, of CBC content with or without require_message, and to have no line that would end a multipart
 * around it. Each of them is a layer, with its place; one that stays as it was is not opened, and its status says why:
 * HSMIME_ENOKEY, HSMIME_EINVALID, HSMIME_EFORMAT, HSMIME_EUNSUPPORTED, or HSMIME_EPOLICY, which with inside_signature
 * says that replacing it would break a signature. None of these fails the call, but that of the layer outside of all.
 * More than 8 layers inside each other stay, as does what is behind the 256th CMS part (not_searched). A mail that is not
 * encrypted outside, and of which nothing could be opened, is the first such status, or HSMIME_EFORMAT
 * where nothing is encrypted; *result is set then too, where there is a layer or not_searched to be told.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_decrypt(hsmime_ctx *ctx, hsmime_result **result,
    hsmime_output *out, const hsmime_source *in, const hsmime_decrypt_options *options);

/* What becomes of the recipients that a message has. */
enum hsmime_rewrap_old {
	HSMIME_REWRAP_REPLACE = 0, /* none of them stays */
	HSMIME_REWRAP_KEEP = 1     /* they stay, as they are; but for those in drop */
};

typedef struct hsmime_rewrap_options {
	enum hsmime_form form;
	enum hsmime_format format;      /* of the CMS read; it is written in the same */
	const char *key_uri;            /* as for hsmime_decrypt */
	const hsmime_certs *certs;      /* as for hsmime_decrypt */
	const hsmime_certs *recipients; /* who is added; with REPLACE at least one */
	const hsmime_certs *anchors;    /* as for hsmime_encrypt, as are the next three */
	enum hsmime_key_transport key_transport;
	int force_recipient;
	int recipient_key_id;
	enum hsmime_rewrap_old old;
	const hsmime_certs *drop; /* with KEEP: the certificates of those who don't stay; or NULL */
	int no_check;       /* don't prove the content key; only where all old recipients stay */
	int reencrypt;      /* encrypt the content anew, see below; with REPLACE alone */
	const char *cipher; /* with reencrypt: as for hsmime_encrypt; NULL: "aes-256-gcm" */
	int require_authenticated; /* with reencrypt: refuse CBC content (HSMIME_EPOLICY) */
} hsmime_rewrap_options;
#define HSMIME_REWRAP_OPTIONS_INIT                                                                 \
	{                                                                                          \
		HSMIME_MAIL, HSMIME_FORMAT_AUTO, NULL, NULL, NULL, NULL,                           \
		    HSMIME_KEY_TRANSPORT_AUTO, 0, 0, HSMIME_REWRAP_REPLACE, NULL, 0, 0, NULL, 0    \
	}

/*
 * hsmime_rewrap(ctx, result, out, in, options):
 * Give the outermost encryption layer of in other recipients without encrypting its content
 * again: the content key is taken by one operation of a token and encrypted for
 * options->recipients as hsmime_encrypt does it; the encrypted content, its attributes and its tag
 * are copied octet for octet, in one pass and constant memory at any size. A new recipient's
 * certificate is checked as for HSMIME_CMS: validity, key usage, chain with anchors, no address.
 * With KEEP, one who is added and was a recipient before is named anew only (with no_check both
 * ways).
 *
 * A mail keeps its header, octet for octet; base64 has lines as long as before, PEM its other
 * text up to the END line. Lengths stay definite or indefinite, level by level; DER stays DER.
 * The version is that of RFC 5652 section 6.1. What stands behind the CMS (trailing_octets) is not
 * copied.
 *
 * Before out is committed the content key is proved: AuthEnvelopedData by its tag over content and
 * attributes (RFC 5083, 5084); CBC, in either form, by decrypting all of the content to nothing, by
 * its padding, and by whether it begins as a MIME entity or as CMS. Content that does not is
 * HSMIME_EINVALID, as is every other failure to decrypt once a key was selected, with the same words
 * (RFC 8551 section 6, RFC 3218). no_check leaves all of that out.
 *
 * With reencrypt the content is decrypted and encrypted anew, with a content key of its own and the cipher of
 * choice, in the same pass and memory: plaintext is nowhere else. The content is proved as above, no_check is HSMIME_EUSAGE,
 * and so is KEEP, since the old recipients' entries have another content key. The output is
 * DER where the content has up to 64 KiB, else it has indefinite lengths; a mail's smime-type becomes
 * authEnveloped-data where it was enveloped-data and the cipher is GCM, the rest of the header stays. Authenticated
 * content never loses that: with a CBC cipher AuthEnvelopedData is HSMIME_EPOLICY, before a key is used. The
 * other way round GCM says of content that was CBC only that it did not change since (EFAIL): the layer's kind and
 * result->authenticated tell what it was. Attributes beside the content (authAttrs, unprotectedAttrs) are
 * HSMIME_EUNSUPPORTED, since they would be lost, and so is, with GCM, content of a type other than id-data; originatorInfo is left out. A key that unwraps only does it too.
 *
 * *result has the layer with its old recipients, and on success the new ones. It is set on success,
 * and after a failure where anything is known of a layer or that there is none to rewrap; NULL
 * after HSMIME_EUSAGE, HSMIME_EIO, HSMIME_ENOMEM and HSMIME_EINTERNAL. After HSMIME_EFORMAT with a
 * *result: no encrypted layer in it says that in is not encrypted at all (it may be signed); one
 * behind a signed layer, that the encryption lies inside a signature, which rewrapping would
 * break; one alone, that the message is malformed, or would have no recipient left, or too many.
 * The caller frees it with hsmime_result_free.
 *
 * Return 0, HSMIME_EINVALID, HSMIME_EFORMAT, HSMIME_EUNSUPPORTED (also: the token does not show the
 * content key, where a key unwraps only; a mail in quoted-printable), HSMIME_EUSAGE (also: options
 * that contradict each other), HSMIME_EPOLICY (a new recipient's certificate is refused, without a *result; nobody
 * would be left as a recipient; or more would have to wait than spool_max), HSMIME_ENOKEY, HSMIME_EPIN,
 * HSMIME_ETOKEN, HSMIME_EIO or HSMIME_ENOMEM.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_rewrap(hsmime_ctx *ctx, hsmime_result **result,
    hsmime_output *out, const hsmime_source *in, const hsmime_rewrap_options *options);

#ifdef __cplusplus
}
#endif

#endif
