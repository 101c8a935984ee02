#include "proxy_wait.h"

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "proxy_control.h"

struct waiter {
	int fd;
	struct waiter *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct waiter *waiters;

static void enter(struct waiter *w)
{
	w->fd = eventfd(0, EFD_CLOEXEC);
	if (w->fd < 0)
		abort();
	pthread_mutex_lock(&lock);
	w->next = waiters;
	waiters = w;
	pthread_mutex_unlock(&lock);
}

static void leave(struct waiter *w)
{
	struct waiter **at = &waiters;

	pthread_mutex_lock(&lock);
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	pthread_mutex_unlock(&lock);
	close(w->fd);
}

/* The folder: the file may be replaced, or not be there yet. -1: no control file. */
static int watch_control(void)
{
	const char *folder = control_folder();
	int fd = folder != NULL ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;

	if (fd >= 0 && inotify_add_watch(fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_MODIFY) < 0)
		abort();
	return fd;
}

static void sleep_till_woken(int event, int control)
{
	struct pollfd fds[2] = { { .fd = event, .events = POLLIN },
		{ .fd = control, .events = POLLIN } };
	char buf[4096];
	uint64_t n = 0;

	if (poll(fds, control >= 0 ? 2 : 1, -1) <= 0)
		return;
	if (fds[0].revents != 0 && read(event, &n, sizeof(n)) < 0)
		abort();
	while (fds[1].revents != 0 && read(control, buf, sizeof(buf)) > 0)
		;
}

void wait_until(bool (*over)(void *arg), void *arg)
{
	struct waiter w = { 0 };
	int control = watch_control();

	enter(&w);
	control_poll();
	while (!over(arg)) {
		sleep_till_woken(w.fd, control);
		control_poll();
	}
	leave(&w);
	if (control >= 0)
		close(control);
}

void wait_wake(void)
{
	uint64_t one = 1;

	pthread_mutex_lock(&lock);
	for (struct waiter *w = waiters; w != NULL; w = w->next)
		if (write(w->fd, &one, sizeof(one)) < 0)
			abort();
	pthread_mutex_unlock(&lock);
}
