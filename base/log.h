/*
 * JSON lines on stderr: {"time":..., "level":..., "msg":..., fields...}.
 * A line is written whole or not at all. Keys and other secrets have no
 * formatter here and must not be given.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *name; /* null ends the list */
	const char *str;  /* text, or null: then num counts */
	int64_t num;
};

/* A null text is written as an empty one. */
static inline struct log_field log_str(const char *name, const char *value)
{
	return (struct log_field){name, value ? value : "", 0};
}

#define LOG_STR(name, value) log_str((name), (value))
#define LOG_NUM(name, value) ((struct log_field){(name), 0, (value)})

/* log_write(LOG_INFO, "rotated", LOG_STR("topic", t), LOG_NUM("members", n)) */
#define log_write(level, ...) log_write_(level, __VA_ARGS__, (struct log_field){0, 0, 0})
void log_write_(enum log_level level, const char *msg, ...);

/* Lines below this level are dropped; LOG_INFO at start. */
void log_set_level(enum log_level level);

#endif
