/*
 * Letters to people and their programs: webhooks and e-mail, sent beside
 * everything else that the loop does.
 *
 * What a webhook must not be is a way into the server's own network: it goes to
 * https alone and to public addresses alone, looked at after the name was
 * resolved and never by way of a proxy or a redirect, unless the configuration
 * allows its beginning.
 *
 * The body is signed, so that the receiver knows who speaks and that it is new:
 *     E4-Signature: t=UNIX-SECONDS,v1=HEX of HMAC-SHA256(secret, "UNIX-SECONDS." BODY)
 * A letter may come twice; E4-Delivery names it.
 */
#ifndef ENGINE_POST_H
#define ENGINE_POST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"

/* Null: not set. Copied. */
struct post_config {
	const char *webhook_secret_file; /* its first line is the secret; without it no webhooks */
	const char *webhook_allow;       /* beginnings of URLs that may be http or not public */
	const char *webhook_ca;          /* certificates to trust; the system's without it */
	const char *smtp_url; /* smtp://host:port (STARTTLS) or smtps://; without it no mail */
	const char *smtp_user, *smtp_password_file;
	const char *smtp_from;
	const char *smtp_ca;
};

struct post;

/* ERR_CONFIG for settings that do not go together, errors of file_read_line for files. */
bool post_open(struct post **out, const struct post_config *config, struct loop *loop,
	       const struct clock *clock, struct err *err);
/* What is under way is given up; its done is not called. Null is allowed. */
void post_close(struct post *p);

/* May this be written to? ERR_INVALID says what would be right, ERR_PRECONDITION what to set. */
bool post_check_webhook(const struct post *p, const char *url, struct err *err);
bool post_check_email(const struct post *p, const char *address, struct err *err);

/* One of webhook and email. Texts are copied. */
struct post_letter {
	const char *id; /* letters, digits and - */
	const char *webhook;
	const char *json; /* its body */
	const char *email;
	const char *subject, *text;
};

/* done is called once, from the loop; why is null when the other side took the letter. */
bool post_send(struct post *p, const struct post_letter *letter,
	       void (*done)(void *ctx, const char *why), void *ctx, struct err *err);

#endif
