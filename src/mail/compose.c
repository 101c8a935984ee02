#include "mail/compose.h"

#include <string.h>

#include <openssl/rand.h>

#include "util/buffer.h"
#include "util/crlf.h"
#include "util/sink.h"

#define TEXT_MAX 1024

/* Write text, whose lines end with LF, with the ending asked for; free it. */
static int put_text(const hsmime_sink *sink, struct buffer *text, bool crlf)
{
	struct crlf_sink lines;
	hsmime_sink out;
	int status = text->status;

	crlf_sink_open(&out, &lines, sink, crlf);
	if (status == 0)
		status = sink_write(&out, text->data, text->len);
	buffer_free(text);
	return status;
}

/* "=_" can't stand in quoted-printable, nor '_' in base64 (RFC 2045 section 6.7). */
int compose_boundary(char boundary[COMPOSE_BOUNDARY_SIZE])
{
	static const char prefix[] = "=_hsmime_", digits[] = "0123456789abcdef";
	unsigned char random[16];
	size_t at = strlen(prefix);

	memset(boundary, 0, COMPOSE_BOUNDARY_SIZE);
	if (RAND_bytes(random, sizeof(random)) != 1)
		return HSMIME_EINTERNAL;
	memcpy(boundary, prefix, sizeof(prefix));
	for (size_t i = 0; i < sizeof(random); i++) {
		boundary[at++] = digits[random[i] >> 4];
		boundary[at++] = digits[random[i] & 15];
	}
	return 0;
}

int compose_signed_start(
    const hsmime_sink *sink, const char *boundary, const char *micalg, bool crlf)
{
	struct buffer text;

	buffer_init(&text, TEXT_MAX);
	buffer_printf(&text,
	    "MIME-Version: 1.0\n"
	    "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\n"
	    "\tmicalg=\"%s\"; boundary=\"%s\"\n"
	    "\n"
	    "This is an S/MIME signed message.\n"
	    "\n--%s\n",
	    micalg, boundary, boundary);
	return put_text(sink, &text, crlf);
}

int compose_signed_middle(const hsmime_sink *sink, const char *boundary, bool crlf)
{
	struct buffer text;

	buffer_init(&text, TEXT_MAX);
	buffer_printf(&text,
	    "\n--%s\n"
	    "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\n"
	    "Content-Transfer-Encoding: base64\n"
	    "Content-Disposition: attachment; filename=\"smime.p7s\"\n"
	    "\n",
	    boundary);
	return put_text(sink, &text, crlf);
}

int compose_signed_end(const hsmime_sink *sink, const char *boundary, bool crlf)
{
	struct buffer text;

	buffer_init(&text, TEXT_MAX);
	buffer_printf(&text, "\n--%s--\n", boundary);
	return put_text(sink, &text, crlf);
}

int compose_cms_header(const hsmime_sink *sink, enum compose_cms what, bool mime_version, bool crlf)
{
	/* RFC 8551 section 3.2.2 */
	static const char *const smime_types[] = {
		[COMPOSE_SIGNED] = "signed-data",
		[COMPOSE_ENVELOPED] = "enveloped-data",
		[COMPOSE_AUTH_ENVELOPED] = "authEnveloped-data",
	};
	struct buffer text;

	buffer_init(&text, TEXT_MAX);
	buffer_printf(&text,
	    "%sContent-Type: application/pkcs7-mime; smime-type=%s;\n"
	    "\tname=\"smime.p7m\"\n"
	    "Content-Transfer-Encoding: base64\n"
	    "Content-Disposition: attachment; filename=\"smime.p7m\"\n"
	    "\n",
	    mime_version ? "MIME-Version: 1.0\n" : "", smime_types[what]);
	return put_text(sink, &text, crlf);
}
