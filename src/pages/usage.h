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
#define USAGE_LARGE							\
	COLUMNS({ "Licenses", "licenses", CELL_COUNT, "none" },		\
	{ "Invoices", "invoices", CELL_COUNT, "none" })
/* Blocks of a page whose source `usage' is; more columns if it is small. */
#define USAGE_BLOCKS(...)						\
	{ BLOCK_FACTS, "What is deleted", "usage",			\
	    USAGE_COLUMNS(__VA_ARGS__), .when = "!usage.is_large" },	\
	{ BLOCK_FACTS, "What is deleted", "usage", USAGE_LARGE,		\
	    .when = "usage.is_large" },					\
	{ BLOCK_TEXT, .when = "usage.is_large",				\
	    .empty = "And all that hangs on them, too much to be counted " \
	    "here: machines, subscriptions, refunds, tips, changes of tier, " \
	    "uses of discount codes." }
/* clang-format on */

#endif
