/*
 * pin_turn: of several processes that have the same PIN for the same token one sends it, and the
 * others wait for what comes of it: a wrong one costs one try. A turn is a file with the name and
 * the process of who has it; who died has none any more. No lock is held.
 */
#ifndef ENGINE_PIN_TURN_H
#define ENGINE_PIN_TURN_H

#include <stdbool.h>

#define PIN_TURN_WAIT 30 /* seconds that one process's login is waited for */

/*
 * pin_turn_take(folder, name, record, state, label):
 * Wait for the turn of the try with that name; record is a file of this process's own. Returns
 * whether this process has it, and then gives it back by pin_turn_leave(folder, name). False where
 * somebody takes too long, where the PIN in that state was accepted meanwhile, or where the file
 * system has no links: nobody else is waited for then.
 */
bool pin_turn_take(
    int folder, const char *name, const char *record, const char *state, const char *label);
void pin_turn_leave(int folder, const char *name);

#endif
