#include "dialog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <assuan.h>
#include <openssl/crypto.h>

#define LINE 1000 /* octets that a line of Assuan has at most */

static void *secure_new(size_t size)
{
	return CRYPTO_secure_malloc_initialized() ? OPENSSL_secure_malloc(size) : malloc(size);
}

/* Plain memory is wiped by libassuan, as far as a PIN comes into it. */
static void secure_free(void *p)
{
	if (p != NULL && CRYPTO_secure_allocated(p))
		OPENSSL_secure_clear_free(p, OPENSSL_secure_actual_size(p));
	else
		free(p);
}

static void *secure_resize(void *p, size_t size)
{
	size_t had = p != NULL && CRYPTO_secure_allocated(p) ? OPENSSL_secure_actual_size(p) : 0;
	void *grown;

	if (p != NULL && had == 0)
		return realloc(p, size);
	grown = secure_new(size);
	if (grown == NULL || p == NULL)
		return grown;
	memcpy(grown, p, had < size ? had : size);
	secure_free(p);
	return grown;
}

/* Nothing is logged, whatever the environment asks libassuan for. */
static int log_nothing(assuan_context_t ctx, void *hook, unsigned int cat, const char *text)
{
	(void)ctx;
	(void)hook;
	(void)cat;
	(void)text;
	return 0;
}

struct answer {
	char *pin;
	size_t len;
	size_t room;
	bool too_long;
};

/* A long answer comes in several pieces. */
static gpg_error_t take(void *arg, const void *data, size_t len)
{
	struct answer *a = arg;

	if (len > a->room - a->len)
		a->too_long = true;
	if (a->too_long)
		return 0;
	memcpy(a->pin + a->len, data, len);
	a->len += len;
	return 0;
}

/* Cut where a line ends, which is nowhere where the text is as short as it should be. */
static void escape(char *out, size_t size, const char *text)
{
	size_t used = strlen(out);

	for (; *text != '\0' && used + 4 <= size; text++) {
		if (*text == '%' || *text == '\n' || *text == '\r')
			snprintf(out + used, size - used, "%%%02X", (unsigned char)*text);
		else
			snprintf(out + used, size - used, "%c", *text);
		used += strlen(out + used);
	}
}

static gpg_error_t send_line(assuan_context_t ctx, const char *command, const char *text)
{
	char line[LINE];

	snprintf(line, sizeof(line), "%s ", command);
	escape(line, sizeof(line), text);
	return assuan_transact(ctx, line, NULL, NULL, NULL, NULL, NULL, NULL);
}

/* What one kind of pinentry has no use for, it need not know. */
static void set_options(assuan_context_t ctx, const char *const *options)
{
	for (size_t i = 0; options[i] != NULL; i++)
		(void)send_line(ctx, "OPTION", options[i]);
}

struct patience {
	unsigned limit;
	bool over;
};

/*
 * Before the question nothing waits for a person. A program that says nothing then is killed:
 * libassuan waits for its end. poll's errors are read's too.
 */
static ssize_t read_in_time(assuan_context_t ctx, assuan_fd_t fd, void *buffer, size_t size)
{
	struct patience *p = assuan_get_pointer(ctx);
	struct pollfd input = { fd, POLLIN, 0 };

	if (p->limit == 0 || poll(&input, 1, (int)p->limit) != 0)
		return __assuan_read(ctx, fd, buffer, size);
	p->over = true;
	kill(assuan_get_pid(ctx), SIGKILL);
	errno = ETIMEDOUT;
	return -1;
}

static void limit_reading(assuan_context_t ctx, struct patience *p)
{
	struct assuan_system_hooks hooks = { .version = ASSUAN_SYSTEM_HOOKS_VERSION,
		.usleep = __assuan_usleep,
		.pipe = __assuan_pipe,
		.close = __assuan_close,
		.read = read_in_time,
		.write = __assuan_write,
		.recvmsg = __assuan_recvmsg,
		.sendmsg = __assuan_sendmsg,
		.spawn = __assuan_spawn,
		.waitpid = __assuan_waitpid,
		.socketpair = __assuan_socketpair,
		.socket = __assuan_socket,
		.connect = __assuan_connect };

	assuan_set_pointer(ctx, p);
	assuan_ctx_set_system_hooks(ctx, &hooks);
}

static gpg_error_t ask(assuan_context_t ctx, const struct dialog *d, struct answer *a)
{
	static const char *const commands[] = {
		[DIALOG_PIN] = "GETPIN", [DIALOG_CONFIRM] = "CONFIRM", [DIALOG_MESSAGE] = "MESSAGE"
	};
	gpg_error_t e;

	set_options(ctx, d->options);
	e = send_line(ctx, "SETTITLE", d->title);
	if (e == 0)
		e = send_line(ctx, "SETDESC", d->description);
	if (e == 0 && d->kind == DIALOG_PIN)
		e = send_line(ctx, "SETPROMPT", d->prompt);
	if (e != 0)
		return e;
	((struct patience *)assuan_get_pointer(ctx))->limit = 0;
	assuan_begin_confidential(ctx);
	e = assuan_transact(ctx, commands[d->kind], take, a, NULL, NULL, NULL, NULL);
	assuan_end_confidential(ctx);
	return e;
}

/* Of what happens where no window can be shown, libassuan tells little. */
static const char *reason(gpg_error_t e)
{
	switch (gpg_err_code(e)) {
	case GPG_ERR_ASS_CONNECT_FAILED:
		return "it can't be started";
	case GPG_ERR_EOF:
		return "it ended without an answer, as where no display lets it in";
	case GPG_ERR_ENOTTY:
		return "it has neither a display that lets it in nor a terminal";
	case GPG_ERR_ETIMEDOUT:
		return "it does not speak as a pinentry does, or hangs (--call-limit)";
	case GPG_ERR_TIMEOUT:
		return "nobody answered in time";
	default:
		return gpg_strerror(e);
	}
}

static ptrdiff_t judge(gpg_error_t e, const struct dialog *d, struct answer *a, const char **why)
{
	switch (gpg_err_code(e)) {
	case GPG_ERR_NO_ERROR:
		*why = "its answer is too long";
		if (a->too_long)
			return -1;
		return d->kind == DIALOG_PIN ? (ptrdiff_t)a->len : 1;
	case GPG_ERR_CANCELED:
	case GPG_ERR_FULLY_CANCELED:
	case GPG_ERR_NOT_CONFIRMED:
		return 0;
	default:
		*why = reason(e);
		return -1;
	}
}

/*
 * In the program's process: it ends by the signals that end others, though this thread may take none,
 * and with the thread that asks, so that no window stays for nobody.
 */
static void take_signals(void *arg, int reserved)
{
	sigset_t none;

	(void)arg;
	(void)reserved;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
}

ptrdiff_t dialog_run(const struct dialog *d, char *pin, size_t size, const char **why)
{
	struct assuan_malloc_hooks hooks = { secure_new, secure_resize, secure_free };
	const char *argv[] = { d->program, NULL };
	assuan_fd_t none[] = { ASSUAN_INVALID_FD };
	struct answer a = { pin, 0, size, false };
	struct patience patience = { d->limit, false };
	assuan_context_t ctx = NULL;
	ptrdiff_t result;
	gpg_error_t e = assuan_new_ext(&ctx, GPG_ERR_SOURCE_USER_1, &hooks, log_nothing, NULL);

	if (e == 0)
		limit_reading(ctx, &patience);
	if (e == 0)
		e = assuan_pipe_connect(ctx, d->program, argv, none, take_signals, NULL, 0);
	if (e == 0)
		e = ask(ctx, d, &a);
	if (patience.over)
		e = gpg_error(GPG_ERR_ETIMEDOUT);
	result = judge(e, d, &a, why);
	assuan_release(ctx);
	if (result <= 0)
		OPENSSL_cleanse(pin, a.len);
	return result;
}
