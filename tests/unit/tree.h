/* JSON of a text that is right. */
#ifndef TEST_TREE_H
#define TEST_TREE_H

#include "base/json.h"

#include <string.h>

static json_t *
tree(const char *text)
{
	char	 why[96];
	json_t	*j = json_read(text, strlen(text), why, sizeof(why));

	if (j == NULL)
		fail_msg("%s: %s", text, why);
	return (j);
}

#endif
