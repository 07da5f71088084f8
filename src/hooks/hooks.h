/* What payment providers and other systems call. */
#ifndef HOOKS_HOOKS_H
#define HOOKS_HOOKS_H

#include "flow/endpoint.h"

extern const struct endpoint	hooks_btcpay[];
extern const struct endpoint	hooks_zaprite[];
extern const struct endpoint	hooks_btcpay_authorize[];

#endif
