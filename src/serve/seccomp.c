/*
 * What libpq (TCP, Unix sockets, TLS) and libcurl (with its resolver threads)
 * need beyond Kore's own filters.  Nothing that writes files or starts
 * programs.
 */
#include "serve/seccomp.h"

#include <kore/kore.h>
#include <kore/seccomp.h>

#include <errno.h>
#include <sys/prctl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

bool	serve_seccomp_off;

static struct sock_filter	allow_all[] = {
	KORE_BPF_RET(SECCOMP_RET_ALLOW)
};

static struct sock_filter	allow_licet[] = {
	/* Sockets of libpq and libcurl, and getaddrinfo(3). */
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_INET),
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_INET6),
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_UNIX),
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_NETLINK),
	KORE_SYSCALL_ALLOW_ARG(socketpair, 0, AF_UNIX),
	KORE_SYSCALL_ALLOW(connect),
	KORE_SYSCALL_ALLOW(bind),
	KORE_SYSCALL_ALLOW(shutdown),
	KORE_SYSCALL_ALLOW(getsockopt),
	KORE_SYSCALL_ALLOW(getsockname),
	KORE_SYSCALL_ALLOW(getpeername),
	KORE_SYSCALL_ALLOW(recvmsg),
	KORE_SYSCALL_ALLOW(sendmsg),
	KORE_SYSCALL_ALLOW(sendmmsg),
	KORE_SYSCALL_ALLOW(pipe2),
	KORE_SYSCALL_ALLOW(eventfd2),
	KORE_SYSCALL_ALLOW(epoll_create1),
	KORE_SYSCALL_ALLOW_ARG(ioctl, 1, FIONBIO),
	KORE_SYSCALL_ALLOW_ARG(ioctl, 1, FIONREAD),

	/* Threads: the resolver's.  glibc does without clone3. */
	KORE_SYSCALL_DENY(clone3, ENOSYS),
	KORE_SYSCALL_ALLOW(clone),
	KORE_SYSCALL_ALLOW(set_robust_list),
	KORE_SYSCALL_ALLOW(rseq),
	KORE_SYSCALL_ALLOW(gettid),
	KORE_SYSCALL_ALLOW(sched_getaffinity),
	KORE_SYSCALL_ALLOW(sched_yield),

	/* Files that are read: certificates, resolv.conf, .pgpass. */
	KORE_SYSCALL_ALLOW(newfstatat),
	KORE_SYSCALL_ALLOW(faccessat),
	KORE_SYSCALL_ALLOW(readlinkat),
	KORE_SYSCALL_ALLOW(pread64),

	/* libpq keeps SIGPIPE away while it writes to TLS. */
	KORE_SYSCALL_ALLOW(rt_sigpending),
	KORE_SYSCALL_ALLOW(rt_sigtimedwait),

	/* Who and where we are; qsort(3), realloc(3), abort(3). */
	KORE_SYSCALL_ALLOW(uname),
	KORE_SYSCALL_ALLOW(getegid),
	KORE_SYSCALL_ALLOW(getgid),
	KORE_SYSCALL_ALLOW(getppid),
	KORE_SYSCALL_ALLOW_ARG(prctl, 0, PR_SET_PDEATHSIG),
	KORE_SYSCALL_ALLOW(getrusage),
	KORE_SYSCALL_ALLOW(sysinfo),
	KORE_SYSCALL_ALLOW(mremap),
	KORE_SYSCALL_ALLOW(mlock),
	KORE_SYSCALL_ALLOW(munlock),
	KORE_SYSCALL_ALLOW(tgkill),
};

void
kore_seccomp_hook(void)
{
	if (serve_seccomp_off)
		(void)kore_seccomp_filter("off", allow_all,
		    KORE_FILTER_LEN(allow_all));
	else
		(void)kore_seccomp_filter("licet", allow_licet,
		    KORE_FILTER_LEN(allow_licet));
}
