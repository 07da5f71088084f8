/* What the service is, whether it is well, and its public key. */
#include "api/api.h"

#include "base/buf.h"
#include "base/stat.h"
#include "crypto/keyring.h"
#include "crypto/pem.h"
#include "flow/bind.h"
#include "flow/operator.h"
#include "flow/respond.h"
#include "flow/router.h"
#include "serve/drain.h"
#include "base/version.h"

#include "sql.h"

#include <stdlib.h>

static const char *
public_key_pem(void)
{
	static char	pem[PEM_PUBLIC_SIZE];
	uint8_t		key[32];

	if (pem[0] == '\0') {
		keyring_active(bind_keyring(), key);
		pem_public_write(key, pem);
	}
	return (pem);
}

static enum flow_next
service_ask(struct flow *f)
{
	return (flow_query_bound(f, &sql_operator_name_get));
}

static enum flow_next
service_info(struct flow *f)
{
	flow_header(f, "vary", "accept");
	return (flow_json(f, 200, json_pack("{s:s,s:s,s:s?,s:s,s:s,s:i}",
	    "service", "keysat", "version", LICET_VERSION, "operator",
	    operator_name(flow_rows(f)),
	    "public_key_pem", public_key_pem(), "key_algorithm", "ed25519",
	    "key_format_version", 2)));
}

static enum flow_next
service_pubkey(struct flow *f)
{
	return (flow_json(f, 200, json_pack("{s:s,s:s}", "algorithm",
	    "ed25519", "public_key_pem", public_key_pem())));
}

static enum flow_next
service_issuer(struct flow *f)
{
	return (flow_json(f, 200, json_pack("{s:s,s:s,s:i}",
	    "public_key_pem", public_key_pem(), "key_algorithm", "ed25519",
	    "key_format_version", 2)));
}

static enum flow_next
service_alive(struct flow *f)
{
	return (flow_json_text(f, 200, "{\"ok\":true}"));
}

/* A load balancer asks this: may requests come here? */
static enum flow_next
service_ready_ask(struct flow *f)
{
	if (drain_started())
		return (flow_fail(f, ERR_UNAVAILABLE, "Shutting down."));
	return (flow_query_bound(f, &sql_ready_probe));
}

static enum flow_next
service_metrics(struct flow *f)
{
	struct buf	b;

	buf_init(&b, 8 * 1024 * 1024);
	stat_render(&b);
	if (b.failed)
		flow_fail(f, ERR_INTERNAL, "The metrics are lost.");
	else
		flow_send(f, 200, "text/plain; version=0.0.4", b.data, b.len);
	buf_free(&b);
	return (FLOW_DONE);
}

static enum flow_next
service_openapi(struct flow *f)
{
	return (flow_json_text(f, 200, openapi_document(router_resources())));
}

/* clang-format off */
const struct endpoint	api_service[] = {
	{ .method = GET, .path = "/",
	    .steps = FLOW_STEPS(
		FLOW_STEP(service_ask),		/* sql  operator_name_get */
		FLOW_STEP(service_info)),
	    .summary = "Who this is; the shop, for browsers.",
	    .answer = "`{service,version,operator|null,public_key_pem,"
	        "key_algorithm,key_format_version}`." },
	{ .method = GET, .path = "/healthz",
	    .steps = FLOW_STEPS(FLOW_STEP(service_alive)),
	    .summary = "This process answers. Asks nobody else.",
	    .answer = "`{ok:true}`." },
	{ .method = GET, .path = "/health/ready",
	    .steps = FLOW_STEPS(
		FLOW_STEP(service_ready_ask),	/* sql  ready_probe */
		FLOW_STEP(service_alive)),
	    .summary = "Requests may come here: the database answers and no shutdown is under way.",
	    .answer = "`{ok:true}`." },
	{ .method = GET, .path = "/metrics",
	    .steps = FLOW_STEPS(FLOW_STEP(service_metrics)),
	    .summary = "Counters of all workers for Prometheus (docs/metrics.md).",
	    .answer = "Prometheus text." },
	{ .method = GET, .path = "/v1/pubkey",
	    .steps = FLOW_STEPS(FLOW_STEP(service_pubkey)),
	    .summary = "The key that signs new licenses.",
	    .answer = "`{algorithm,public_key_pem}`." },
	{ .method = GET, .path = "/v1/issuer/public-key",
	    .steps = FLOW_STEPS(FLOW_STEP(service_issuer)),
	    .summary = "The same, with the format of keys.",
	    .answer = "`{public_key_pem,key_algorithm,key_format_version}`." },
	{ .method = GET, .path = "/v1/openapi.json",
	    .steps = FLOW_STEPS(FLOW_STEP(service_openapi)),
	    .summary = "This API as an OpenAPI 3.1 document.",
	    .answer = "OpenAPI." },
	ENDPOINT_END
};
/* clang-format on */
