# lib.sh: a PostgreSQL and servers that live as long as the benchmark; sourced
# by bench.sh, whose variables it uses.

say() { echo "bench: $*" >&2; }
die() { echo "bench: $*" >&2; exit 1; }
note() { tee -a "$dir/raw" >&2; }

as_postgres() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=postgres --regid=postgres --init-groups "$@"
	else
		"$@"
	fi
}

sql() { # database [psql's arguments]
	"$pg_bin/psql" -qX -v ON_ERROR_STOP=1 -h "$dir" -U licet -d "$@"
}

createdb() { "$pg_bin/createdb" "$@"; }

wait_for() { # seconds what command...
	local deadline=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || die "$what: see $dir"
		sleep 0.05
	done
}

begin() {
	local program
	for program in wrk curl "$pg_bin/pgbench"; do
		command -v "$program" >/dev/null || die "$program is missing"
	done
	dir=$(mktemp -d "${BENCH_DIR:-/tmp}/licet-bench.XXXXXX")
	chmod 755 "$dir"
	export BENCH_LUA=tests/load BENCH_REQUESTS=$dir/requests.txt
	trap finish EXIT
	trap 'exit 130' INT TERM HUP
}

# Servers drain, PostgreSQL stops fast; what is left of them is only ours.
finish() {
	local status=$? p
	trap - EXIT INT TERM HUP
	for p in $servers; do kill -TERM "$p" 2>/dev/null || :; done
	for p in $servers; do wait "$p" 2>/dev/null || :; done
	[ ! -f "$dir/cluster/postmaster.pid" ] ||
	    (cd /tmp && as_postgres "$pg_bin/pg_ctl" -D "$dir/cluster" -m fast \
	    -w stop) >/dev/null || :
	if [ -n "${BENCH_KEEP:-}" ]; then
		say "kept: $dir"
	else
		rm -rf "$dir"
	fi
	exit $status
}

start_postgres() {
	local data=$dir/cluster
	mkdir "$data"
	[ "$(id -u)" -ne 0 ] || chown postgres:postgres "$dir" "$data"
	(cd /tmp && as_postgres "$pg_bin/initdb" -D "$data" -U licet -A trust \
	    -E UTF8 --no-locale) > "$dir/initdb.log"
	(cd /tmp && as_postgres "$pg_bin/pg_ctl" -D "$data" -w \
	    -l "$data/server.log" -o "-k '$dir' -c listen_addresses= \
	    -c shared_buffers=512MB -c max_wal_size=4GB" start) >/dev/null
	createdb -h "$dir" -U licet licet
	export LICET_DATABASE_URL="host=$dir user=licet dbname=licet"
	make_secrets
}

make_secrets() {
	local name
	for name in passphrase admin.key; do
		od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n' > "$dir/$name"
		chmod 600 "$dir/$name"
	done
	export LICET_ADMIN_KEY_FILE=$dir/admin.key LICET_ENV=test
	export LICET_KEY_PASSPHRASE_FILE=$dir/passphrase
	export LICET_KEY_RING=$dir/keys.ring LICET_PAYMENTS=sandbox
	export LICET_TRUSTED_PROXIES=127.0.0.0/8 LICET_WORKERS=$workers
	"$bin/licetctl" key create >/dev/null
}

start_bare() {
	BARE_LISTEN=127.0.0.1:$port BARE_WORKERS=$workers \
	    "$bin/load/bare" > "$dir/bare.log" 2>&1 &
	servers="$servers $!"
	wait_for 10 'the bare server does not start' \
	    curl -sf "http://127.0.0.1:$port/"
}

start_licet() { # port [settings...]; its process id is $server then
	local at=$1 url=http://127.0.0.1:$1
	shift
	env LICET_LISTEN=127.0.0.1:"$at" LICET_PUBLIC_URL="$url" "$@" \
	    "$bin/licet" > "$dir/licet.$at.log" 2>&1 &
	server=$!
	servers="$servers $server"
	wait_for 30 'the server does not start' curl -sf "$url/health/ready"
}

start_stub() { # port
	STUB_LISTEN=127.0.0.1:"$1" "$bin/load/stub" > "$dir/stub.log" 2>&1 &
	servers="$servers $!"
	wait_for 10 'the stub does not start' curl -sf "http://127.0.0.1:$1/"
}
