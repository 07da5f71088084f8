/*
 * Kore's settings, and why each differs from Kore's default.
 */
#include "serve/setup.h"

#include "base/log.h"
#include "serve/guard.h"
#include "serve/header.h"
#include "serve/listen.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <sys/prctl.h>
#include <sys/resource.h>

#include <netdb.h>
#include <signal.h>
#include <unistd.h>

#define WORKERS_MAX	64
#define SPARE_FILES	256	/* descriptors beside the clients' */
#define OPEN_FILES	64	/* those of the parent, which Kore adds */

struct kore_server	*serve_server;

static pid_t	parent;

static void	setup_check(const struct serve_settings *);
static void	setup_process(const struct serve_settings *);
static void	setup_http(const struct serve_settings *);
static void	setup_route(struct kore_server *, const char *);

void
serve_setup(const struct serve_settings *s, const char *handler_name)
{
	char	host[NI_MAXHOST], port[NI_MAXSERV];

	parent = getpid();
	setup_check(s);
	if (!listen_split(s->listen, host, sizeof(host), port, sizeof(port)))
		fatal("cannot listen on \"%s\": not host:port", s->listen);
	setup_process(s);
	setup_http(s);
	serve_server = kore_server_create("licet");
	serve_server->tls = 0;
	listen_open(serve_server, host, port, "guard_connect");
	setup_route(serve_server, handler_name);
	LOG(LOG_NOTICE, "serve.listening", LS("host", host), LS("port", port),
	    LI("workers", worker_count));
}

static void
setup_check(const struct serve_settings *s)
{
	if (s->workers > WORKERS_MAX)
		fatal("%u workers: at most %d", s->workers, WORKERS_MAX);
	if (s->connections < 1 || s->connections > 65536)
		fatal("%u connections: 1 to 65536", s->connections);
	if (s->header_timeout < 1 || s->header_timeout > 3600 ||
	    s->body_timeout < 1 || s->body_timeout > 3600 ||
	    s->keepalive > 3600)
		fatal("timeouts of clients are 1 to 3600 s");
	if (s->body_max < 1 || s->body_max > ((size_t)1 << 30))
		fatal("the limit of request bodies is 1 byte to 1 GiB");
}

/*
 * Kore asks for exactly so many, and would leave it at what a process has at
 * first if it got no.
 */
static unsigned int
setup_files(unsigned int wanted)
{
	struct rlimit	rl;
	rlim_t		hard;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 ||
	    rl.rlim_max >= wanted + OPEN_FILES)
		return (wanted);
	hard = rl.rlim_max;
	rl.rlim_max = wanted + OPEN_FILES;
	if (setrlimit(RLIMIT_NOFILE, &rl) == 0)
		return (wanted);
	LOG(LOG_WARNING, "serve.files", LI("wanted", wanted), LI("limit", hard));
	return (hard > 2 * OPEN_FILES ? (unsigned int)hard - OPEN_FILES :
	    (unsigned int)hard);
}

static void
setup_process(const struct serve_settings *s)
{
	long	cpus;

	worker_count = (uint8_t)s->workers;
	if (worker_count == 0) {
		cpus = sysconf(_SC_NPROCESSORS_ONLN);
		worker_count = (uint8_t)(cpus < 1 ? 1 :
		    cpus > WORKERS_MAX ? WORKERS_MAX : cpus);
	}
	worker_set_affinity = 0;	/* the machine is not ours alone */
	worker_max_connections = s->connections;
	worker_rlimit_nofiles = setup_files(s->connections + s->held +
	    SPARE_FILES);
	if (s->pidfile != NULL && s->pidfile[0] != '\0')
		kore_pidfile = kore_strdup(s->pidfile);
}

static void
setup_http(const struct serve_settings *s)
{
	/* Every connection may have a request; more are never there. */
	http_request_limit = s->connections + 1;
	/* After 10 ms, Kore's default, old requests starve behind new. */
	http_request_ms = 1000;
	http_header_max = HEADER_BLOCK_MAX;
	http_header_timeout = (uint16_t)s->header_timeout;
	http_body_timeout = (uint16_t)s->body_timeout;
	http_keepalive_time = (uint16_t)s->keepalive;
	http_body_max = s->body_max;
	http_body_disk_offload = 0;
	http_hsts_enable = 0;		/* TLS ends in front of us */
	http_server_version("licet");
}

/* One route, which takes every method: ours is a router of its own. */
static void
setup_route(struct kore_server *srv, const char *handler_name)
{
	struct kore_domain	*dom;

	dom = kore_domain_new("*");
	if (!kore_domain_attach(dom, srv) ||
	    !kore_module_handler_new(dom, "^/", handler_name, NULL,
	    HANDLER_TYPE_DYNAMIC))
		fatal("no handler \"%s\"", handler_name);
}

void
serve_follow_parent(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)	/* it died before we asked */
		(void)raise(SIGTERM);
}
