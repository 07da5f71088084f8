#include "domain/tip.h"

#define BASIS_POINTS	10000	/* the whole */

int64_t
tip_sats(int64_t paid_sats, int bps)
{
	if (paid_sats <= 0 || bps <= 0)
		return (0);
	if (bps > BASIS_POINTS)
		bps = BASIS_POINTS;
	return ((int64_t)((__int128)paid_sats * bps / BASIS_POINTS));
}

bool
tip_is_sent(int64_t tip)
{
	return (tip > 0 && tip <= TIP_SATS_MAX);
}
