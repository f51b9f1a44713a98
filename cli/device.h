/*
 * One device: an E4 client with its state file and its connection. e4client
 * runs one or a whole fleet of them on one loop.
 *
 * What happens is told by events, from within the loop; their pointers live
 * as long as the call.
 */
#ifndef CLI_DEVICE_H
#define CLI_DEVICE_H

#include "base/loop.h"
#include "bus/mqtt.h"
#include "cli/identity.h"

struct device;

enum device_event_kind {
	DEVICE_CONNECTED,
	DEVICE_DISCONNECTED, /* text: why */
	DEVICE_MESSAGE,      /* topic, plaintext, sender in PK mode */
	DEVICE_UNREADABLE,   /* topic, the bytes as they came, result */
	DEVICE_COMMAND,      /* C2 changed something */
	DEVICE_REFUSED,      /* a control message that was not followed: result */
	DEVICE_RECEIPT,      /* a receipt was sent; text: "answer" or "announcement" */
	DEVICE_ROOM          /* sending may go on */
};

struct device_event {
	enum device_event_kind kind;
	const char *topic;
	const uint8_t *bytes;
	size_t len;
	const uint8_t *sender; /* 16 bytes, or null */
	enum e4_result result;
	const char *text;
};

struct device_handler {
	void *ctx;
	void (*on_event)(void *ctx, struct device *d, const struct device_event *e);
};

/* What a device is like now. */
struct device_status {
	const char *name;
	const char *state_path;
	const char *broker;
	uint8_t id[16];
	bool pubkey;
	bool connected;
	size_t n_topics; /* keys held */
	size_t n_peers;
};

struct device_config {
	const struct identity *identity;
	struct bus_mqtt_config mqtt;
	int qos;
};

/*
 * Load, take over or create the state, then connect. *origin says where the
 * keys came from. Errors of identity_load and bus_mqtt_open. The URL of the
 * broker is borrowed.
 */
struct device *device_open(const struct device_config *config, struct loop *loop,
			   const struct device_handler *handler, enum identity_origin *origin,
			   struct err *err);
/* Waits for nothing; see device_is_drained. */
void device_close(struct device *d);

const char *device_name(const struct device *d);
void device_status(const struct device *d, struct device_status *out);

/* Receive a topic, or a pattern; again after each reconnect. */
bool device_subscribe(struct device *d, const char *topic, struct err *err);
/* ERR_NOT_FOUND if it is not subscribed. */
bool device_unsubscribe(struct device *d, const char *topic, struct err *err);
/* The i-th subscription, null behind the last one. */
const char *device_subscription(const struct device *d, size_t i);

/* Whether a message could be protected for this topic now. */
bool device_has_key(struct device *d, const char *topic);

/* Publish, protected or as it is. ERR_UNAVAILABLE, ERR_EXHAUSTED (wait for DEVICE_ROOM),
 * ERR_PRECONDITION without a key. */
bool device_send(struct device *d, const char *topic, const void *bytes, size_t len, bool clear,
		 struct err *err);

bool device_is_up(const struct device *d);
/* Up, and with room for a message; if there is none, DEVICE_ROOM follows. */
bool device_can_send(const struct device *d);
/* Whether all that was sent has left, as far as the broker tells. */
bool device_is_drained(const struct device *d);

#endif
