/*
 * How the installation stands, what the database holds, and whether a key may
 * become the one that signs.
 *
 * The key ring is a file on each machine, sealed with a passphrase that a
 * running server no longer has: no request can write it, much less on all
 * machines.  So the import judges the key and says which commands bring it in;
 * it says `ok' only when there is nothing left to do.
 */
#include "api/api.h"

#include "crypto/keyring.h"
#include "crypto/pem.h"
#include "flow/bind.h"
#include "flow/request.h"
#include "flow/respond.h"

#include "sql.h"

#include <string.h>

struct import {
	uint8_t	public_key[32];
};

static enum flow_next
import_read(struct flow *f)
{
	struct import	*im = flow_state(f);
	const void	*body;
	uint8_t		 seed[32];
	size_t		 len;
	bool		 ok;

	body = flow_request_body(f, &len);
	ok = pem_private_read(body, len, seed);
	flow_request_wipe(f);
	if (!ok)
		return (flow_fail(f, ERR_BAD_REQUEST, "The body must be an "
		    "Ed25519 private key in PKCS#8 PEM."));
	pem_seed_public(seed, im->public_key);
	explicit_bzero(seed, sizeof(seed));
	return (flow_query_bound(f, &sql_issuer_import_check));
}

/* The key's id in this machine's ring; 0: it isn't there. */
static unsigned int
ring_find(const uint8_t public_key[32])
{
	const struct keyring	*ring = bind_keyring();
	unsigned int		 id;
	size_t			 i;

	for (i = 0; i < keyring_count(ring); i++) {
		if (!memcmp(keyring_public(ring, i, &id), public_key, 32))
			return (id);
	}
	return (0);
}

static enum flow_next
import_answer(struct flow *f)
{
	struct import	*im = flow_state(f);
	char		 pem[PEM_PUBLIC_SIZE];
	const char	*message;
	unsigned int	 id;
	bool		 signs;

	if (flow_refused(f))
		return (FLOW_DONE);
	id = ring_find(im->public_key);
	signs = id != 0 && id == keyring_active(bind_keyring(), NULL);
	if (signs)
		message = "This key signs new licenses.";
	else if (id != 0)
		message = arena_printf(&f->arena, "Nothing was changed. The "
		    "key ring has this key as number %u: run `licetctl key "
		    "activate %u`, copy the ring's file to all machines and "
		    "restart all replicas.", id, id);
	else
		message = "Nothing was changed: the key ring is a file that "
		    "no request can write. Where it is, run `licetctl key "
		    "import FILE` with this PEM, then `licetctl key activate "
		    "ID` with the number it shows; copy the ring's file to "
		    "all machines and restart all replicas.";
	pem_public_write(im->public_key, pem);
	return (flow_json(f, 200, json_pack("{s:b,s:s,s:b,s:s}", "ok", signs,
	    "public_key_pem", pem, "restart_required", !signs,
	    "message", message)));
}

/* clang-format off */
const struct endpoint	api_system[] = {
	{ .method = GET, .path = "/v1/admin/system", .scope = "system:read",
	    .sql = &sql_system_get,
	    .summary = "Replicas, queues and the database, as they are now.",
	    .answer = "`{database:{name,size_bytes,server_version,migration,"
	        "connections,max_connections},replicas:[{id,host,listen,version,"
	        "migration,behind,workers,silent,started_at,seen_at}],queues:["
	        "{name,waiting,due,late_seconds}]}`. Replicas are those of the "
	        "last ten minutes; one that is `silent` was not seen for 150 "
	        "seconds, one that is `behind` knows fewer migrations than the "
	        "database has. Queues (`events`, `webhooks`, `mails`, `invoices`, "
	        "`refunds`, `tips`) are counted up to 10,000; late_seconds is 0 when "
	        "nothing is due." },
	{ .method = GET, .path = "/v1/admin/db-info", .scope = "master",
	    .sql = &sql_db_info,
	    .summary = "What the database holds. Counts everything.",
	    .answer = "`{db_path,db_size_bytes,last_write_at,counts:{products,"
	        "policies,licenses_total,licenses_active,invoices_total,"
	        "invoices_settled,machines_active,discount_codes,audit_log}}`; "
	        "db_path is the database's name." },
	{ .method = POST, .path = "/v1/admin/import-issuer-key",
	    .scope = "master", .raw_body = true, .repeatable = true,
	    .confirmed = true,
	    .steps = FLOW_STEPS(
		FLOW_STEP(import_read),		/* sql  issuer_import_check */
		FLOW_STEP(import_answer)),
	    .state = sizeof(struct import),
	    .errors = "409",
	    .summary = "Whether the Ed25519 private key in the body, PKCS#8 PEM, may "
	        "sign here, and how to bring it in: no request can write the key "
	        "ring. 409 once there is a license.",
	    .answer = "`{ok,public_key_pem,restart_required,message}`; ok only if "
	        "this key signs already, else message has the commands." },
	ENDPOINT_END
};
/* clang-format on */
