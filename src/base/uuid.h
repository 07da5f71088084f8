/* UUIDs (RFC 4122): 16 bytes in network order and their hyphenated text. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_LEN		16
#define UUID_TEXT_LEN		36

/* Writes the lower-case hyphenated form and a NUL. */
void	uuid_format(const uint8_t id[16], char out[37]);

/*
 * Reads exactly 36 characters, 8-4-4-4-12 hexadecimal digits of either case;
 * any version and variant.  False for everything else; `out' is then
 * unspecified.  `text' needs no NUL.
 */
bool	uuid_parse(const char *text, size_t len, uint8_t out[16]);

/* A random UUID (version 4) from the kernel.  Aborts if there is no entropy. */
void	uuid_random(uint8_t out[16]);

#endif
