#include "base/stat.h"

#include "base/log.h"

#include <sys/mman.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS		12
#define CLASSES		5	/* 1xx .. 5xx */

struct histogram {
	uint64_t	bucket[BUCKETS + 1];	/* not cumulative; last: +Inf */
	uint64_t	sum;
};

struct route {
	uint64_t		answers[CLASSES];
	struct histogram	seconds;
};

static const struct {
	const char	*name, *help;
	double		 unit;		/* of the values observed */
	double		 limits[BUCKETS];
} shapes[HIST_COUNT + 1] = {
	[HIST_BATCH_ROWS] = { "licet_batch_rows",
	    "Rows that travelled in one batch.", 1,
	    { 1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 512 } },
	[HIST_BATCH_SECONDS] = { "licet_batch_seconds",
	    "Time from sending a batch to its commit.", 1e9,
	    { .0005, .001, .002, .004, .008, .016, .032, .064, .125, .25, 1, 5 } },
	[HIST_CALL_SECONDS] = { "licet_provider_call_seconds",
	    "Time of an outgoing call to a payment provider.", 1e9,
	    { .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15 } },
	[HIST_DELIVERY_SECONDS] = { "licet_webhook_delay_seconds",
	    "Time from a webhook message's making, or its last manual retry, to its arrival.", 1e3,
	    { .01, .025, .05, .1, .25, .5, 1, 5, 30, 300, 3600, 86400 } },
	[HIST_COUNT] = { "licet_request_seconds",
	    "Time from a complete request to its answer, by route.", 1e9,
	    { .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 2.5, 10 } },
};

static const struct {
	const char	*type, *name, *labels, *help;
} scalars[STAT_COUNT] = {
#define X(symbol, type, name, labels, help)	{ type, name, labels, help },
#include "base/stat.def"
#undef X
};

struct column {
	uint64_t		scalars[STAT_COUNT];
	struct histogram	histograms[HIST_COUNT];
	struct route		routes[];
};

static char			*shared;	/* columns, one a worker */
static size_t			 column_size;
static unsigned int		 ncolumns, nroutes;
static const char *const	*routes;
static struct column		*mine;

static struct column *
column_at(unsigned int i)
{
	return ((struct column *)(void *)(shared + i * column_size));
}

void
stat_open(unsigned int workers, const char *const *names, unsigned int n)
{
	routes = names;
	nroutes = n;
	ncolumns = workers;
	column_size = sizeof(struct column) + n * sizeof(struct route);
	column_size = (column_size + 63) & ~(size_t)63;
	shared = mmap(NULL, column_size * workers, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		LOG(LOG_CRIT, "memory.exhausted",
		    LI("bytes", column_size * workers));
		abort();
	}
	mine = column_at(0);
}

void
stat_use(unsigned int worker)
{
	mine = column_at(worker - 1);
}

/* Only this process writes the word; readers may see it a moment late. */
static void
bump(uint64_t *word, uint64_t n)
{
	__atomic_store_n(word, *word + n, __ATOMIC_RELAXED);
}

void
stat_add(enum stat_id id, uint64_t n)
{
	if (mine != NULL)
		bump(&mine->scalars[id], n);
}

void
stat_set(enum stat_id id, uint64_t n)
{
	if (mine != NULL)
		__atomic_store_n(&mine->scalars[id], n, __ATOMIC_RELAXED);
}

static void
observe(struct histogram *h, int shape, uint64_t value)
{
	double	v = (double)value / shapes[shape].unit;
	int	i;

	for (i = 0; i < BUCKETS && v > shapes[shape].limits[i]; i++)
		;
	bump(&h->bucket[i], 1);
	bump(&h->sum, value);
}

void
stat_observe(enum stat_histogram h, uint64_t value)
{
	if (mine != NULL)
		observe(&mine->histograms[h], h, value);
}

void
stat_request(unsigned int route, int status, uint64_t ns)
{
	if (mine == NULL || route >= nroutes)
		return;
	bump(&mine->routes[route].answers[(status / 100 - 1) % CLASSES], 1);
	observe(&mine->routes[route].seconds, HIST_COUNT, ns);
}

static void
head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
render_histogram(struct buf *b, int shape, const char *label,
    const struct histogram *sum)
{
	const char	*comma = *label == '\0' ? "" : ",";
	uint64_t	 n = 0;
	int		 i;

	for (i = 0; i < BUCKETS; i++) {
		n += sum->bucket[i];
		buf_printf(b, "%s_bucket{%s%sle=\"%g\"} %llu\n",
		    shapes[shape].name, label, comma, shapes[shape].limits[i],
		    (unsigned long long)n);
	}
	n += sum->bucket[BUCKETS];
	buf_printf(b, "%s_bucket{%s%sle=\"+Inf\"} %llu\n"
	    "%s_sum{%s} %.9g\n%s_count{%s} %llu\n", shapes[shape].name, label,
	    comma, (unsigned long long)n, shapes[shape].name, label,
	    (double)sum->sum / shapes[shape].unit, shapes[shape].name, label,
	    (unsigned long long)n);
}

static void
histogram_sum(struct histogram *to, const struct histogram *from)
{
	int	i;

	for (i = 0; i <= BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
	to->sum += from->sum;
}

static void
render_scalars(struct buf *b)
{
	unsigned int	w;
	uint64_t	n;
	int		i;

	for (i = 0; i < STAT_COUNT; i++) {
		for (n = 0, w = 0; w < ncolumns; w++)
			n += column_at(w)->scalars[i];
		if (i == 0 || strcmp(scalars[i].name, scalars[i - 1].name))
			head(b, scalars[i].name, scalars[i].type,
			    scalars[i].help);
		if (*scalars[i].labels == '\0')
			buf_printf(b, "%s %llu\n", scalars[i].name,
			    (unsigned long long)n);
		else
			buf_printf(b, "%s{%s} %llu\n", scalars[i].name,
			    scalars[i].labels, (unsigned long long)n);
	}
}

/* Routes that were never asked for are left out. */
static void
render_routes(struct buf *b)
{
	struct route	*sums, *sum;
	char		 label[256];
	unsigned int	 w, r, c;

	if ((sums = calloc(nroutes + 1, sizeof(*sums))) == NULL) {
		b->failed = true;
		return;
	}
	head(b, "licet_requests_total", "counter",
	    "Requests answered, by route and status class.");
	for (r = 0; r < nroutes; r++) {
		sum = &sums[r];
		for (w = 0; w < ncolumns; w++) {
			for (c = 0; c < CLASSES; c++)
				sum->answers[c] +=
				    column_at(w)->routes[r].answers[c];
			histogram_sum(&sum->seconds,
			    &column_at(w)->routes[r].seconds);
		}
		for (c = 0; c < CLASSES; c++) {
			if (sum->answers[c] > 0)
				buf_printf(b, "licet_requests_total{route="
				    "\"%s\",status=\"%uxx\"} %llu\n", routes[r],
				    c + 1, (unsigned long long)sum->answers[c]);
		}
	}
	head(b, shapes[HIST_COUNT].name, "histogram", shapes[HIST_COUNT].help);
	for (r = 0; r < nroutes; r++) {
		if (sums[r].seconds.sum == 0)
			continue;
		snprintf(label, sizeof(label), "route=\"%s\"", routes[r]);
		render_histogram(b, HIST_COUNT, label, &sums[r].seconds);
	}
	free(sums);
}

void
stat_render(struct buf *b)
{
	struct histogram	sum;
	unsigned int		w;
	int			h;

	render_scalars(b);
	for (h = 0; h < HIST_COUNT; h++) {
		memset(&sum, 0, sizeof(sum));
		for (w = 0; w < ncolumns; w++)
			histogram_sum(&sum, &column_at(w)->histograms[h]);
		head(b, shapes[h].name, "histogram", shapes[h].help);
		render_histogram(b, h, "", &sum);
	}
	render_routes(b);
}

void
stat_document(struct buf *b)
{
	int	i;

	buf_puts(b, "| metric | type | meaning |\n| --- | --- | --- |\n");
	for (i = 0; i < STAT_COUNT; i++) {
		if (*scalars[i].labels == '\0')
			buf_printf(b, "| `%s` | %s | %s |\n", scalars[i].name,
			    scalars[i].type, scalars[i].help);
		else
			buf_printf(b, "| `%s{%s}` | %s | %s |\n",
			    scalars[i].name, scalars[i].labels,
			    scalars[i].type, scalars[i].help);
	}
	buf_puts(b, "| `licet_requests_total{route,status}` | counter | "
	    "Requests answered, by route and status class. |\n");
	for (i = 0; i <= HIST_COUNT; i++)
		buf_printf(b, "| `%s` | histogram | %s |\n", shapes[i].name,
		    shapes[i].help);
}
