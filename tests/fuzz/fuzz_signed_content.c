/* Any octets as signed content: what passes has no part that reads in two ways. */
#include "fuzz.h"

#include "mail/signed_content.h"
#include "mail/structure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	hsmime_memory memory;
	hsmime_source in = fuzz_source(&memory, data, len);
	struct structure s;
	struct error err = { .code = 0 };
	int status = signed_content_judge(&in, &err);

	holds(status == err.code && (status == 0 || status == HSMIME_EFORMAT));
	in = fuzz_source(&memory, data, len);
	if (structure_scan(&s, &in, NULL) == 0)
		holds(structure_judge(&s, 0, NULL) == status);
	structure_free(&s);
	return 0;
}
