#include "engine/printed.h"

#include <stdio.h>
#include <string.h>

#include <hsmime/token.h>

static void print(char *out, size_t room, const char *s)
{
	snprintf(out, room, "%s", s != NULL ? s : "");
}

/* A field of PKCS#11: padded with blanks, by some with NULs. */
static void trim(char *out, const unsigned char *field, size_t size)
{
	size_t len = 0;

	while (len < size && field[len] != '\0')
		len++;
	while (len > 0 && field[len - 1] == ' ')
		len--;
	memcpy(out, field, len);
	out[len] = '\0';
}

/* Flags of CK_TOKEN_INFO and libp11's fields for them. */
static unsigned flags_of_libp11(const PKCS11_TOKEN *p)
{
	return (p->initialized ? HSMIME_TOKEN_INITIALIZED : 0) |
	       (p->loginRequired ? HSMIME_TOKEN_LOGIN_REQUIRED : 0) |
	       (p->userPinSet ? HSMIME_TOKEN_PIN_INITIALIZED : 0) |
	       (p->secureLogin ? HSMIME_TOKEN_PIN_PAD : 0) |
	       (p->readOnly ? HSMIME_TOKEN_WRITE_PROTECTED : 0) |
	       (p->userPinCountLow ? HSMIME_TOKEN_PIN_COUNT_LOW : 0) |
	       (p->userPinFinalTry ? HSMIME_TOKEN_PIN_FINAL_TRY : 0) |
	       (p->userPinLocked ? HSMIME_TOKEN_PIN_LOCKED : 0) |
	       (p->userPinToBeChanged ? HSMIME_TOKEN_PIN_TO_BE_CHANGED : 0);
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
	};
	unsigned flags = 0;

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		flags |= (f & map[i].from) != 0 ? map[i].to : 0;
	return flags;
}

void printed_libp11(struct printed *p, PKCS11_SLOT *s)
{
	print(p->label, sizeof(p->label), s->token->label);
	print(p->serial, sizeof(p->serial), s->token->serialnr);
	print(p->manufacturer, sizeof(p->manufacturer), s->token->manufacturer);
	print(p->model, sizeof(p->model), s->token->model);
	print(p->slot_description, sizeof(p->slot_description), s->description);
	print(p->slot_manufacturer, sizeof(p->slot_manufacturer), s->manufacturer);
	p->slot = PKCS11_get_slotid_from_slot(s);
	p->flags = flags_of_libp11(s->token);
}

void printed_token(struct printed *p, const CK_TOKEN_INFO *info)
{
	trim(p->label, info->label, sizeof(info->label));
	trim(p->serial, info->serialNumber, sizeof(info->serialNumber));
	trim(p->manufacturer, info->manufacturerID, sizeof(info->manufacturerID));
	trim(p->model, info->model, sizeof(info->model));
	p->flags = flags_of(info->flags);
}

void printed_slot(struct printed *p, CK_SLOT_ID slot, const CK_SLOT_INFO *info)
{
	trim(p->slot_description, info->slotDescription, sizeof(info->slotDescription));
	trim(p->slot_manufacturer, info->manufacturerID, sizeof(info->manufacturerID));
	p->slot = slot;
}
