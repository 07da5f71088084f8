#include "flow/aside.h"

#include "base/log.h"
#include "flow/fail.h"

#include <kore/kore.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAITING_MAX	16

struct flow_aside {
	TAILQ_ENTRY(flow_aside)	 list;
	struct flow		*flow;		/* NULL: nobody waits any more */
	void			*work;		/* the flow's */
	void		       (*compute)(void *);
	size_t			 size;
	char			 copy[] __attribute__((aligned(16)));
};

/* What Kore's loop calls when the thread is done. */
static struct {
	struct kore_event	 event;	/* first: Kore looks for it here */
	int			 fd;
} done = { .fd = -1 };

static TAILQ_HEAD(, flow_aside)	 waiting = TAILQ_HEAD_INITIALIZER(waiting);
static unsigned int		 nwaiting;
static struct flow_aside	*running;
static pthread_t		 thread;

static void	on_done(void *, int);

static void *
run(void *arg)
{
	struct flow_aside	*a = arg;
	uint64_t		 one = 1;

	a->compute(a->copy);
	if (write(done.fd, &one, sizeof(one)) != sizeof(one))
		abort();	/* an eventfd that is full or gone */
	return (NULL);
}

static void
drop(struct flow_aside *a)
{
	explicit_bzero(a->copy, a->size);
	free(a);
}

static void
listen_to_thread(void)
{
	if (done.fd != -1)
		return;
	if ((done.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1)
		fatal("aside: eventfd: %s", errno_s);
	done.event.handle = on_done;
	kore_platform_event_schedule(done.fd, EPOLLIN, 0, &done);
}

/* Signals are the loop's: none may be handled in a thread. */
static bool
start(struct flow_aside *a)
{
	sigset_t	all, before;
	int		error;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, run, a);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0) {
		LOG(LOG_ERR, "aside.thread", LS("why", strerror(error)));
		return (false);
	}
	running = a;
	return (true);
}

/* The next one that somebody waits for. */
static void
start_next(void)
{
	struct flow_aside	*a;
	struct flow		*f;

	while (running == NULL && (a = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, a, list);
		nwaiting--;
		if (a->flow != NULL && start(a))
			return;
		if ((f = a->flow) != NULL) {
			f->aside = NULL;
			flow_wake(f, ERR_UNAVAILABLE, NULL);
		}
		drop(a);
	}
}

static void
on_done(void *arg, int error)
{
	struct flow_aside	*a = running;
	struct flow		*f;
	uint64_t		 count;

	(void)arg;
	(void)error;
	if (read(done.fd, &count, sizeof(count)) != sizeof(count) || a == NULL)
		return;
	(void)pthread_join(thread, NULL);
	running = NULL;
	if ((f = a->flow) != NULL) {
		memcpy(a->work, a->copy, a->size);
		f->aside = NULL;
		flow_wake(f, ERR_NONE, NULL);
	}
	drop(a);
	start_next();
}

enum flow_next
flow_aside(struct flow *f, void (*compute)(void *), void *work, size_t size)
{
	struct flow_aside	*a;

	listen_to_thread();
	if (nwaiting == WAITING_MAX ||
	    (a = malloc(sizeof(*a) + size)) == NULL)
		return (flow_fail(f, ERR_UNAVAILABLE,
		    "Too many ask this at once; try again."));
	*a = (struct flow_aside){ .flow = f, .work = work, .compute = compute,
	    .size = size };
	memcpy(a->copy, work, size);
	if (running == NULL && !start(a)) {
		drop(a);
		return (flow_fail(f, ERR_UNAVAILABLE,
		    "There is no room for this now; try again."));
	}
	if (running != a) {
		TAILQ_INSERT_TAIL(&waiting, a, list);
		nwaiting++;
	}
	f->aside = a;
	return (FLOW_WAIT);
}

void
aside_forget(struct flow_aside *a)
{
	a->flow = NULL;
	a->work = NULL;
}

void
aside_close(void)
{
	struct flow_aside	*a;

	if (running != NULL) {
		(void)pthread_join(thread, NULL);
		drop(running);
		running = NULL;
	}
	while ((a = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, a, list);
		drop(a);
	}
}
