/* The release. */
#ifndef VERSION_H
#define VERSION_H

#define LICET_VERSION	"0.1.0"

#endif
