/*
 * IP addresses: lists of networks, who the client is behind trusted proxies,
 * and which addresses are public.  Knows no Kore.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;

#define ADDRESS_SET_MAX		32
#define ADDRESS_TEXT_MAX	46	/* INET6_ADDRSTRLEN */

/* IPv4 networks are kept as v4-mapped IPv6, prefix + 96. */
struct address_net {
	uint8_t		bytes[16];
	unsigned int	prefix;
};

struct address_set {
	unsigned int		count;
	struct address_net	nets[ADDRESS_SET_MAX];
};

/*
 * Parses a list like "127.0.0.1, 10.0.0.0/8, ::1": commas or spaces between
 * elements, host bits of a network must be zero.  An empty list is a set of
 * nothing.  On failure returns false, writes a sentence to `error' and leaves
 * the set empty.
 */
bool	address_set_parse(struct address_set *, const char *list, char *error,
	    size_t errorsize);

/* False for families other than AF_INET and AF_INET6. */
bool	address_set_has(const struct address_set *, const struct sockaddr *);

/*
 * True for addresses of the public Internet only: none of the special-purpose
 * ranges of RFC 6890 and its successors (private, shared, loopback,
 * link-local, documentation, benchmarking, multicast, reserved, unique local,
 * Teredo, 6to4...).  IPv4 in v4-mapped or NAT64 form is judged as IPv4.
 */
bool	address_is_public(const struct sockaddr *);

/*
 * The address of the client as canonical text: that of `peer' unless it is a
 * trusted proxy.  Then X-Forwarded-For (NULL: none; repeated headers joined
 * by commas) is walked from the right past trusted proxies; the first other
 * element is the client.  An element that is not an address ends the walk at
 * the last one that was.  Elements may carry a port: "1.2.3.4:5", "[::1]:5".
 * v4-mapped IPv6 is written as IPv4; a peer that is no IP address (a Unix
 * socket) as "0.0.0.0", untrusted.
 */
void	address_client(char out[ADDRESS_TEXT_MAX], const struct sockaddr *peer,
	    const char *x_forwarded_for, const struct address_set *trusted);

#endif
