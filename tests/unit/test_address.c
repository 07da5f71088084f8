/* Networks, public addresses, and who the client is behind proxies. */
#include "net/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static struct sockaddr_storage
sock(const char *text)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_in	*v4 = (struct sockaddr_in *)&ss;
	struct sockaddr_in6	*v6 = (struct sockaddr_in6 *)&ss;

	memset(&ss, 0, sizeof(ss));
	if (strchr(text, ':') != NULL) {
		ss.ss_family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
	} else {
		ss.ss_family = AF_INET;
		assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
	}

	return (ss);
}

static void
sets_that_parse(void **state)
{
	static const struct {
		const char	*list;
		unsigned int	 count;
		const char	*in, *out;
	} cases[] = {
		{ "", 0, NULL, "127.0.0.1" },
		{ " , ,", 0, NULL, "::1" },
		{ "127.0.0.1", 1, "127.0.0.1", "127.0.0.2" },
		{ "127.0.0.1", 1, "::ffff:127.0.0.1", "::1" },
		{ "::ffff:10.0.0.0/104", 1, "10.255.0.1", "11.0.0.1" },
		{ "10.0.0.0/8", 1, "10.255.255.255", "11.0.0.0" },
		{ "10.128.0.0/9", 1, "10.128.0.0", "10.127.255.255" },
		{ "1.2.3.4,::1,10.0.0.0/8", 3, "::1", "::2" },
		{ "1.2.3.4 10.0.0.0/8\t::1", 3, "10.1.1.1", "1.2.3.5" },
		{ "0.0.0.0/0", 1, "8.8.8.8", "2001::1" },
		{ "::/0", 1, "8.8.8.8", NULL },
		{ "::/0", 1, "2001::1", NULL },
		{ "fd00::/8", 1, "fdff::1", "fc00::1" },
		{ "2001:db8::/33", 1, "2001:db8:7fff::", "2001:db8:8000::" },
		{ "1.2.3.4/32", 1, "1.2.3.4", "1.2.3.5" },
		{ "::1/128", 1, "::1", "::" },
	};
	struct sockaddr_storage	 ss;
	struct address_set	 set;
	char			 error[128];
	size_t			 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(address_set_parse(&set, cases[i].list, error,
		    sizeof(error)));
		assert_int_equal(set.count, cases[i].count);
		if (cases[i].in != NULL) {
			ss = sock(cases[i].in);
			assert_true(address_set_has(&set,
			    (struct sockaddr *)&ss));
		}
		if (cases[i].out != NULL) {
			ss = sock(cases[i].out);
			assert_false(address_set_has(&set,
			    (struct sockaddr *)&ss));
		}
	}
	ss.ss_family = AF_UNIX;
	assert_false(address_set_has(&set, (struct sockaddr *)&ss));
}

static void
sets_that_do_not_parse(void **state)
{
	static const char *const	cases[] = {
		"x", "1.2.3", "1.2.3.4.5", "1.2.3.4/33", "1.2.3.4/", "/8",
		"1.2.3.4/8", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08x",
		"::1/129", "::1/64", "::1/0000", ":", "[::1]", "localhost",
		"1.2.3.4,x", "1.2.3.4;5.6.7.8", "256.1.1.1", "10.0.0.0/8/8",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc",
	};
	struct address_set	 set;
	char			 error[128], list[512] = "";
	size_t			 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error[0] = '\0';
		assert_false(address_set_parse(&set, cases[i], error,
		    sizeof(error)));
		assert_true(error[0] != '\0');
		assert_int_equal(set.count, 0);
	}
	for (i = 0; i < ADDRESS_SET_MAX; i++)
		memcpy(list + 8 * i, "1.1.1.1,", 8);
	assert_true(address_set_parse(&set, list, error, sizeof(error)));
	memcpy(list + 8 * i, "1.1.1.1", 8);
	assert_false(address_set_parse(&set, list, error, sizeof(error)));
}

static void
public_addresses(void **state)
{
	static const struct {
		const char	*address;
		bool		 is_public;
	} cases[] = {
		{ "8.8.8.8", true },
		{ "1.1.1.1", true },
		{ "9.255.255.255", true },
		{ "11.0.0.0", true },
		{ "100.63.255.255", true },
		{ "100.128.0.0", true },
		{ "172.15.255.255", true },
		{ "172.32.0.0", true },
		{ "192.167.1.1", true },
		{ "192.169.0.0", true },
		{ "198.17.255.255", true },
		{ "198.20.0.0", true },
		{ "223.255.255.255", true },
		{ "0.0.0.0", false }, { "0.1.2.3", false },
		{ "10.0.0.1", false }, { "100.64.0.1", false },
		{ "100.127.255.255", false }, { "127.0.0.1", false },
		{ "127.255.255.255", false }, { "169.254.169.254", false },
		{ "172.16.0.0", false }, { "172.31.255.255", false },
		{ "192.0.0.8", false }, { "192.0.2.1", false },
		{ "192.88.99.1", false }, { "192.168.1.1", false },
		{ "198.18.0.1", false }, { "198.19.255.255", false },
		{ "198.51.100.7", false }, { "203.0.113.7", false },
		{ "224.0.0.1", false }, { "239.1.1.1", false },
		{ "240.0.0.1", false }, { "255.255.255.255", false },
		{ "2606:4700::1111", true }, { "2a00:1450::1", true },
		{ "2001:4860:4860::8888", true }, { "2001:200::1", true },
		{ "2620:4f:8001::", true },
		{ "::", false }, { "::1", false }, { "fe80::1", false },
		{ "fc00::1", false }, { "fdff::1", false },
		{ "ff02::1", false }, { "fec0::1", false },
		{ "2001::1", false }, { "2001:1ff::", false },
		{ "2001:db8::1", false }, { "2002:7f00:1::", false },
		{ "2620:4f:8000::1", false }, { "3fff:fff::1", false },
		{ "100::1", false }, { "4000::1", false },
		{ "::ffff:8.8.8.8", true }, { "::ffff:127.0.0.1", false },
		{ "::ffff:169.254.169.254", false }, { "::8.8.8.8", false },
		{ "64:ff9b::8.8.8.8", true }, { "64:ff9b::10.0.0.1", false },
		{ "64:ff9b:1::8.8.8.8", false },
	};
	struct sockaddr_storage	 ss;
	size_t			 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ss = sock(cases[i].address);
		if (address_is_public((struct sockaddr *)&ss) !=
		    cases[i].is_public)
			fail_msg("%s", cases[i].address);
	}
	ss.ss_family = AF_UNIX;
	assert_false(address_is_public((struct sockaddr *)&ss));
}

static void
clients(void **state)
{
	static const struct {
		const char	*peer, *forwarded, *client;
	} cases[] = {
		/* the peer is not a proxy of ours */
		{ "8.8.8.8", NULL, "8.8.8.8" },
		{ "8.8.8.8", "1.2.3.4", "8.8.8.8" },
		{ "2001:DB8:0::1", "1.2.3.4", "2001:db8::1" },
		{ "::ffff:8.8.8.8", "1.2.3.4", "8.8.8.8" },
		/* it is */
		{ "127.0.0.1", NULL, "127.0.0.1" },
		{ "127.0.0.1", "", "127.0.0.1" },
		{ "127.0.0.1", "1.2.3.4", "1.2.3.4" },
		{ "::ffff:127.0.0.1", " 1.2.3.4 ", "1.2.3.4" },
		{ "::1", "2001:db8:0:0::7", "2001:db8::7" },
		{ "127.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4" },
		{ "127.0.0.1", "6.6.6.6,1.2.3.4 ,\t10.0.0.1", "1.2.3.4" },
		{ "127.0.0.1", "1.2.3.4, 10.0.0.1,10.9.9.9, ::1", "1.2.3.4" },
		{ "127.0.0.1", "10.0.0.2, 10.0.0.1", "10.0.0.2" },
		{ "127.0.0.1", "::ffff:1.2.3.4", "1.2.3.4" },
		/* ports */
		{ "127.0.0.1", "1.2.3.4:567", "1.2.3.4" },
		{ "127.0.0.1", "[::2]:5", "::2" },
		{ "127.0.0.1", "[::2]", "::2" },
		{ "127.0.0.1", "::2", "::2" },
		{ "127.0.0.1", "1.2.3.4:567, 10.0.0.1:1", "1.2.3.4" },
		/* garbage ends the walk */
		{ "127.0.0.1", "unknown", "127.0.0.1" },
		{ "127.0.0.1", "1.2.3.4, unknown", "127.0.0.1" },
		{ "127.0.0.1", "1.2.3.4, unknown, 10.0.0.1", "10.0.0.1" },
		{ "127.0.0.1", "1.2.3.4,", "127.0.0.1" },
		{ "127.0.0.1", ",1.2.3.4", "1.2.3.4" },
		{ "127.0.0.1", ",", "127.0.0.1" },
		{ "127.0.0.1", "1.2.3.4:", "127.0.0.1" },
		{ "127.0.0.1", "1.2.3.4:x", "127.0.0.1" },
		{ "127.0.0.1", "1.2.3.4:123456", "127.0.0.1" },
		{ "127.0.0.1", "[1.2.3.4]", "127.0.0.1" },
		{ "127.0.0.1", "[::2", "127.0.0.1" },
		{ "127.0.0.1", "[::2]x", "127.0.0.1" },
		{ "127.0.0.1", "1.2.3.4 5.6.7.8", "127.0.0.1" },
		{ "127.0.0.1", "fe80::1%eth0", "127.0.0.1" },
		{ "127.0.0.1", "\"1.2.3.4\"", "127.0.0.1" },
	};
	struct sockaddr_storage	 ss;
	struct address_set	 set;
	char			 out[ADDRESS_TEXT_MAX], error[64];
	size_t			 i;

	assert_true(address_set_parse(&set, "127.0.0.0/8,::1,10.0.0.0/8",
	    error, sizeof(error)));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ss = sock(cases[i].peer);
		address_client(out, (struct sockaddr *)&ss,
		    cases[i].forwarded, &set);
		assert_string_equal(out, cases[i].client);
	}
	ss.ss_family = AF_UNIX;
	address_client(out, (struct sockaddr *)&ss, "1.2.3.4", &set);
	assert_string_equal(out, "0.0.0.0");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(sets_that_parse),
		cmocka_unit_test(sets_that_do_not_parse),
		cmocka_unit_test(public_addresses),
		cmocka_unit_test(clients),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
