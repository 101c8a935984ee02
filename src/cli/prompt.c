#include "prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "progress.h"
#include "text/utf8.h"

static struct termios saved;
static volatile sig_atomic_t hidden_fd = -1;

/* What was typed and not read is discarded (TCSAFLUSH): it may be the rest of a PIN. */
void prompt_restore(void)
{
	int fd = hidden_fd;

	if (fd >= 0)
		tcsetattr(fd, TCSAFLUSH, &saved);
	hidden_fd = -1;
}

/* Suspending is off meanwhile: the shell would come back without an echo. */
static bool hide(int fd)
{
	struct termios quiet;

	if (tcgetattr(fd, &saved) != 0)
		return false;
	quiet = saved;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	quiet.c_cc[VSUSP] = _POSIX_VDISABLE;
	hidden_fd = fd;
	if (tcsetattr(fd, TCSAFLUSH, &quiet) == 0)
		return true;
	hidden_fd = -1;
	return false;
}

/* The next character: '\n' at the end of the line, 0 where there is no line any more. */
static char read_char(int fd)
{
	char c = 0;
	ssize_t n;

	do {
		n = read(fd, &c, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		return 0;
	return c == '\r' ? '\n' : c;
}

/*
 * One line without its end; -1 where it is longer than size or was broken off, which is no answer.
 * No other buffer sees it.
 */
static ptrdiff_t read_line(int fd, char *text, size_t size)
{
	size_t len = 0;
	char c;

	while ((c = read_char(fd)) != '\n') {
		if (len == size || c == 0) {
			OPENSSL_cleanse(text, len);
			return -1;
		}
		text[len++] = c;
	}
	return (ptrdiff_t)len;
}

static bool confirmed(FILE *tty)
{
	char answer[16];
	ptrdiff_t len;

	fputs("This is the last try: a wrong PIN locks the token.\n"
	      "Type yes to go on: ",
	    tty);
	fflush(tty);
	len = read_line(fileno(tty), answer, sizeof(answer));
	return len == 3 && memcmp(answer, "yes", 3) == 0;
}

static void print_question(FILE *tty, const hsmime_pin_request *request)
{
	static const char *const what[] = { [HSMIME_PIN_USER] = "PIN of the token ",
		[HSMIME_PIN_SO] = "Security officer's PIN of the token ",
		[HSMIME_PIN_PUK] = "PUK of the token ",
		[HSMIME_PIN_NEW] = "New PIN for the token ",
		[HSMIME_PIN_NEW_SO] = "New security officer's PIN for the token " };
	bool is_new = request->kind == HSMIME_PIN_NEW || request->kind == HSMIME_PIN_NEW_SO;

	fputs(what[request->kind], tty);
	utf8_print(tty, request->token_label);
	if (!is_new && request->purpose != NULL && request->purpose[0] != '\0') {
		fputs(" to ", tty);
		utf8_print(tty, request->purpose);
	}
	if (request->key != NULL) {
		fputs(" with the key ", tty);
		utf8_print(tty, request->key);
	}
	if (request->again)
		fputs(", again", tty);
	else if (is_new && request->max_len > 0)
		fprintf(tty, " (%zu to %zu characters)", request->min_len, request->max_len);
}

/* What a key like Ctrl-Z or an arrow leaves in the line; as a PIN it would cost a try. */
static bool has_control(const char *text, ptrdiff_t len)
{
	for (ptrdiff_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return true;
	return false;
}

static ptrdiff_t refuse_control(FILE *tty, char *pin, ptrdiff_t len)
{
	OPENSSL_cleanse(pin, (size_t)len);
	fputs("There was a control character in it (Ctrl-Z, an arrow, …): it was not used.\n", tty);
	return HSMIME_EPIN;
}

static ptrdiff_t ask(FILE *tty, const hsmime_pin_request *request, char *pin, size_t size)
{
	int fd = fileno(tty);
	ptrdiff_t len;

	/* First, since it discards what was typed before: who sees the question may answer. */
	if (!hide(fd))
		return HSMIME_EPIN;
	print_question(tty, request);
	fputs(": ", tty);
	fflush(tty);
	len = read_line(fd, pin, size);
	prompt_restore();
	putc('\n', tty);
	if (has_control(pin, len))
		return refuse_control(tty, pin, len);
	return len > 0 ? len : HSMIME_EPIN;
}

/* The token's own pad asks for the PIN, and waits for it as long as it likes. */
static ptrdiff_t tell_pad(FILE *tty, const hsmime_pin_request *request, char *answer)
{
	fputs("Type on the PIN pad: ", tty);
	print_question(tty, request);
	putc('\n', tty);
	answer[0] = 'y';
	return 1;
}

bool prompt_erase(const char *label, const char *serial, const char *word)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	char answer[256];
	ptrdiff_t len;

	if (tty == NULL)
		return false;
	fputs("All keys and certificates on the token ", tty);
	utf8_print(tty, label);
	fputs(" (serial number ", tty);
	utf8_print(tty, serial);
	fputs(") will be lost.\nType the label that it is to have to go on: ", tty);
	fflush(tty);
	len = read_line(fileno(tty), answer, sizeof(answer));
	fclose(tty);
	return len > 0 && (size_t)len == strlen(word) && memcmp(answer, word, (size_t)len) == 0;
}

bool prompt_possible(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

ptrdiff_t prompt_pin(void *arg, const hsmime_pin_request *request, char *pin, size_t size)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	ptrdiff_t len = HSMIME_EPIN;

	(void)arg;
	if (tty == NULL)
		return HSMIME_EPIN;
	progress_clear();
	if (request->count_low && !request->final_try)
		fputs("Careful: a wrong PIN was given to this token before.\n", tty);
	if (!request->final_try || confirmed(tty))
		len = request->pin_pad ? tell_pad(tty, request, pin) : ask(tty, request, pin, size);
	fclose(tty);
	return len;
}
