/* JSON bodies of calls to providers. */
#ifndef PAY_BODY_H
#define PAY_BODY_H

#include "base/json.h"
#include "pay/provider.h"

/* The call's body, copied to the arena; takes the reference. */
void	 pay_ask_body(struct arena *, json_t *, struct pay_ask *);
/* A member that is a text; NULL says nothing. */
void	 pay_put(json_t *object, const char *name, const char *text);
/* What an order tells of itself, for the provider to keep; the caller's. */
json_t	*pay_metadata(const struct pay_order *);

#endif
