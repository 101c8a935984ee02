#include "engine/printed.h"

#include <string.h>

#include <hsmime/token.h>

/* A field of PKCS#11: padded with blanks, by some with NULs. */
void printed_text(char *out, const unsigned char *field, size_t size)
{
	size_t len = 0;

	while (len < size && field[len] != '\0')
		len++;
	while (len > 0 && field[len - 1] == ' ')
		len--;
	memcpy(out, field, len);
	out[len] = '\0';
}

static unsigned flags_of(CK_FLAGS f)
{
	static const struct {
		CK_FLAGS from;
		unsigned to;
	} map[] = {
		{ CKF_TOKEN_INITIALIZED, HSMIME_TOKEN_INITIALIZED },
		{ CKF_LOGIN_REQUIRED, HSMIME_TOKEN_LOGIN_REQUIRED },
		{ CKF_USER_PIN_INITIALIZED, HSMIME_TOKEN_PIN_INITIALIZED },
		{ CKF_PROTECTED_AUTHENTICATION_PATH, HSMIME_TOKEN_PIN_PAD },
		{ CKF_WRITE_PROTECTED, HSMIME_TOKEN_WRITE_PROTECTED },
		{ CKF_USER_PIN_COUNT_LOW, HSMIME_TOKEN_PIN_COUNT_LOW },
		{ CKF_USER_PIN_FINAL_TRY, HSMIME_TOKEN_PIN_FINAL_TRY },
		{ CKF_USER_PIN_LOCKED, HSMIME_TOKEN_PIN_LOCKED },
		{ CKF_USER_PIN_TO_BE_CHANGED, HSMIME_TOKEN_PIN_TO_BE_CHANGED },
		{ CKF_SO_PIN_COUNT_LOW, HSMIME_TOKEN_SO_PIN_COUNT_LOW },
		{ CKF_SO_PIN_FINAL_TRY, HSMIME_TOKEN_SO_PIN_FINAL_TRY },
		{ CKF_SO_PIN_LOCKED, HSMIME_TOKEN_SO_PIN_LOCKED },
		{ CKF_SO_PIN_TO_BE_CHANGED, HSMIME_TOKEN_SO_PIN_TO_BE_CHANGED },
	};
	unsigned flags = 0;

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		flags |= (f & map[i].from) != 0 ? map[i].to : 0;
	return flags;
}

void printed_token(struct printed *p, const CK_TOKEN_INFO *info, CK_SLOT_ID slot)
{
	printed_text(p->label, info->label, sizeof(info->label));
	printed_text(p->serial, info->serialNumber, sizeof(info->serialNumber));
	printed_text(p->manufacturer, info->manufacturerID, sizeof(info->manufacturerID));
	printed_text(p->model, info->model, sizeof(info->model));
	p->slot = slot;
	p->flags = flags_of(info->flags);
}

void printed_slot(char description[PRINTED_SLOT_ROOM], const CK_SLOT_INFO *info)
{
	printed_text(description, info->slotDescription, sizeof(info->slotDescription));
}
