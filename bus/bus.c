#define _GNU_SOURCE
#include "bus/bus.h"

#include <string.h>

#include "base/utf8.h"

static bool check_name(const char *name, const char *what, struct err *err)
{
	size_t len = name ? strnlen(name, BUS_TOPIC_MAX + 1) : 0;

	if (len == 0 || len > BUS_TOPIC_MAX)
		return err_set(err, ERR_INVALID, "a %s has 1 to %d bytes", what, BUS_TOPIC_MAX);
	if (!utf8_is_valid(name, len))
		return err_set(err, ERR_INVALID, "a %s is UTF-8", what);
	for (const char *c = name; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return err_set(err, ERR_INVALID, "a %s has no control characters", what);
	}
	return true;
}

static bool check_topic(const char *topic, struct err *err)
{
	if (!check_name(topic, "topic", err))
		return false;
	if (strpbrk(topic, "+#"))
		return err_set(err, ERR_INVALID, "a topic has no + or #");
	return true;
}

bool bus_pattern_check(const char *pattern, struct err *err)
{
	if (!check_name(pattern, "topic pattern", err))
		return false;
	for (const char *c = pattern; *c; c++) {
		bool starts = c == pattern || c[-1] == '/';

		if (*c == '+' && !(starts && (c[1] == '/' || !c[1])))
			return err_set(err, ERR_INVALID, "+ stands for a whole level");
		if (*c == '#' && !(starts && !c[1]))
			return err_set(err, ERR_INVALID, "# stands for the whole last level");
	}
	return true;
}

static bool check_qos(int qos, struct err *err)
{
	return (qos >= 0 && qos <= 2) || err_set(err, ERR_INVALID, "QoS is 0, 1 or 2");
}

bool bus_publish(const struct bus *b, const char *topic, const uint8_t *payload, size_t len,
		 int qos, bool retain, struct err *err)
{
	if (!check_topic(topic, err) || !check_qos(qos, err))
		return false;
	if (len > BUS_PAYLOAD_MAX || (len > 0 && !payload))
		return err_set(err, ERR_INVALID, "a message has at most %d bytes", BUS_PAYLOAD_MAX);
	return b->ops->publish(b->ctx, topic, payload, len, qos, retain, err);
}

bool bus_subscribe(const struct bus *b, const char *pattern, int qos, struct err *err)
{
	return bus_pattern_check(pattern, err) && check_qos(qos, err) &&
	       b->ops->subscribe(b->ctx, pattern, qos, err);
}

bool bus_unsubscribe(const struct bus *b, const char *pattern, struct err *err)
{
	return bus_pattern_check(pattern, err) && b->ops->unsubscribe(b->ctx, pattern, err);
}

size_t bus_room(const struct bus *b)
{
	return b->ops->room(b->ctx);
}

bool bus_is_up(const struct bus *b)
{
	return b->ops->is_up(b->ctx);
}

void bus_close(struct bus *b)
{
	if (b->ops)
		b->ops->close(b->ctx);
	*b = (struct bus){0};
}

bool bus_matches(const char *pattern, const char *topic)
{
	if (*topic == '$' && (*pattern == '+' || *pattern == '#'))
		return false;
	for (;;) {
		size_t p = strcspn(pattern, "/"), t = strcspn(topic, "/");

		if (*pattern == '#')
			return true;
		if (!(p == 1 && *pattern == '+') && (p != t || memcmp(pattern, topic, p) != 0))
			return false;
		pattern += p;
		topic += t;
		/* "a/#" covers "a" as well. */
		if (!*topic)
			return !*pattern || strcmp(pattern, "/#") == 0;
		if (!*pattern)
			return false;
		pattern++;
		topic++;
	}
}
