#include "flow/form.h"

#include "base/text.h"
#include "flow/request.h"

#include <string.h>

#define FORM_MAX	65536

const char *
form_text(struct flow *f, const char *name)
{
	const char	*body;
	char		*form, *pair, *value;
	size_t		 len;

	body = flow_request_body(f, &len);
	form = arena_strndup(&f->arena, body, len > FORM_MAX ? 0 : len);
	while ((pair = strsep(&form, "&")) != NULL) {
		if ((value = strchr(pair, '=')) == NULL)
			continue;
		*value++ = '\0';
		if (!strcmp(pair, name))
			return (text_url_decode(value, true) ? value : "");
	}
	return ("");
}
