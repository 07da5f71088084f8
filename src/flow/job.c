/* Flows without a client: jobs, counted so that a drain can wait for them. */
#include "flow/flow.h"

#include "base/log.h"
#include "base/stat.h"

#include <kore/kore.h>

#define JOB_MS	60000	/* how long one may take */

static unsigned int	njobs;

void
flow_end_job(struct flow *f)
{
	if (f->fault != ERR_NONE)
		LOG(LOG_WARNING, "job.failed", LS("job", f->job),
		    LS("step", f->at->name),
		    LS("code", err_info(f->fault)->code),
		    LS("message", f->fault_message));
	stat_add(f->fault == ERR_NONE ? STAT_JOBS_RUN : STAT_JOBS_FAILED, 1);
	njobs--;
	if (f->ended != NULL)
		f->ended(f, f->fault);
	flow_drop(f);
}

void
flow_start_job(const char *name, const struct flow_step *steps, size_t state,
    void (*init)(void *, const void *), const void *arg,
    void (*ended)(struct flow *, enum err))
{
	struct flow	*f = flow_new();

	f->job = name;
	f->at = steps;
	f->ended = ended;
	f->deadline_ms = kore_time_ms() + JOB_MS;
	f->actor_kind = "system";
	(void)kore_strlcpy(f->request_id, name, sizeof(f->request_id));
	f->state = arena_alloc(&f->arena, state == 0 ? 1 : state);
	if (init != NULL)
		init(f->state, arg);
	njobs++;
	(void)flow_run(f);
}

unsigned int
flow_jobs(void)
{
	return (njobs);
}
