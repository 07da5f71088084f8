/*
 * bare: Kore behind our guard, listeners and sandbox, with a handler that
 * answers a constant: what nothing built on them can exceed.
 * BARE_LISTEN is its address, BARE_WORKERS their number.
 */
#include "serve/guard.h"
#include "serve/listen.h"
#include "serve/setup.h"

#include <kore/kore.h>
#include <kore/http.h>
#include <kore/hooks.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int	bare_answer(struct http_request *);

void
kore_parent_configure(int argc __attribute__((unused)),
    char **argv __attribute__((unused)))
{
	const char	*address = getenv("BARE_LISTEN");
	const char	*workers = getenv("BARE_WORKERS");
	char		 pidfile[64];

	if (address == NULL || workers == NULL)
		fatal("BARE_LISTEN and BARE_WORKERS, please");
	kore_foreground = skip_chroot = skip_runas = 1;
	kore_quiet = 1;
	(void)snprintf(pidfile, sizeof(pidfile), "/tmp/licet-bare.%d.pid",
	    getpid());
	serve_setup(&(struct serve_settings){
	    .listen = address, .pidfile = pidfile,
	    .workers = (unsigned int)strtoul(workers, NULL, 10),
	    .connections = 4096, .body_max = 65536, .header_timeout = 15,
	    .body_timeout = 30, .keepalive = 75 }, "bare_answer");
}

void
kore_worker_configure(void)
{
	listen_own(serve_server);
}

int
bare_answer(struct http_request *req)
{
	static const char	answer[] = "{\"ok\":true}";

	http_response_header(req, "content-type", "application/json");
	guard_respond(req, HTTP_STATUS_OK, answer, sizeof(answer) - 1);
	return (KORE_RESULT_OK);
}
