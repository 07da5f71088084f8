/*
 * Style sheets and the like, compiled in by tools/embed-assets.  Pages name
 * them with their content's hash, and such a name never changes its meaning;
 * by the plain name they are asked for anew each time.
 */
#include "pages/pages.h"

#include "flow/request.h"
#include "flow/respond.h"

#include "assets.h"

#include <string.h>

static enum flow_next
asset_send(struct flow *f)
{
	const char	*name, *known;
	unsigned int	 i;
	bool		 hashed;

	name = arena_printf(&f->arena, "%s/%s", flow_text(f, "folder"),
	    flow_text(f, "name"));
	for (i = 0; i < asset_count; i++) {
		hashed = !strcmp(assets[i].hashed, name);
		if (!hashed && strcmp(assets[i].name, name))
			continue;
		f->cached = hashed ? "public, max-age=31536000, immutable" :
		    "no-cache";
		flow_header(f, "etag", assets[i].etag);
		known = flow_request_header(f, "if-none-match");
		if (known != NULL && strstr(known, assets[i].etag) != NULL)
			return (flow_send(f, 304, assets[i].type, NULL, 0));
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
