/* The release, as answers, pages and the command line show it. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define LICET_VERSION	"0.1.0"

#endif
