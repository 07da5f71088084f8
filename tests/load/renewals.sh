# renewals.sh: how many subscriptions that fell due one replica bills in a
# second, with a payment server that costs next to nothing (stub.c); sourced by
# bench.sh, whose variables it uses.
#
# The ratio is to what wrk gets out of the same stub with orders like ours, a
# connection each.  Fails if a cycle has not its one invoice, or the stub made
# another number of them than there are.

start_renewals() { # port; the stub is on the one above
	start_stub $(($1 + 1))
	createdb -h "$dir" -U licet renewals
	local LICET_DATABASE_URL="host=$dir user=licet dbname=renewals"
	export LICET_DATABASE_URL
	"$bin/licetctl" migrate >/dev/null
	start_licet "$1" LICET_PAYMENTS=btcpay \
	    LICET_BTCPAY_URL=http://127.0.0.1:$(($1 + 1)) \
	    LICET_BTCPAY_API_KEY=stub LICET_BTCPAY_STORE_ID=stub \
	    LICET_BTCPAY_WEBHOOK_SECRET=stub LICET_RENEWAL_SECONDS=3600
	renewals=$server
	sql renewals <<-'END'
		CREATE TABLE begun (at timestamptz);
		WITH product AS (
			INSERT INTO products (slug, name, price_sats, price_value)
			VALUES ('many', 'Many', 50000, 50000)
			RETURNING id
		)
		INSERT INTO policies (product_id, name, slug, is_recurring, renewal_period_days)
		SELECT id, 'Monthly', 'monthly', true, 30 FROM product;
	END
}

# The reconciler would look at what is left of the round before.
sell() {
	local policy
	policy=$(sql renewals -Atc "SELECT id FROM policies")
	sql renewals -v n="$due" -v policy="$policy" -v due='1 hour' \
	    -f tests/lib/subscriptions.sql
	sql renewals <<-'END'
		UPDATE invoices SET next_check_at = NULL
		WHERE next_check_at IS NOT NULL;
		VACUUM ANALYZE;
		CHECKPOINT;
	END
}

made() { curl -sf "http://127.0.0.1:$1/" | tr -dc 0-9; }

unbilled() {
	sql renewals -Atc "SELECT count(*) FROM subscriptions
	    WHERE next_attempt_at < next_renewal_at + interval '1 day'"
}

all_billed() { [ "$(unbilled)" -eq 0 ]; }

# What is billed waits for its lapse; what is claimed, or failed, not so long.
run_renewals() { # port
	local before
	sell
	before=$(made $(($1 + 1)))
	sql renewals <<-'END'
		INSERT INTO begun VALUES (clock_timestamp());
		UPDATE subscriptions
		SET next_renewal_at = now(), next_attempt_at = now()
		WHERE paid_cycle = 1 AND status = 'active';
		NOTIFY licet_jobs, 'renewals';
	END
	wait_for 300 'not all are billed' all_billed
	sql renewals -At -v made=$(($(made $(($1 + 1))) - before)) <<-'END' | note
		SELECT 'renewals c=16 rps=' || round(count(*) / extract(epoch
		    FROM max(c.announced_at) - b.at)) || ' n=' || count(*)
		    || ' bills=' || count(DISTINCT c.subscription_id)
		    || ' made=' || :made
		FROM subscription_invoices c
		CROSS JOIN (SELECT max(at) AS at FROM begun) b
		WHERE c.cycle_number = 2 AND c.created_at >= b.at
		GROUP BY b.at;
	END
}

sweep_renewals() { # port
	local r
	for ((r = 0; r < reps; r++)); do
		echo "stub c=16 $(wrk_run create $(($1 + 1)) 16 "$secs")" | note
		run_renewals "$1"
	done
}
