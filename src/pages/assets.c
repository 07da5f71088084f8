/* Style sheets and the like, compiled in by tools/embed-assets. */
#include "pages/pages.h"

#include "flow/respond.h"

#include "assets.h"

#include <string.h>

static enum flow_next
asset_send(struct flow *f)
{
	const char	*name;
	unsigned int	 i;

	name = arena_printf(&f->arena, "%s/%s", flow_text(f, "folder"),
	    flow_text(f, "name"));
	for (i = 0; i < asset_count; i++) {
		if (strcmp(assets[i].name, name))
			continue;
		flow_header(f, "etag", assets[i].etag);
		return (flow_send(f, 200, assets[i].type, assets[i].data,
		    assets[i].len));
	}
	return (flow_fail(f, ERR_NOT_FOUND, "No such asset."));
}

const struct endpoint	pages_assets[] = {
	{ .method = GET, .path = "/assets/:folder/:name",
	    .steps = FLOW_STEPS(FLOW_STEP(asset_send)),
	    .hidden = true, .summary = "Style sheets." },
	ENDPOINT_END
};
