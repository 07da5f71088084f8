#include "pages/qr.h"

#include "base/buf.h"

#include <qrencode.h>

#include <stdlib.h>

#define QUIET	4	/* modules of nothing around it, as the standard wants */
#define DARK	0x01
#define PATH_MAX_LEN	(1024u * 1024)

/* Modules of a row that stand side by side are one stretch. */
static void
put_row(struct buf *b, const unsigned char *row, int width, int y)
{
	int	x, from;

	for (x = 0; x < width; x++) {
		if (!(row[x] & DARK))
			continue;
		for (from = x; x < width && row[x] & DARK; x++)
			;
		buf_printf(b, "M%d %dh%dv1h-%dz", from + QUIET, y + QUIET,
		    x - from, x - from);
	}
}

json_t *
qr_draw(const char *text)
{
	struct buf	 b;
	json_t		*drawn;
	QRcode		*code;
	int		 y;

	code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
	if (code == NULL)
		return (NULL);
	buf_init(&b, PATH_MAX_LEN);
	for (y = 0; y < code->width; y++)
		put_row(&b, code->data + y * code->width, code->width, y);
	drawn = b.failed ? NULL : json_pack("{s:i,s:s}", "size",
	    code->width + 2 * QUIET, "path", b.data);
	buf_free(&b);
	QRcode_free(code);
	return (drawn);
}
