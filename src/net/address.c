/*
 * Every address is judged in one form, 16 bytes of IPv6, IPv4 being mapped to
 * ::ffff:a.b.c.d.
 */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t	mapped[12] = { [10] = 0xff, [11] = 0xff };

/* A network that is not public; IPv4 as its first bytes. */
struct special {
	uint8_t		bytes[8];
	unsigned int	prefix;
};

static const struct special	special4[] = {
	{ { 0 }, 8 },			/* this network */
	{ { 10 }, 8 },			/* private */
	{ { 100, 64 }, 10 },		/* shared, carrier-grade NAT */
	{ { 127 }, 8 },			/* loopback */
	{ { 169, 254 }, 16 },		/* link-local, cloud metadata */
	{ { 172, 16 }, 12 },		/* private */
	{ { 192, 0, 0 }, 24 },		/* protocol assignments */
	{ { 192, 0, 2 }, 24 },		/* documentation */
	{ { 192, 31, 196 }, 24 },	/* AS112 */
	{ { 192, 52, 193 }, 24 },	/* AMT */
	{ { 192, 88, 99 }, 24 },	/* 6to4 relays */
	{ { 192, 168 }, 16 },		/* private */
	{ { 192, 175, 48 }, 24 },	/* AS112 */
	{ { 198, 18 }, 15 },		/* benchmarking */
	{ { 198, 51, 100 }, 24 },	/* documentation */
	{ { 203, 0, 113 }, 24 },	/* documentation */
	{ { 224 }, 4 },			/* multicast */
	{ { 240 }, 4 },			/* reserved, broadcast */
};

/* Within 2000::/3; nothing outside of it is public. */
static const struct special	special6[] = {
	{ { 0x20, 0x01, 0x00 }, 23 },	/* Teredo, ORCHID, benchmarking */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 },	/* documentation */
	{ { 0x20, 0x02 }, 16 },		/* 6to4 */
	{ { 0x26, 0x20, 0x00, 0x4f, 0x80, 0x00 }, 48 },	/* AS112 */
	{ { 0x3f, 0xfe }, 16 },		/* former 6bone */
	{ { 0x3f, 0xff, 0x00 }, 20 },	/* documentation */
};

static bool	net_parse(struct address_net *, const char *, size_t);
static bool	address_parse(uint8_t [16], const char *, size_t);
static bool	set_has(const struct address_set *, const uint8_t [16]);
static bool	element_parse(uint8_t [16], const char *, size_t);
static bool	port_parse(const char *, size_t);

static bool
prefix_equal(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int	whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return (false);

	return (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

static bool
is_separator(char c)
{
	return (c == ',' || c == ' ' || c == '\t');
}

/* False for a family that is not IP. */
static bool
bytes_of(uint8_t out[16], const struct sockaddr *sa)
{
	struct sockaddr_in	v4;
	struct sockaddr_in6	v6;

	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		memcpy(out, mapped, sizeof(mapped));
		memcpy(out + 12, &v4.sin_addr, 4);
		return (true);
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof(v6));
		memcpy(out, &v6.sin6_addr, 16);
		return (true);
	}

	return (false);
}

bool
address_set_parse(struct address_set *set, const char *list, char *error,
    size_t errorsize)
{
	size_t	len;

	memset(set, 0, sizeof(*set));
	for (;;) {
		for (; is_separator(*list); list++)
			;
		if (*list == '\0')
			return (true);
		for (len = 0; list[len] != '\0' && !is_separator(list[len]);
		    len++)
			;
		if (set->count == ADDRESS_SET_MAX) {
			(void)snprintf(error, errorsize,
			    "more than %d addresses", ADDRESS_SET_MAX);
			break;
		}
		if (!net_parse(&set->nets[set->count], list, len)) {
			(void)snprintf(error, errorsize,
			    "not an address or network: %.*s",
			    (int)(len > 64 ? 64 : len), list);
			break;
		}
		set->count++;
		list += len;
	}
	memset(set, 0, sizeof(*set));

	return (false);
}

/* ADDRESS or ADDRESS "/" PREFIX, host bits zero. */
static bool
net_parse(struct address_net *net, const char *text, size_t len)
{
	const char	*slash = memchr(text, '/', len);
	size_t		 alen = slash == NULL ? len : (size_t)(slash - text);
	unsigned int	 bits = 0, max, i;
	uint8_t		 zero[16];

	if (!address_parse(net->bytes, text, alen))
		return (false);
	max = memchr(text, ':', alen) == NULL ? 32 : 128;
	net->prefix = 128;
	if (slash == NULL)
		return (true);
	len -= alen + 1;
	if (len == 0 || len > 3)
		return (false);
	for (i = 0; i < len; i++) {
		if (slash[i + 1] < '0' || slash[i + 1] > '9')
			return (false);
		bits = bits * 10 + (unsigned int)(slash[i + 1] - '0');
	}
	if (bits > max)
		return (false);
	net->prefix = bits + 128 - max;
	memcpy(zero, net->bytes, sizeof(zero));
	for (i = net->prefix; i < 128; i++)
		zero[i / 8] &= (uint8_t)~(0x80 >> (i % 8));

	return (memcmp(zero, net->bytes, sizeof(zero)) == 0);
}

/* A bare address, IPv4 or IPv6. */
static bool
address_parse(uint8_t out[16], const char *text, size_t len)
{
	char	copy[ADDRESS_TEXT_MAX];

	if (len == 0 || len >= sizeof(copy))
		return (false);
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (memchr(copy, ':', len) != NULL)
		return (inet_pton(AF_INET6, copy, out) == 1);
	memcpy(out, mapped, sizeof(mapped));

	return (inet_pton(AF_INET, copy, out + 12) == 1);
}

bool
address_set_has(const struct address_set *set, const struct sockaddr *sa)
{
	uint8_t	bytes[16];

	return (bytes_of(bytes, sa) && set_has(set, bytes));
}

static bool
set_has(const struct address_set *set, const uint8_t bytes[16])
{
	unsigned int	i;

	for (i = 0; i < set->count; i++) {
		if (prefix_equal(bytes, set->nets[i].bytes,
		    set->nets[i].prefix))
			return (true);
	}

	return (false);
}

static bool
is_special(const uint8_t *bytes, const struct special *table, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++) {
		if (prefix_equal(bytes, table[i].bytes, table[i].prefix))
			return (true);
	}

	return (false);
}

bool
address_is_public(const struct sockaddr *sa)
{
	static const uint8_t	nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	uint8_t			b[16];

	if (!bytes_of(b, sa))
		return (false);
	if (memcmp(b, mapped, sizeof(mapped)) == 0 ||
	    memcmp(b, nat64, sizeof(nat64)) == 0)
		return (!is_special(b + 12, special4,
		    sizeof(special4) / sizeof(special4[0])));

	return ((b[0] & 0xe0) == 0x20 && !is_special(b, special6,
	    sizeof(special6) / sizeof(special6[0])));
}

static void
address_render(char out[ADDRESS_TEXT_MAX], const uint8_t bytes[16])
{
	bool	v4 = memcmp(bytes, mapped, sizeof(mapped)) == 0;

	if (inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bytes + 12 : bytes, out,
	    ADDRESS_TEXT_MAX) == NULL)
		out[0] = '\0';
}

void
address_client(char out[ADDRESS_TEXT_MAX], const struct sockaddr *peer,
    const char *forwarded, const struct address_set *trusted)
{
	uint8_t		 best[16], bytes[16];
	const char	*begin, *end;

	if (!bytes_of(best, peer)) {
		memcpy(out, "0.0.0.0", sizeof("0.0.0.0"));
		return;
	}
	end = forwarded == NULL ? NULL : forwarded + strlen(forwarded);
	while (end != NULL && set_has(trusted, best)) {
		begin = memrchr(forwarded, ',', (size_t)(end - forwarded));
		begin = begin == NULL ? forwarded : begin + 1;
		if (!element_parse(bytes, begin, (size_t)(end - begin)))
			break;
		memcpy(best, bytes, sizeof(best));
		end = begin == forwarded ? NULL : begin - 1;
	}
	address_render(out, best);
}

/* An element of X-Forwarded-For, blanks around it, perhaps with a port. */
static bool
element_parse(uint8_t out[16], const char *text, size_t len)
{
	const char	*end;

	for (; len > 0 && (*text == ' ' || *text == '\t'); text++, len--)
		;
	for (; len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t');
	    len--)
		;
	if (len > 0 && *text == '[') {
		if ((end = memchr(text, ']', len)) == NULL ||
		    memchr(text, ':', (size_t)(end - text)) == NULL)
			return (false);
		return (port_parse(end + 1, len - (size_t)(end + 1 - text)) &&
		    address_parse(out, text + 1, (size_t)(end - text) - 1));
	}
	end = memchr(text, ':', len);
	if (end != NULL && memchr(text, '.', (size_t)(end - text)) != NULL) {
		if (!port_parse(end, len - (size_t)(end - text)))
			return (false);
		len = (size_t)(end - text);
	}

	return (address_parse(out, text, len));
}

/* Nothing, or ":" and up to five digits. */
static bool
port_parse(const char *text, size_t len)
{
	size_t	i;

	if (len == 0)
		return (true);
	if (*text != ':' || len < 2 || len > 6)
		return (false);
	for (i = 1; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return (false);
	}

	return (true);
}
