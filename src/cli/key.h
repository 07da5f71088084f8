/* licetctl key: makes and edits the key ring. */
#ifndef CLI_KEY_H
#define CLI_KEY_H

/*
 * argv[0] is "key", argv[1] the verb: create, add, activate ID, rotate, list,
 * public, import FILE.  The ring is the file LICET_KEY_RING, its passphrase see
 * crypto/passphrase.h.  Results go to stdout, trouble to stderr.  Returns the
 * process's exit status: 0; 1 with nothing changed; 2 for a wrong call.
 */
int	cli_key(int argc, char **argv);

#endif
