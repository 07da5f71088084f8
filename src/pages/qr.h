/*
 * A text as a QR code, to be drawn as SVG by a template: the one home of
 * libqrencode.
 */
#ifndef PAGES_QR_H
#define PAGES_QR_H

#include "base/json.h"

/*
 * {size, path}: the side in modules, quiet zone included, and the dark ones as
 * a path's `d', each 1 by 1.  The caller's; NULL: longer than a QR code holds.
 */
json_t	*qr_draw(const char *text);

#endif
