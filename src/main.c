/*
 * Kore's hooks: the parent reads settings and checks what must be true, the
 * workers open their connections and serve, SIGTERM drains them.
 */
#include "api/api.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/stat.h"
#include "cli/cli.h"
#include "cli/startup.h"
#include "db/clock.h"
#include "db/pool.h"
#include "flow/access.h"
#include "flow/bind.h"
#include "flow/events.h"
#include "flow/flow.h"
#include "flow/live.h"
#include "flow/router.h"
#include "hooks/hooks.h"
#include "jobs/jobs.h"
#include "net/mail.h"
#include "pages/page.h"
#include "pages/pages.h"
#include "serve/drain.h"
#include "serve/listen.h"
#include "serve/seccomp.h"
#include "serve/setup.h"

#include <kore/kore.h>
#include <kore/http.h>
#include <kore/hooks.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATABASE_PATIENCE	30	/* s at the start */
#define BODY_MAX		(2 * 1024 * 1024)

static const struct resource	resources[] = {
	{ "Service", api_service },
	{ "Catalogue", api_catalogue },
	{ "Purchase", api_purchase },
	{ "Purchase again", api_again },
	{ "Live status of a purchase", api_live },
	{ "Codes, for buyers", api_redeem },
	{ "What a code does", api_preview },
	{ "Tiers", api_tiers },
	{ "Recovery", api_recover },
	{ "Validate", api_validate },
	{ "Machines", api_machines },
	{ "Products", api_products },
	{ "Policies", api_policies },
	{ "Discount codes", api_codes },
	{ "Invoices", api_invoices },
	{ "Refunds", api_refunds },
	{ "Tips", api_tips },
	{ "Merchant profiles", api_profiles },
	{ "Payment providers", api_providers },
	{ "Licenses", api_licenses },
	{ "Search", api_search },
	{ "Figures", api_summary },
	{ "Front page", api_figures },
	{ "First steps", api_firststeps },
	{ "System", api_system },
	{ "Export", api_export },
	{ "Audit trail", api_audit },
	{ "Settings", api_settings },
	{ "This server's own license", api_selflicense },
	{ "API keys", api_keys },
	{ "Web login", api_login },
	{ "Passkeys", api_passkeys },
	{ "Customers, in and out", api_customer },
	{ "Customers' personal data", api_customer_data },
	{ "Exchange rates", api_rates },
	{ "Subscriptions", api_subscriptions },
	{ "Portal: licenses", api_portal },
	{ "Webhooks", api_webhooks },
	{ "Mail", api_mails },
	{ "Webhooks of payment providers", hooks_btcpay },
	{ "Webhooks of Zaprite", hooks_zaprite },
	{ "Consent of BTCPay servers", hooks_btcpay_authorize },
	{ "Sandbox", pages_sandbox },
	{ "Shop", pages_shop },
	{ "A product's page", pages_buy },
	{ "Thanks", pages_thanks },
	{ "Checkout", pages_checkout },
	{ "Recovery, for people", pages_recover },
	{ "Portal: its door", pages_customer_door },
	{ "Portal: personal data", pages_customer_data },
	{ "Assets", pages_assets },
	{ "Dashboard: sign-in", pages_signin },
	{ "Dashboard: first run", pages_welcome },
	{ "Dashboard: overview", pages_overview },
	{ "Dashboard: products", pages_products },
	{ "Dashboard: policies", pages_policies },
	{ "Dashboard: discount codes", pages_codes },
	{ "Dashboard: licenses", pages_licenses },
	{ "Dashboard: changes of licenses", pages_license_forms },
	{ "Dashboard: machines", pages_machines },
	{ "Dashboard: subscriptions", pages_subscriptions },
	{ "Dashboard: webhooks", pages_webhooks },
	{ "Dashboard: mail", pages_mails },
	{ "Dashboard: keys and sessions", pages_keys },
	{ "Dashboard: audit trail", pages_audit },
	{ "Dashboard: settings", pages_settings },
	{ "Dashboard: passkeys", pages_passkeys },
	{ "Dashboard: system", pages_system },
	{ "Dashboard: invoices", pages_invoices },
	{ "Dashboard: merchant profiles", pages_profiles },
	{ "Dashboard: payment providers", pages_providers },
	{ "Dashboard: exchange rates", pages_rates },
	{ "Dashboard: tips", pages_tips },
	{ "Portal: pages of licenses", pages_portal_licenses },
	{ "Portal: pages of plans", pages_portal_plans },
	{ "Portal: pages of invoices", pages_portal_invoices },
	{ NULL, NULL }
};

static struct startup	startup;
static struct db_pool	*pool;

/* ---- the parent ---- */

static void __attribute__((noreturn))
refuse_start(const struct buf *why)
{
	(void)fprintf(stderr, "licet: cannot start:\n%s\n", why->data);
	exit(1);
}

static void
parent_configure(void)
{
	struct serve_settings	s;
	struct buf		why;
	char			pidfile[64];
	const char *const	*routes;
	unsigned int		n;

	buf_init(&why, 65536);
	if (!startup_settings(environ, &why))
		refuse_start(&why);
	log_set_level(log_level_parse(conf.log_level));
	access_open();
	if (!startup_check(&startup, DATABASE_PATIENCE, &why))
		refuse_start(&why);
	bind_use_keyring(startup.keyring);
	replica_name();
	router_open(resources);
	if (page_unknown_call(resources) != NULL)
		fatal("pages: the API has no %s", page_unknown_call(resources));
	routes = router_names(&n);
	stat_open((unsigned int)conf.workers, routes, n);

	serve_seccomp_off = conf_is(conf.seccomp, "off");
	drain_lead_ms = (unsigned int)conf.drain_lead_ms;
	snprintf(pidfile, sizeof(pidfile), "/tmp/licet.%d.pid", getpid());
	s = (struct serve_settings){
		.listen = conf.listen,
		.pidfile = *conf.pidfile != '\0' ? conf.pidfile : pidfile,
		.workers = (unsigned int)conf.workers,
		.connections = (unsigned int)conf.connections,
		.held = (unsigned int)conf.streams_max,
		.body_max = BODY_MAX,
		.header_timeout = (unsigned int)conf.header_timeout,
		.body_timeout = (unsigned int)conf.body_timeout,
		.keepalive = (unsigned int)conf.keepalive,
	};
	serve_setup(&s, "dispatch");
	buf_free(&why);
}

/* `licetctl …' and `licet …' are the command line; `licet' alone serves. */
void
kore_parent_configure(int argc, char **argv)
{
	const char	*name = strrchr(argv[0], '/');

	name = name == NULL ? argv[0] : name + 1;
	if (argc > 1 || !strcmp(name, "licetctl"))
		exit(cli_main(argc, argv, resources));
	kore_foreground = skip_chroot = skip_runas = 1;
	kore_quiet = 1;
	setvbuf(stdout, NULL, _IOLBF, 0);	/* else forks repeat lines */
	setenv("PGGSSENCMODE", "disable", 0);	/* Kerberos lists directories */
	parent_configure();
}

/* ---- a worker ---- */

void
kore_worker_configure(void)
{
	serve_follow_parent();
	log_set_worker(worker->id);
	stat_use(worker->id);
	srandom((unsigned int)getpid());
	listen_own(serve_server);
	pool = db_pool_open((unsigned int)conf.database_connections);
	db_clock_open(pool);
	flow_open(pool);
	limit_open(pool);
	api_open();
	live_open(pool);
	jobs_open(pool);
	LOG(LOG_NOTICE, "worker.started", LI("pid", getpid()));
}

void
kore_worker_teardown(void)
{
	drain_run((unsigned int)conf.drain_ms, events_end_all, jobs_left);
	jobs_close();
	live_close();
	api_close();
	limit_close();
	db_pool_close(pool);
	flow_close();
	net_mail_close();
	LOG(LOG_NOTICE, "worker.stopped", LI("pid", getpid()));
}
