#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/tls.h"
#include "c2/front/grpc_inner.h"

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *in, unsigned in_len, void *ctx)
{
	static const unsigned char h2[] = {2, 'h', '2'};
	unsigned char *picked;

	(void)ssl, (void)ctx;
	if (SSL_select_next_proto(&picked, out_len, h2, sizeof h2, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = picked;
	return SSL_TLSEXT_ERR_OK;
}

static bool set_policy(SSL_CTX *ctx)
{
	/* No tickets: their key lives as long as we do, and would open what it resumed. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, tls_openssl_ciphers()) == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, tls_openssl_ciphersuites()) == 1 &&
	       /* A macro that casts const away, and only reads. */
	       SSL_CTX_set1_groups_list(ctx, (uintptr_t)tls_openssl_groups()) == 1;
}

/* A key with a passphrase is refused instead of asking for it on the terminal. */
static int no_passphrase(char *buf, int size, int rw, void *ctx)
{
	(void)buf, (void)size, (void)rw, (void)ctx;
	return -1;
}

static bool use_chain(SSL_CTX *ctx, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL);
	bool ok = cert && SSL_CTX_use_certificate(ctx, cert) == 1;

	X509_free(cert);
	while (ok && (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)))
		ok = SSL_CTX_add0_chain_cert(ctx, cert) == 1;
	BIO_free(bio);
	return ok;
}

static bool use_key(SSL_CTX *ctx, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	bool ok =
		key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok;
}

bool grpc_tls_new(SSL_CTX **out, const struct front_tls *tls, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || !set_policy(ctx)) {
		err_set(err, ERR_CONFIG, "gRPC: TLS cannot be set up");
		goto fail;
	}
	if (!use_chain(ctx, tls->cert)) {
		err_set(err, ERR_CONFIG, "tls.cert: no certificate in PEM that can be used");
		goto fail;
	}
	if (!use_key(ctx, tls->key)) {
		err_set(err, ERR_CONFIG,
			"tls.key: not a key in PEM without passphrase that belongs to tls.cert");
		goto fail;
	}
	ERR_clear_error();
	*out = ctx;
	return true;
fail:
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return false;
}
