/* proxy_pin: the tries of the user's PIN, the pin pad, and keys that ask for a login of their own. */
#ifndef TESTS_TOKEN_PROXY_PIN_H
#define TESTS_TOKEN_PROXY_PIN_H

#include <stdbool.h>

#include "proxy_session.h"

/* pin_login(c, user, pin, len): C_Login, passed on or not. */
CK_RV pin_login(struct call *c, CK_USER_TYPE user, unsigned char *pin, CK_ULONG len);

/* pin_seen(pin): C_Login got its PIN there. */
void pin_seen(const unsigned char *pin);

/* pin_init(c, pin, len), pin_set(c, ...): C_InitPIN and C_SetPIN, passed on or not. */
CK_RV pin_init(struct call *c, unsigned char *pin, CK_ULONG len);
CK_RV pin_set(struct call *c, unsigned char *old_pin, CK_ULONG old_len, unsigned char *new_pin,
    CK_ULONG new_len);

/* pin_operation(): what an operation gets while the PIN has to be changed, else CKR_OK. */
CK_RV pin_operation(void);

/* pin_token(info): the flags that C_GetTokenInfo gives. */
void pin_token(CK_TOKEN_INFO *info);

void pin_reset(void);

/* Of struct proxy. */
const unsigned char *pin_last(void);
void pin_pad(const char *const *answers, size_t count);
void pin_tries(unsigned long tries, int flags);
void pin_wrong_code(CK_RV rv);
void pin_change(int on);
unsigned long pin_wrong(void);
unsigned long pin_repeated(void);

#endif
