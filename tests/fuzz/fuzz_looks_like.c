/* Any octets as the beginning of content: the first ones decide, and what is a ContentInfo is content. */
#include "fuzz.h"

#include "cms/cms.h"
#include "mail/looks_like.h"
#include "util/ber_reader.h"

/* A message of a known type, as the reader takes it, with lengths of one or two octets, or indefinite. */
static int is_cms(const uint8_t *data, size_t len)
{
	hsmime_memory memory;
	hsmime_source in = fuzz_source(&memory, data, len);
	enum cms_type type = CMS_UNKNOWN;
	struct error err = { .code = 0 };
	struct cms_env env = { .err = &err };
	struct ber_reader r;

	holds(ber_open(&r, &in, &err) == 0);
	(void)!cms_content_info_enter(&type, &r, &env);
	ber_close(&r);
	return type != CMS_UNKNOWN && (data[1] <= 0x80      ? data[3]
					  : data[1] == 0x82 ? data[5]
							    : 0x80) < 0x80;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int info = looks_like_content_info(data, len);

	holds(!info || looks_like_content(data, len));
	holds(!is_cms(data, len) || info);
	for (size_t n = 0; n <= len && n <= LOOKS_LIKE_TYPE; n++)
		holds(!looks_like_content_info(data, n) || info);
	holds(
	    !info || looks_like_content_info(data, len < LOOKS_LIKE_TYPE ? len : LOOKS_LIKE_TYPE));
	return 0;
}
