/* Is this text UTF-8? */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if the bytes are well-formed UTF-8 (RFC 3629): no overlong form, no
 * surrogate, nothing above U+10FFFF, no sequence cut short.  NUL is allowed,
 * and so is the empty text.
 */
bool	utf8_valid(const void *text, size_t len);

#endif
