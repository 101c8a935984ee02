/*
 * proxy_device: tokens that go and come, the slots that they show in, and who
 * waits for that.
 */
#ifndef TESTS_TOKEN_PROXY_DEVICE_H
#define TESTS_TOKEN_PROXY_DEVICE_H

#include <stdbool.h>

#include "proxy.h"

/* device_pad_label(padded, label): as CK_TOKEN_INFO has it. */
void device_pad_label(unsigned char *padded, const char *label);

/* device_inner_slot(slot): the inner module's slot behind one that we gave out. */
CK_SLOT_ID device_inner_slot(CK_SLOT_ID slot);

/* device_was_lost(): any token, ever. device_loses_readers(): who goes now takes its slot along. */
bool device_was_lost(void);
bool device_loses_readers(void);

/* device_slots(present, list, count): C_GetSlotList, with what is lost, hidden or double. */
CK_RV device_slots(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count);

/* device_slot_info(slot, info): what C_GetSlotInfo is to say beside the truth. */
void device_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info);

/* device_stale(slot, info): a token that is lost: whether *info is given all the same, once. */
bool device_stale(CK_SLOT_ID slot, CK_TOKEN_INFO *info);

/* device_token(info): what C_GetTokenInfo is to say beside the truth. */
void device_token(CK_TOKEN_INFO *info);

/* device_starts(): C_Initialize was called: what was lost before, goes now. */
void device_starts(void);

/* device_wait(flags, slot, reserved): C_WaitForSlotEvent. device_ends(): C_Finalize: nobody waits any more. */
CK_RV device_wait(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved);
void device_ends(void);

void device_reset(void);

/* Of struct proxy. */
void device_lose(const char *label);
void device_bring_back(void);
void device_change_cards(void);
void device_stale_info(int on);
void device_events(enum proxy_events how);
void device_hide_slots(int on);
void device_lose_readers(int on);
void device_twin_slots(int on);
void device_relabel(const char *label);
void device_set_flags(CK_FLAGS flags);
void device_report_sessions(unsigned long sessions);
void device_report_open(unsigned long sessions);

#endif
