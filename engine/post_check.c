#define _GNU_SOURCE
#include "engine/post_check.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>

#include <curl/curl.h>

/* RFC 6890 and the IANA registry of special-purpose addresses: those not globally reachable. */
static const struct {
	uint32_t net;
	int bits;
} closed4[] = {
	{0x00000000, 8},  /* this network */
	{0x0a000000, 8},  /* private */
	{0x64400000, 10}, /* shared, of carriers */
	{0x7f000000, 8},  /* loopback */
	{0xa9fe0000, 16}, /* link-local, clouds' metadata */
	{0xac100000, 12}, /* private */
	{0xc0000000, 24}, /* protocol assignments */
	{0xc0000200, 24}, /* documentation */
	{0xc0a80000, 16}, /* private */
	{0xc6120000, 15}, /* benchmarks */
	{0xc6336400, 24}, /* documentation */
	{0xcb007100, 24}, /* documentation */
	{0xe0000000, 4},  /* multicast */
	{0xf0000000, 4},  /* reserved, broadcast */
};

static bool is_public4(uint32_t a)
{
	for (size_t i = 0; i < sizeof closed4 / sizeof *closed4; i++)
		if ((a ^ closed4[i].net) >> (32 - closed4[i].bits) == 0)
			return false;
	return true;
}

static uint32_t word(const uint8_t *a)
{
	return (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];
}

static bool is_public6(const uint8_t a[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	static const uint8_t docs[4] = {0x20, 0x01, 0x0d, 0xb8};

	if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
		return is_public4(word(a + 12));
	if (a[0] == 0x20 && a[1] == 0x02) /* 6to4 */
		return is_public4(word(a + 2));
	/* Of what is left only 2000::/3 is given out at all; Teredo and ORCHID lie in 2001::/23. */
	return a[0] >> 5 == 1 && !(a[0] == 0x20 && a[1] == 0x01 && a[2] < 2) &&
	       memcmp(a, docs, 4) != 0;
}

bool post_address_is_public(const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, addr, sizeof in);
		return is_public4(ntohl(in.sin_addr.s_addr));
	}
	if (addr->sa_family == AF_INET6) {
		struct sockaddr_in6 in;

		memcpy(&in, addr, sizeof in);
		return is_public6(in.sin6_addr.s6_addr);
	}
	return false;
}

/*
 * A beginning that ends within the host would allow http://10.0.0.1.evil.example
 * too, so one must end with / or where the URL does, or before one of / ? #.
 */
static bool fits(const char *url, const char *begin, size_t len)
{
	return strncmp(url, begin, len) == 0 &&
	       (begin[len - 1] == '/' || strchr("/?#", url[len]) != NULL);
}

bool post_url_is_allowed(const char *url, const char *allow)
{
	if (!allow)
		return false;
	while (*(allow += strspn(allow, " \t"))) {
		size_t len = strcspn(allow, " \t");

		/* At least a scheme, two slashes and a host. */
		if (len > 8 && fits(url, allow, len))
			return true;
		allow += len;
	}
	return false;
}

static char *host_of(const char *url)
{
	CURLU *u = curl_url();
	char *host = NULL;

	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK)
		curl_url_get(u, CURLUPART_HOST, &host, 0);
	curl_url_cleanup(u);
	return host;
}

bool post_url_is_loopback(const char *url)
{
	char *host = host_of(url);
	bool is = host && (strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 ||
			   strcmp(host, "localhost") == 0);

	curl_free(host);
	return is;
}

bool post_url_has_user(const char *url)
{
	const char *host = strstr(url, "://");
	const char *at;

	if (!host)
		return false;
	host += 3;
	at = memchr(host, '@', strcspn(host, "/?#"));
	return at != NULL;
}

bool post_email_is_plain(const char *address)
{
	const char *at = strchr(address, '@');

	if (!at || at == address || !at[1] || at[1] == '.' || *address == '-')
		return false;
	for (const char *c = address; *c; c++)
		if (c != at && !isalnum((unsigned char)*c) &&
		    !strchr(c < at ? ".!#$%&'*+/=?^_`{|}~-" : ".-", *c))
			return false;
	return true;
}
