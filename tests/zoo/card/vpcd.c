#include "vpcd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum control { POWER_OFF, POWER_ON, RESET, ATR = 4 };

static volatile sig_atomic_t present = 1, ended;
static sigset_t while_waiting; /* the signals are let in only there, so that none is missed */

static void note(int sig)
{
	if (sig == SIGUSR1 || sig == SIGUSR2)
		present = sig == SIGUSR2;
	else
		ended = 1;
}

static void watch_signals(void)
{
	static const int watched[] = { SIGUSR1, SIGUSR2, SIGTERM, SIGINT };
	struct sigaction action = { .sa_handler = note };
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		sigaddset(&blocked, watched[i]);
		sigaction(watched[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &while_waiting);
}

/* Whether there is something to read, or (fd -1) a signal came. */
static bool wait_for(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return ppoll(&p, fd >= 0 ? 1 : 0, NULL, &while_waiting) > 0;
}

/* The reader writes length and content apart and waits: a late ACK costs 40 ms for each APDU. */
static void acknowledge_at_once(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

/* All of them, or the connection is over: the reader's end, or the card's. */
static bool receive(int fd, uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n;

		if (!wait_for(fd)) {
			if (ended || !present)
				return false;
			continue;
		}
		acknowledge_at_once(fd);
		n = recv(fd, data, len, 0);
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static bool transfer(int fd, const uint8_t *data, size_t len)
{
	static uint8_t message[2 + VPCD_MESSAGE_MAX];

	message[0] = (uint8_t)(len >> 8);
	message[1] = (uint8_t)len;
	memcpy(message + 2, data, len);
	return send(fd, message, 2 + len, MSG_NOSIGNAL) == (ssize_t)(2 + len);
}

/* Only the question for the ATR has an answer. */
static bool obey(int fd, const struct vpcd_card *card, uint8_t control)
{
	uint8_t atr[VPCD_ATR_MAX] = { 0 };

	if (control == ATR)
		return transfer(fd, atr, card->atr(card->arg, atr));
	if (control == POWER_OFF || control == POWER_ON || control == RESET)
		card->reset(card->arg);
	return true;
}

static bool answer_one(int fd, const struct vpcd_card *card)
{
	static uint8_t command[VPCD_MESSAGE_MAX], answer[VPCD_MESSAGE_MAX];
	uint8_t header[2];
	size_t len;

	if (!receive(fd, header, sizeof(header)))
		return false;
	len = (size_t)header[0] << 8 | header[1];
	if (!receive(fd, command, len))
		return false;
	if (len == 1)
		return obey(fd, card, command[0]);
	return transfer(fd, answer, card->transmit(card->arg, answer, command, len));
}

static int put_in(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		fprintf(stderr, "no virtual reader on port %u: %s\n", port, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* The reader's end, while the card is in, ends the card too. */
static int stay_in(const struct vpcd_card *card, uint16_t port)
{
	int fd = put_in(port);

	if (fd < 0)
		return 1;
	card->reset(card->arg);
	while (answer_one(fd, card))
		;
	close(fd);
	if (present)
		ended = 1;
	return 0;
}

int vpcd_serve(const struct vpcd_card *card, uint16_t port)
{
	int status = 0;

	watch_signals();
	while (!ended && status == 0) {
		if (present)
			status = stay_in(card, port);
		else
			wait_for(-1);
	}
	return status;
}
