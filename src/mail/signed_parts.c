#include "mail/signed_parts.h"

int signed_parts_find(
    struct signed_parts *out, const struct structure *s, size_t part, struct error *err)
{
	const struct part *content, *signature;
	size_t children[2] = { 0, 0 };
	size_t count;
	int status;

	*out = (struct signed_parts){ 0 };
	if (part >= s->count || s->parts[part].kind != ENTITY_SIGNED)
		return error_set(
		    err, HSMIME_EFORMAT, "this is no multipart/signed with an S/MIME signature");
	status = structure_judge(s, part, err);
	if (status != 0)
		return status;
	count = structure_children(s, part, children, 2);
	if (count != 2)
		return error_set(err, HSMIME_EFORMAT,
		    "the multipart/signed has %zu parts instead of content and signature", count);
	content = &s->parts[children[0]];
	signature = &s->parts[children[1]];
	if (!signature->signature)
		return error_set(err, HSMIME_EFORMAT,
		    "the second part of the multipart/signed is %s/%s, not "
		    "application/pkcs7-signature",
		    signature->type, signature->subtype);
	*out = (struct signed_parts){
		.content_start = content->start,
		.content_end = content->end,
		.signature_start = signature->body,
		.signature_end = signature->end,
		.signature_encoding = signature->encoding,
		.content_part = children[0],
	};
	return 0;
}
