#!/bin/bash
# bench.sh [quick|renewals]: the hot path, against what bounds it, in one run on
# one machine: Kore's bare handler behind our guard, the same server without
# batches, and what pgbench gets out of the same PostgreSQL.  Then renewals,
# against a payment server that costs next to nothing; `renewals' is these alone.
#
# Everything that makes an answer durable is on (fsync, synchronous_commit),
# and so is everything that a server does for a validation: sandbox, limits by
# address, seats, heartbeats, the log.  wrk, servers and PostgreSQL share the
# machine.  All servers are up throughout and take turns, so that whatever else
# the machine does hits all of them.  Fails below the floors, or if an answer
# is not 200 or has no row in validation_log.
#
# BENCH_REPS runs each (3) of BENCH_SECS (5), BENCH_LICENSES (1000000) of which
# BENCH_KEYS (200000) have keys; BENCH_CONNS ("16 64 256"), BENCH_PASSES (4)
# over all keys to warm up, BENCH_DUE (10000) subscriptions, BENCH_WORKERS (2),
# BENCH_DIR (/tmp), BENCH_PORT (18480) and the next four.
set -eu
umask 022

cd "$(dirname "$0")/../.."
quick=
only=
[ "${1-}" != quick ] || quick=1
[ "${1-}" != renewals ] || only=1
reps=${BENCH_REPS:-${quick:+1}}
reps=${reps:-3}
secs=${BENCH_SECS:-${quick:+3}}
secs=${secs:-5}
licenses=${BENCH_LICENSES:-1000000}
keys=${BENCH_KEYS:-${quick:+50000}}
keys=${keys:-200000}
conns=${BENCH_CONNS:-16 64 256}
passes=${BENCH_PASSES:-4}
due=${BENCH_DUE:-${quick:+3000}}
due=${due:-10000}
workers=${BENCH_WORKERS:-2}
port=${BENCH_PORT:-18480}
bin=$(realpath "${BUILD:-build}")
pg_bin=/usr/lib/postgresql/15/bin
servers=
. tests/load/lib.sh
. tests/load/renewals.sh

load_all() {
	say "seeding $licenses licenses, $keys of them with keys"
	"$bin/licetctl" migrate >/dev/null
	(umask 022; "$bin/load/seed" "$dir" "$licenses" "$keys" > "$dir/ring.copy")
	sql licet <<-END
		SET session_replication_role = replica;
		\copy signing_keys (id, public_key) FROM '$dir/ring.copy'
		UPDATE signing_keys SET active = true;
		\copy products (id, slug, name, price_sats, price_value) FROM '$dir/products.copy'
		\copy licenses (id, product_id, signing_key_id, status, issued_at, expires_at, max_machines, entitlements) FROM '$dir/licenses.copy'
		\copy machines (id, license_id, fingerprint_hash, ip_last_seen) FROM '$dir/machines.copy'
		CREATE SCHEMA bench;
		CREATE TABLE bench.known (n serial PRIMARY KEY, license uuid, fingerprint bytea, address text);
		\copy bench.known (license, fingerprint, address) FROM '$dir/known.copy'
		CREATE INDEX ON bench.known (license);
		CREATE FUNCTION bench.license(int) RETURNS uuid STABLE LANGUAGE sql AS 'SELECT license FROM bench.known WHERE n = \$1';
		CREATE FUNCTION bench.fingerprint(int) RETURNS bytea STABLE LANGUAGE sql AS 'SELECT fingerprint FROM bench.known WHERE n = \$1';
		CREATE FUNCTION bench.address(int) RETURNS text STABLE LANGUAGE sql AS 'SELECT address FROM bench.known WHERE n = \$1';
		VACUUM ANALYZE;
	END
	rm "$dir"/*.copy
}

# The state from which each run starts: of the machines that will be asked for
# one in 500 has no seat yet and one in eight is due for a heartbeat.  The log is
# past its first half megabyte, which alone PostgreSQL indexes row by row.  The
# checkpoint is not the run's.
reset() {
	sql licet <<-'END'
		SET statement_timeout = 0;
		CHECKPOINT;
		DELETE FROM machines m USING bench.known k
		WHERE m.license_id = k.license AND random() < 0.002;
		UPDATE machines m SET last_heartbeat_at = now() -
		    CASE WHEN random() < 0.125 THEN interval '1 hour' ELSE '0' END
		FROM bench.known k WHERE m.license_id = k.license;
		TRUNCATE validation_log;
		INSERT INTO validation_log (license_id, result, user_agent)
		SELECT gen_random_uuid(), 'filler', repeat('-', 100)
		FROM generate_series(1, 6000);
		VACUUM machines;
	END
}

# Rows of the log, once nothing is under way any more.
count_rows() {
	local before=-1 now=0
	until [ "$before" = "$now" ]; do
		before=$now
		now=$(sql licet -Atc "SELECT count(*) FROM validation_log
		    WHERE result <> 'filler'")
	done
	echo "$now"
}

# One run of a server with a script; RESULT's figures on stdout.
wrk_run() { # script port connections seconds
	wrk -t1 -c"$3" -d"$4s" -s "tests/load/$1.lua" "http://127.0.0.1:$2/" |
	    sed -n 's/^RESULT //p'
}

run_bare() { # label script connections
	echo "$1 c=$3 $(wrk_run "$2" "$port" "$3" "$secs")" | note
}

# More rows than answers are right: those of the connections that wrk cut off.
run_validate() { # label port connections
	local figures rows
	reset
	figures=$(wrk_run post "$2" "$3" "$secs")
	rows=$(count_rows)
	echo "$1 c=$3 $figures rows=$rows" | note
}

pgbench_run() { # label database script-or-option
	local tps
	tps=$(PGOPTIONS="-c plan_cache_mode=force_generic_plan" \
	    "$pg_bin/pgbench" -n -M prepared -c 16 -j 1 -T "$secs" \
	    -D keys="$keys" "${@:3}" -h "$dir" -U licet "$2" 2>/dev/null |
	    sed -n 's/^tps = \([0-9]*\).*/\1/p')
	echo "$1 c=16 rps=$tps" | note
}

ceilings() {
	local r
	createdb -h "$dir" -U licet ceiling
	"$pg_bin/pgbench" -q -i -s 10 -h "$dir" -U licet ceiling >/dev/null 2>&1
	"$bin/load/statement" > "$dir/validate.sql"
	cat > "$dir/insert.sql" <<-'END'
		\set n random(1, :keys)
		BEGIN;
		SELECT * FROM licenses WHERE id = bench.license(:n);
		INSERT INTO validation_log (license_id, result) VALUES (bench.license(:n), 'ok');
		COMMIT;
	END
	for ((r = 0; r < reps; r++)); do
		pgbench_run 'pgbench-S' ceiling -S
		reset
		pgbench_run 'pgbench-select+insert' licet -f "$dir/insert.sql"
		reset
		pgbench_run 'pgbench-validate-one' licet -f "$dir/validate.sql"
	done
}

sweep() {
	local r c
	for ((r = 0; r < reps; r++)); do
		for c in $conns; do
			run_bare bare get "$c"
			run_bare bare-post post "$c"
			run_validate batched $((port + 1)) "$c"
			run_validate single $((port + 2)) "$c"
		done
	done
}

memory() { # label parent
	local p
	for p in $(pgrep -P "$2"); do
		awk -v label="$1" '/^VmRSS/ { rss = $2 } /^RssAnon/ { anon = $2 }
		    END { printf("%s worker rss=%d anon=%d\n", label, rss, anon) }' \
		    "/proc/$p/status" | note
	done
}

hot_path() {
	local batched single at
	start_bare
	load_all
	start_licet $((port + 1))
	batched=$server
	start_licet $((port + 2)) LICET_BATCH_ROWS=1 LICET_BATCH_LANES=256
	single=$server
	ceilings
	say "showing both servers each key $passes times"
	for at in $((port + 1)) $((port + 2)); do
		BENCH_PASSES=$passes wrk_run warm "$at" 256 300
		wrk_run post "$at" 256 10 >/dev/null
	done
	sweep
	memory batched "$batched"
	memory single "$single"
}

begin
start_postgres
[ -n "$only" ] || hot_path
start_renewals $((port + 3))
sweep_renewals $((port + 3))
memory renewals "$renewals"
awk -v reps="$reps" -f tests/load/report.awk "$dir/raw"
