/*
 * What TLS we speak, once, for every library that speaks it for us: TLS 1.2 and
 * 1.3, forward secrecy, authenticated encryption, nothing older. The texts are
 * made from one table of suites; best first.
 */
#ifndef BASE_TLS_H
#define BASE_TLS_H

/* A whole priority string for GnuTLS. */
const char *tls_gnutls_priority(void);

/* Cipher list of TLS 1.2 for OpenSSL; the minimum version is for the caller to set. */
const char *tls_openssl_ciphers(void);

/* Cipher suites of TLS 1.3 for OpenSSL. */
const char *tls_openssl_ciphersuites(void);

/* Key exchange groups for OpenSSL. */
const char *tls_openssl_groups(void);

#endif
