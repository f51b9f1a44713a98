/* What e4client prints: lines for people, or one JSON object a line. */
#ifndef CLI_CLIENT_SHOW_H
#define CLI_CLIENT_SHOW_H

#include "cli/device.h"

struct client_show {
	bool json;
	bool many; /* name the device on text lines too */
};

void show_device_event(const struct client_show *s, const struct device *d,
		       const struct device_event *e);
void show_sent(const struct client_show *s, const struct device *d, const char *topic, size_t len,
	       bool clear);
void show_status(const struct client_show *s, const struct device *d);
void show_topics(const struct client_show *s, struct device *d);
void show_note(const struct client_show *s, const struct device *d, const char *event,
	       const char *text);
/* d may be null. To stderr, or as an event. */
void show_error(const struct client_show *s, const struct device *d, const struct err *err);
/* What C2 is to be given: secret is true in symmetric mode. */
void show_key(const struct client_show *s, const struct device *d, const uint8_t key[32],
	      bool secret);

#endif
