/* Where a letter may go: pure questions about addresses and texts. */
#ifndef ENGINE_POST_CHECK_H
#define ENGINE_POST_CHECK_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Neither loopback, private, link-local, shared, multicast, reserved nor an IPv6
 * form of such an IPv4 address (RFC 6890 and its registries). Unknown families
 * are not public.
 */
bool post_address_is_public(const struct sockaddr *addr);

/* Does one of the beginnings, with spaces between them, fit? allow may be null. */
bool post_url_is_allowed(const char *url, const char *allow);

/* Is the host one of 127.0.0.1, ::1 and localhost? */
bool post_url_is_loopback(const char *url);

/* Is there something before an @ in the host's part? */
bool post_url_has_user(const char *url);

/*
 * local@domain of ASCII letters, digits and .!#$%&'*+/=?^_`{|}~- with no more
 * than one @ and something on both sides: nothing that could end a header or a
 * command of SMTP.
 */
bool post_email_is_plain(const char *address);

#endif
