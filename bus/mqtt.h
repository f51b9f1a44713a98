/* MQTT 3.1.1 and 5 through libmosquitto, driven by our loop. */
#ifndef BUS_MQTT_H
#define BUS_MQTT_H

#include "base/loop.h"
#include "bus/bus.h"

struct bus_mqtt_config {
	const char *url; /* mqtt://host:1883 or mqtts://host:8883 */
	/*
	 * Unique at the broker, of two with one name it cuts off the elder; null:
	 * random, clean session. {host} in it stands for the machine's name,
	 * {random} for 16 random hex digits.
	 */
	const char *client_id;
	const char *user;          /* null: none */
	const char *password_file; /* first line; null: none */
	const char *ca_file;       /* mqtts: null uses the system's */
	const char *cert_file;     /* client certificate and key, both or neither */
	const char *key_file;      /* without a passphrase */
	int version;               /* 3 (3.1.1) or 5 */
	bool persistent_session;   /* ask the broker to keep our subscriptions and messages */
	int keepalive_s;           /* 5..65535 */
	int window;                /* most messages of QoS 1 and 2 in flight, 1..1000 */
	int rate;                  /* most messages published in any second; 0: no limit */
	const char *alpn;          /* mqtts: the protocol to ask for (RFC 7301); null: none */
	/*
	 * Patterns with a wildcard are subscribed to as $share/GROUP/PATTERN: of all
	 * who do so each message reaches one. Null: it reaches all.
	 */
	const char *share_group;
	int connect_ms; /* for the broker to accept us, all in all; 0: 20 s */
};

/*
 * Start connecting; returns at once, also when the broker is away: state is
 * told by on_state, reconnects back off from 0.5 to 30 s with jitter; a host
 * that does not answer over IPv6 is tried over IPv4 at once. Only the look-up of
 * a host's name can hold up the loop. Messages of QoS 1 and 2 that
 * were not acknowledged when the connection went are sent again after it.
 *
 * TLS is 1.2 or newer with the suites of base/tls.h; the broker's certificate
 * must be of the CA and for the host of the URL. A persistent session is kept
 * by the broker for 7 days with MQTT 5, and as long as it likes with 3.1.1.
 *
 * ERR_CONFIG: a bad URL, a file that cannot be read, a password or key that
 * others can read, or settings that contradict each other. Copies all of config.
 */
bool bus_mqtt_open(struct bus *out, const struct bus_mqtt_config *config, struct loop *loop,
		   const struct bus_handler *handler, struct err *err);

#endif
