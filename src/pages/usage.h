/*
 * What a deletion takes along, as the pages of products and policies say it
 * before: columns of GET .../usage.
 */
#ifndef PAGES_USAGE_H
#define PAGES_USAGE_H

#include "pages/page.h"

/* clang-format off */
#define USAGE_COLUMNS(...)						\
	COLUMNS({ "Licenses", "licenses", CELL_NUMBER, "none" },	\
	{ "of these active", "active_licenses", CELL_NUMBER, "none" },	\
	{ "Machines", "machines", CELL_NUMBER, "none" },		\
	{ "Subscriptions", "subscriptions", CELL_NUMBER, "none" },	\
	{ "of these live", "live_subscriptions", CELL_NUMBER, "none" }, \
	{ "Invoices", "invoices", CELL_NUMBER, "none" },		\
	{ "Refunds", "refunds", CELL_NUMBER, "none" },			\
	{ "Tips", "tips", CELL_NUMBER, "none" },			\
	{ "Changes of tier", "tier_changes", CELL_NUMBER, "none" },	\
	{ "Discount codes", "codes", CELL_NUMBER, "none" },		\
	{ "Their uses", "redemptions", CELL_NUMBER, "none" },		\
	__VA_ARGS__)
/* clang-format on */

#endif
