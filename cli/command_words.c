/* Values of enums as words of the command line. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

const ProtobufCFieldDescriptor *command_field(const ProtobufCMessageDescriptor *desc,
					      const char *path)
{
	char name[64];
	const char *dot;
	const ProtobufCFieldDescriptor *f;

	while ((dot = strchr(path, '.'))) {
		snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
		f = protobuf_c_message_descriptor_get_field_by_name(desc, name);
		if (!f || f->type != PROTOBUF_C_TYPE_MESSAGE)
			return NULL;
		desc = f->descriptor;
		path = dot + 1;
	}
	return protobuf_c_message_descriptor_get_field_by_name(desc, path);
}

/* Whatever the case, and with - for _. */
static bool is_spelled(const char *name, const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (tolower((unsigned char)name[i]) !=
		    (word[i] == '-' ? '_' : tolower((unsigned char)word[i])))
			return false;
	return !name[len];
}

const char *command_word(const ProtobufCEnumDescriptor *e, const char *word, size_t len)
{
	const char *found = NULL;
	size_t n = 0;

	for (unsigned i = 0; i < e->n_values; i++) {
		const char *name = e->values[i].name, *last = strrchr(name, '_');

		if (is_spelled(name, word, len))
			return name;
		if (is_spelled(last ? last + 1 : name, word, len)) {
			found = name;
			n++;
		}
	}
	return n == 1 ? found : NULL;
}

bool command_word_of(char out[COMMAND_WORD_CAP], const ProtobufCEnumDescriptor *e, unsigned i)
{
	const char *name = e->values[i].name, *last = strrchr(name, '_');

	if (last && command_word(e, last + 1, strlen(last + 1)) == name)
		snprintf(out, COMMAND_WORD_CAP, "%s", last + 1);
	else
		snprintf(out, COMMAND_WORD_CAP, "%s", name);
	for (char *p = out; *p; p++)
		*p = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
	return strncmp(name, "UNDEFINED", 9) != 0;
}
