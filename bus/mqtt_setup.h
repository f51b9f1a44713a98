/* From the configuration of an MQTT connection to a library handle; for mqtt.c alone. */
#ifndef BUS_MQTT_SETUP_H
#define BUS_MQTT_SETUP_H

#include <stdbool.h>

#include "bus/mqtt.h"

struct mosquitto;

enum { MQTT_HOST_CAP = 256 };

struct mqtt_address {
	char host[MQTT_HOST_CAP];
	int port;
	bool tls;
};

bool mqtt_parse_url(struct mqtt_address *a, const char *url, struct err *err);

/* Limits, and settings that contradict each other. */
bool mqtt_check_config(const struct mqtt_address *a, const struct bus_mqtt_config *c,
		       struct err *err);

/* The client id with its placeholders filled in; false: too long. */
enum { MQTT_CLIENT_ID_CAP = 256 };
bool mqtt_client_id(char out[MQTT_CLIENT_ID_CAP], const char *text);

/* Version, windows, user, TLS, session: all but the callbacks. Reads the files. */
bool mqtt_set_options(struct mosquitto *mosq, const struct mqtt_address *a,
		      const struct bus_mqtt_config *c, struct err *err);

#endif
