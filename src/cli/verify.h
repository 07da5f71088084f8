/* licetctl verify: what a license key says, and who signed it. */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

/*
 * Reads a license key from the file, or from standard input when it is "-",
 * prints what it says and whether a key of the ring (LICET_KEY_RING) signed
 * it.  No database is asked: a revoked key is signed as well as any.  Returns
 * 0 only if it was.
 */
int	cli_verify(const char *file);

#endif
