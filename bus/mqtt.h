/* MQTT 3.1.1 and 5 through libmosquitto, driven by our loop. */
#ifndef BUS_MQTT_H
#define BUS_MQTT_H

#include "base/loop.h"
#include "bus/bus.h"

struct bus_mqtt_config {
	const char *url;           /* mqtt://host:1883 or mqtts://host:8883 */
	const char *client_id;     /* unique at the broker; null: random, clean session */
	const char *user;          /* null: none */
	const char *password_file; /* first line; null: none */
	const char *ca_file;       /* mqtts: null uses the system's */
	const char *cert_file;     /* client certificate and key, both or neither */
	const char *key_file;
	int version;               /* 3 (3.1.1) or 5 */
	bool persistent_session;   /* ask the broker to keep our subscriptions and messages */
	int keepalive_s;           /* 5..65535 */
	int window;                /* most messages in flight, 1..1000 */
};

/*
 * Start connecting; returns at once, also when the broker is away: state is
 * told by on_state, reconnects back off from 0.5 to 30 s. ERR_CONFIG for a bad
 * URL or unreadable files.
 */
bool bus_mqtt_open(struct bus *out, const struct bus_mqtt_config *config, struct loop *loop,
                   const struct bus_handler *handler, struct err *err);

#endif
