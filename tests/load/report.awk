# report.awk: medians of what bench.sh noted, the ratios, and what must be true.

function figure(name,	i, a) {
	for (i = 2; i <= NF; i++)
		if (split($i, a, "=") == 2 && a[1] == name)
			return a[2]
	return ""
}
function median(k, what,	i, j, t, x) {
	for (i = 1; i <= n[k]; i++)
		x[i] = v[k, i, what] + 0
	for (i = 1; i <= n[k]; i++)
		for (j = i + 1; j <= n[k]; j++)
			if (x[j] < x[i]) {
				t = x[i]; x[i] = x[j]; x[j] = t
			}
	least = x[1]
	most = x[n[k]]
	return n[k] % 2 ? x[(n[k] + 1) / 2] : (x[n[k] / 2] + x[n[k] / 2 + 1]) / 2
}
function wrong(what) {
	failures = failures "FAIL " what "\n"
	return 1
}
# Of runs that stood beside each other in a round; what else the machine did
# then, both felt.
function ratio(a, b, c, floor,	i, r) {
	a = a " " c
	b = b " " c
	if (!n[a] || n[a] != n[b])
		return
	n["ratio"] = n[a]
	for (i = 1; i <= n[a]; i++)
		v["ratio", i, "of"] = v[b, i, "rps"] == 0 ? 0 : \
		    v[a, i, "rps"] / v[b, i, "rps"]
	r = median("ratio", "of")
	sub(/ .*/, "", a)
	sub(/ .*/, "", b)
	printf("%s/%s: %.3g (%.3g-%.3g; floor %.3g)\n", a, b, r, least, most,
	    floor)
	if (r < floor)
		wrong(sprintf("%s/%s is below its floor", a, b))
}

$2 == "worker" {
	rss = figure("rss")
	memory = memory sprintf("%s worker: %.1f MB resident, %.1f MB " \
	    "of them its own\n", $1, rss / 1024, figure("anon") / 1024)
	if (rss >= 64 * 1024)
		wrong("a worker of 64 MB or more")
	next
}
{
	c = figure("c")
	k = $1 " " c
	if (!(k in n))
		order[++kinds] = k
	n[k]++
	v[k, n[k], "rps"] = figure("rps")
	v[k, n[k], "p50"] = figure("p50")
	v[k, n[k], "p99"] = figure("p99")
	if (figure("rps") + 0 == 0)
		wrong($0 ": no answers")
	if (figure("bad") + 0 > 0)
		wrong($0 ": answers that are not 200")
	bills = figure("bills")
	if (bills != "") {
		billed += bills
		if (bills != figure("n") || bills != figure("made"))
			wrong($0 ": cycles, bills and the provider's invoices " \
			    "differ")
	}
	rows = figure("rows")
	answers = figure("n")
	if (rows != "") {
		told += answers
		if (rows < answers || rows > answers + c)
			lost = wrong($0 ": answers and rows of the log differ")
	}
}
END {
	printf("\n%-24s %5s %9s %9s %9s %19s\n", "medians of " reps, "conns",
	    "req/s", "p50 ms", "p99 ms", "req/s from-to")
	for (i = 1; i <= kinds; i++) {
		split(order[i], part, " ")
		rps = median(order[i], "rps")
		range = least "-" most
		if (v[order[i], 1, "p99"] == "")
			printf("%-24s %5d %9d %9s %9s %19s\n", part[1], part[2],
			    rps, "", "", range)
		else
			printf("%-24s %5d %9d %9.2f %9.2f %19s\n", part[1], part[2],
			    rps, median(order[i], "p50"), median(order[i], "p99"),
			    range)
	}
	printf("\n%s", memory)
	if (told)
		printf("%d answers, each with its row in validation_log%s\n",
		    told, lost ? ", but for those below" : "")
	printf("%d renewals, each with its one invoice at the provider\n",
	    billed)
	ratio("batched", "single", 256, 3.5)
	ratio("batched", "bare", 256, 0.22)
	ratio("renewals", "stub", 16, 0.01)
	printf("%s", failures)
	exit failures != ""
}
