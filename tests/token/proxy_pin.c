#include "proxy_pin.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy_key.h"

#define ANSWERS 9
#define PIN_ROOM 64
#define REFUSED 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Under the lock. */
static struct {
	const unsigned char *last; /* where the PIN of the last C_Login was */
	unsigned long limit, tries, wrong, repeated;
	bool flags;
	CK_RV wrong_code;
	bool change;
	char right[PIN_ROOM]; /* the user's, as far as it is known */
	bool right_known;
	uint64_t refused[REFUSED]; /* digests */
	size_t refused_count;
	bool pad, cancels[ANSWERS];
	char answers[ANSWERS][PIN_ROOM];
	size_t answer_count, answer;
} state = { .flags = true };

/* FNV-1a: to tell PINs of a test apart, not to hide them. */
static uint64_t digest(const unsigned char *pin, CK_ULONG len)
{
	uint64_t hash = 14695981039346656037U;

	for (CK_ULONG i = 0; i < len; i++)
		hash = (hash ^ pin[i]) * 1099511628211U;
	return hash;
}

/* Where $PROXY_TRIES names a file the wrong tries are kept there, for all processes. */
static void load_tries(void)
{
	const char *path = getenv("PROXY_TRIES");
	FILE *in = path != NULL ? fopen(path, "re") : NULL;
	char line[32] = "";

	if (in == NULL)
		return;
	if (fgets(line, sizeof(line), in) != NULL)
		state.tries = strtoul(line, NULL, 10);
	fclose(in);
}

static void save_tries(unsigned long tries)
{
	const char *path = getenv("PROXY_TRIES");
	FILE *out = path != NULL ? fopen(path, "we") : NULL;

	state.tries = tries;
	if (out == NULL)
		return;
	fprintf(out, "%lu\n", tries);
	fclose(out);
}

static bool locked(void)
{
	load_tries();
	return state.limit > 0 && state.tries >= state.limit;
}

static void note_wrong(const unsigned char *pin, CK_ULONG len)
{
	uint64_t hash = digest(pin, len);

	state.wrong++;
	for (size_t i = 0; i < state.refused_count; i++)
		if (state.refused[i] == hash) {
			state.repeated++;
			return;
		}
	if (state.refused_count < REFUSED)
		state.refused[state.refused_count++] = hash;
}

static void note_right(const unsigned char *pin, CK_ULONG len)
{
	state.right_known = len < PIN_ROOM;
	if (state.right_known) {
		memcpy(state.right, pin, len);
		state.right[len] = '\0';
	}
}

static CK_RV judge(CK_USER_TYPE user, CK_RV rv, const unsigned char *pin, CK_ULONG len)
{
	if (rv == CKR_OK && user == CKU_USER) {
		save_tries(0);
		note_right(pin, len);
		key_logged_in();
	}
	if (rv != CKR_PIN_INCORRECT || user == CKU_SO)
		return rv;
	note_wrong(pin, len);
	save_tries(state.tries + 1);
	return state.wrong_code != CKR_OK ? state.wrong_code : rv;
}

/* For a key that the proxy made ask: SoftHSM knows of no operation that would. */
static CK_RV login_to_operation(struct session *s, const unsigned char *pin, CK_ULONG len)
{
	if (s->logged_out)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (state.right_known && (len != strlen(state.right) || memcmp(pin, state.right, len) != 0))
		return CKR_PIN_INCORRECT;
	s->authenticated = true;
	return CKR_OK;
}

static CK_RV try_pin(struct call *c, CK_USER_TYPE user, unsigned char *pin, CK_ULONG len)
{
	struct session *s = c->session;
	bool ours =
	    user == CKU_CONTEXT_SPECIFIC && s != NULL && (s->must_authenticate || s->logged_out);
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&lock);
	if (user != CKU_SO && locked())
		rv = CKR_PIN_LOCKED;
	else if (ours)
		rv = judge(user, login_to_operation(s, pin, len), pin, len);
	pthread_mutex_unlock(&lock);
	if (rv != CKR_OK || ours)
		return rv;
	rv = proxy_inner->C_Login(c->inner, user, pin, len);
	if (rv == CKR_OK && s != NULL)
		s->logged_out = false;
	pthread_mutex_lock(&lock);
	rv = judge(user, rv, pin, len);
	pthread_mutex_unlock(&lock);
	return rv;
}

/* What the person at the pad does; CKR_OK with a copy of the PIN that is typed. */
static CK_RV ask_person(char *pin)
{
	size_t i;
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&lock);
	i = state.answer;
	if (state.answer + 1 < state.answer_count)
		state.answer++;
	if (state.answer_count == 0 || state.cancels[i])
		rv = CKR_FUNCTION_CANCELED;
	else
		memcpy(pin, state.answers[i], PIN_ROOM);
	pthread_mutex_unlock(&lock);
	return rv;
}

static bool has_pad(void)
{
	bool pad;

	pthread_mutex_lock(&lock);
	pad = state.pad;
	pthread_mutex_unlock(&lock);
	return pad;
}

/* A PIN that goes with a call, or that is typed at the pad: its place and length. */
static CK_RV take_pin(unsigned char **pin, CK_ULONG *len, char *typed)
{
	CK_RV rv;

	if (!has_pad())
		return CKR_OK;
	if (*pin != NULL)
		return CKR_ARGUMENTS_BAD;
	rv = ask_person(typed);
	*pin = (unsigned char *)typed;
	*len = rv == CKR_OK ? strlen(typed) : 0;
	return rv;
}

CK_RV pin_login(struct call *c, CK_USER_TYPE user, unsigned char *pin, CK_ULONG len)
{
	char typed[PIN_ROOM];
	CK_RV rv = take_pin(&pin, &len, typed);

	return rv == CKR_OK ? try_pin(c, user, pin, len) : rv;
}

/* A PIN that is new has no wrong tries, and need not be changed. */
static CK_RV changed(CK_RV rv)
{
	pthread_mutex_lock(&lock);
	if (rv == CKR_OK) {
		state.change = state.right_known = false;
		save_tries(0);
	}
	pthread_mutex_unlock(&lock);
	return rv;
}

CK_RV pin_init(struct call *c, unsigned char *pin, CK_ULONG len)
{
	char typed[PIN_ROOM];
	CK_RV rv = take_pin(&pin, &len, typed);

	return rv == CKR_OK ? changed(proxy_inner->C_InitPIN(c->inner, pin, len)) : rv;
}

CK_RV pin_set(struct call *c, unsigned char *old_pin, CK_ULONG old_len, unsigned char *new_pin,
    CK_ULONG new_len)
{
	char old_typed[PIN_ROOM], new_typed[PIN_ROOM];
	CK_RV rv = take_pin(&old_pin, &old_len, old_typed);

	if (rv == CKR_OK)
		rv = take_pin(&new_pin, &new_len, new_typed);
	pthread_mutex_lock(&lock);
	if (rv == CKR_OK && locked())
		rv = CKR_PIN_LOCKED;
	pthread_mutex_unlock(&lock);
	if (rv != CKR_OK)
		return rv;
	rv = proxy_inner->C_SetPIN(c->inner, old_pin, old_len, new_pin, new_len);
	pthread_mutex_lock(&lock);
	rv = judge(CKU_CONTEXT_SPECIFIC, rv, old_pin, old_len);
	pthread_mutex_unlock(&lock);
	return changed(rv);
}

CK_RV pin_operation(void)
{
	CK_RV rv;

	pthread_mutex_lock(&lock);
	rv = state.change ? CKR_PIN_EXPIRED : CKR_OK;
	pthread_mutex_unlock(&lock);
	return rv;
}

/* Under the lock: the flags that the tries so far set. */
static CK_FLAGS flags_of_tries(void)
{
	CK_FLAGS flags = state.tries > 0 ? CKF_USER_PIN_COUNT_LOW : 0;

	if (locked())
		return CKF_USER_PIN_LOCKED;
	if (state.tries + 1 >= state.limit)
		flags |= CKF_USER_PIN_FINAL_TRY;
	return flags;
}

void pin_token(CK_TOKEN_INFO *info)
{
	const CK_FLAGS own = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;

	pthread_mutex_lock(&lock);
	if (!state.flags || state.limit > 0)
		info->flags &= ~own;
	if (state.flags && state.limit > 0) {
		load_tries();
		info->flags |= flags_of_tries();
	}
	if (state.change)
		info->flags |= CKF_USER_PIN_TO_BE_CHANGED;
	if (state.pad)
		info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	pthread_mutex_unlock(&lock);
}

void pin_reset(void)
{
	pthread_mutex_lock(&lock);
	memset(&state, 0, sizeof(state));
	state.flags = true;
	pthread_mutex_unlock(&lock);
}

void pin_seen(const unsigned char *pin)
{
	pthread_mutex_lock(&lock);
	state.last = pin;
	pthread_mutex_unlock(&lock);
}

const unsigned char *pin_last(void)
{
	const unsigned char *last;

	pthread_mutex_lock(&lock);
	last = state.last;
	pthread_mutex_unlock(&lock);
	return last;
}

void pin_pad(const char *const *answers, size_t count)
{
	pthread_mutex_lock(&lock);
	state.pad = true;
	state.answer = 0;
	state.answer_count = count < ANSWERS ? count : ANSWERS;
	for (size_t i = 0; i < state.answer_count; i++) {
		state.cancels[i] = answers[i] == NULL;
		snprintf(state.answers[i], PIN_ROOM, "%s", answers[i] != NULL ? answers[i] : "");
	}
	pthread_mutex_unlock(&lock);
}

void pin_tries(unsigned long tries, int flags)
{
	pthread_mutex_lock(&lock);
	state.limit = tries;
	state.flags = flags != 0;
	pthread_mutex_unlock(&lock);
}

void pin_wrong_code(CK_RV rv)
{
	pthread_mutex_lock(&lock);
	state.wrong_code = rv;
	pthread_mutex_unlock(&lock);
}

void pin_change(int on)
{
	pthread_mutex_lock(&lock);
	state.change = on != 0;
	pthread_mutex_unlock(&lock);
}

unsigned long pin_wrong(void)
{
	unsigned long wrong;

	pthread_mutex_lock(&lock);
	wrong = state.wrong;
	pthread_mutex_unlock(&lock);
	return wrong;
}

unsigned long pin_repeated(void)
{
	unsigned long repeated;

	pthread_mutex_lock(&lock);
	repeated = state.repeated;
	pthread_mutex_unlock(&lock);
	return repeated;
}
