#include "guard.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <hsmime/stream.h>

#include "prompt.h"

#ifndef __SANITIZE_ADDRESS__
#define SECURE_HEAP 32768 /* octets, a power of 2 */
/* OpenSSL's random generators of each thread are in it too. */
#define SECURE_HEAP_MANY (2 * 1024 * 1024)
#define SECURE_LEAST 32
#endif

/* By then the action is the default again (SA_RESETHAND): the signal ends the process. */
static void end_by(int signal)
{
	hsmime_output_remove_all();
	prompt_restore();
	raise(signal);
}

static void catch_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU, SIGALRM,
		SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2, SIGIO, SIGPWR, SIGSTKFLT };
	struct sigaction action = { .sa_handler = end_by, .sa_flags = SA_RESETHAND | SA_NODEFER };
	struct sigaction old;

	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigdelset(&action.sa_mask, signals[i]);
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
		sigaddset(&action.sa_mask, signals[i]);
	}
}

/*
 * The next file that is opened would get the number of a standard descriptor that is closed, and
 * with it what is meant for that one. The way round in which /dev/null is opened makes reading the
 * first and writing the others fail, as they would have.
 */
static void fill_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(6);
	}
}

void guard_start(bool many)
{
	struct rlimit none = { 0, 0 };

	fill_descriptors();
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	catch_signals();
	/* Nothing of openssl.cnf reaches the library's own context: the tool does not read it. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	/* AddressSanitizer sees nothing of what is in there, and of what only that points to. */
#ifndef __SANITIZE_ADDRESS__
	CRYPTO_secure_malloc_init(many ? SECURE_HEAP_MANY : SECURE_HEAP, SECURE_LEAST);
#else
	(void)many;
#endif
}
