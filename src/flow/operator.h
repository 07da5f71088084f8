/* Who sells here. */
#ifndef FLOW_OPERATOR_H
#define FLOW_OPERATOR_H

struct db_rows;

/*
 * The name that an administrator stored, else the settings'; NULL: neither.
 * Of the rows of operator_name_get, or any that have that column; lent by them.
 */
const char	*operator_name(const struct db_rows *);

#endif
