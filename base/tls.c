#include "base/tls.h"

/* Ciphers: TLS 1.3 suite, the cipher's name in OpenSSL's TLS 1.2 suites, in GnuTLS. */
#define CIPHERS(X)                                                                                 \
	X("TLS_AES_256_GCM_SHA384", "AES256-GCM-SHA384", "AES-256-GCM")                            \
	X("TLS_CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305", "CHACHA20-POLY1305")                \
	X("TLS_AES_128_GCM_SHA256", "AES128-GCM-SHA256", "AES-128-GCM")

/* Groups: OpenSSL, GnuTLS. */
#define GROUPS(X)                                                                                  \
	X("X25519", "X25519")                                                                      \
	X("P-256", "SECP256R1")                                                                    \
	X("P-384", "SECP384R1")

/* Each list is joined with ':' in front of every member; the first is skipped. */

const char *tls_gnutls_priority(void)
{
#define CIPHER(tls13, openssl, gnutls) ":+" gnutls
#define GROUP(openssl, gnutls) ":+GROUP-" gnutls
	/* Signatures: those of the normal level without SHA-1. */
	return "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+COMP-NULL:+CTYPE-X509:+AEAD"
	       ":+ECDHE-ECDSA:+ECDHE-RSA:+SIGN-ALL:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1"
	       ":-SIGN-DSA-SHA1:%SERVER_PRECEDENCE" CIPHERS(CIPHER) GROUPS(GROUP);
#undef CIPHER
#undef GROUP
}

const char *tls_openssl_ciphers(void)
{
#define ECDSA(tls13, openssl, gnutls) ":ECDHE-ECDSA-" openssl
#define RSA(tls13, openssl, gnutls) ":ECDHE-RSA-" openssl
	static const char list[] = CIPHERS(ECDSA) CIPHERS(RSA);

	return list + 1;
#undef ECDSA
#undef RSA
}

const char *tls_openssl_ciphersuites(void)
{
#define SUITE(tls13, openssl, gnutls) ":" tls13
	static const char list[] = CIPHERS(SUITE);

	return list + 1;
#undef SUITE
}

const char *tls_openssl_groups(void)
{
#define GROUP(openssl, gnutls) ":" openssl
	static const char list[] = GROUPS(GROUP);

	return list + 1;
#undef GROUP
}
