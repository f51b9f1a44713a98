/*
 * e4-vectors DIR [CASES]: run every case of the vector files in DIR
 * (protocol/vectors, or another directory of that format) and count. Exit 1 on
 * any failure, and when a file has no cases or is not known, when nothing ran,
 * or another number of cases than CASES: silence must never look like success.
 */
#include "vectors.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static const struct row {
	const char *file;
	bool (*run)(struct verdict *v, const json_t *c);
} rows[] = {
	{"c2_shared.json", run_c2_shared},
	{"commands.json", run_commands},
	{"hash.json", run_hash},
	{"key_transition.json", run_key_transition},
	{"keygen.json", run_keygen},
	{"libe4_store.json", run_libe4_store},
	{"messages.json", run_messages},
	{"password.json", run_password},
	{"pub_protect.json", run_pub_protect},
	{"state_files.json", run_state_files},
	{"sym_protect.json", run_sym_protect},
};

#define N_ROWS (sizeof rows / sizeof rows[0])

struct count {
	int passed, failed;
};

bool verdict_fail(struct verdict *v, const char *format, ...)
{
	char text[256];
	va_list args;

	if (v->failed)
		return false;
	v->failed = true;
	va_start(args, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is, one line up */
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fprintf(stderr, "%s case %d: %s\n", v->file, v->index, text);
	return false;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct bytes vector_hex(struct verdict *v, const json_t *object, const char *name)
{
	const char *text = vector_text(v, object, name);
	struct bytes b = {NULL, strlen(text) / 2};

	b.data = malloc(b.len > 0 ? b.len : 1);
	if (!b.data)
		abort();
	for (size_t i = 0; i < b.len; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0) {
			verdict_fail(v, "%s is not hex", name);
			b.len = 0;
			break;
		}
		b.data[i] = (uint8_t)(high << 4 | low);
	}
	if (strlen(text) % 2 != 0)
		verdict_fail(v, "%s is not hex", name);
	return b;
}

const char *vector_text(struct verdict *v, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (!text)
		verdict_fail(v, "%s is missing", name);
	return text ? text : "";
}

uint64_t vector_number(struct verdict *v, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	unsigned long long n = 0;
	char *end;

	if (json_is_integer(value))
		return (uint64_t)json_integer_value(value);
	if (!json_is_string(value)) {
		verdict_fail(v, "%s is missing", name);
		return 0;
	}
	n = strtoull(json_string_value(value), &end, 10);
	if (*end || end == json_string_value(value))
		verdict_fail(v, "%s is not a number", name);
	return n;
}

bool vector_bool(struct verdict *v, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_boolean(value))
		verdict_fail(v, "%s is missing", name);
	return json_is_true(value);
}

bool vector_same(struct verdict *v, const json_t *object, const char *name, const void *bytes,
		 size_t len)
{
	struct bytes b = vector_hex(v, object, name);

	if (b.len != len || memcmp(b.data, bytes, len) != 0)
		verdict_fail(v, "%s differs", name);
	free(b.data);
	return !v->failed;
}

static struct count run_file(const char *dir, const struct row *row)
{
	struct count count = {0, 0};
	char path[4096];
	json_error_t error;
	json_t *root, *cases, *c;
	size_t i;

	snprintf(path, sizeof path, "%s/%s", dir, row->file);
	if (access(path, F_OK) != 0)
		return count;
	root = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	cases = json_object_get(root, "cases");
	json_array_foreach(cases, i, c)
	{
		struct verdict v = {row->file, (int)i, dir, false};

		if (row->run(&v, c) && !v.failed)
			count.passed++;
		else
			count.failed++;
	}
	if (count.passed + count.failed == 0) {
		fprintf(stderr, "%s: %s\n", path, root ? "no cases" : error.text);
		count.failed = 1;
	}
	printf("%-20s %5d passed, %d failed\n", row->file, count.passed, count.failed);
	json_decref(root);
	return count;
}

static bool known(const char *name)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (strcmp(rows[i].file, name) == 0)
			return true;
	return false;
}

/* The files that nobody here can read; they count as failures. */
static int unknown_files(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int n = 0;

	if (!d) {
		perror(dir);
		return 1;
	}
	while ((entry = readdir(d))) {
		size_t len = strlen(entry->d_name);

		if (len < 5 || strcmp(entry->d_name + len - 5, ".json") != 0 ||
		    known(entry->d_name))
			continue;
		fprintf(stderr, "%s/%s: not a vector file that is known\n", dir, entry->d_name);
		n++;
	}
	closedir(d);
	return n;
}

/* A file that DIR lacks is passed over; CASES, when given, is the number that must have run. */
int main(int argc, char **argv)
{
	struct count all = {0, 0};
	int wanted = argc == 3 ? atoi(argv[2]) : 0;

	if (argc < 2 || argc > 3 || wanted < 0) {
		fprintf(stderr, "usage: e4-vectors DIR [CASES]\n");
		return 2;
	}
	all.failed = unknown_files(argv[1]);
	for (size_t i = 0; i < N_ROWS; i++) {
		struct count count = run_file(argv[1], &rows[i]);

		all.passed += count.passed;
		all.failed += count.failed;
	}
	if (all.passed + all.failed == 0 || (wanted > 0 && all.passed + all.failed != wanted)) {
		fprintf(stderr, "%s: %d cases\n", argv[1], all.passed + all.failed);
		all.failed++;
	}
	printf("%d passed, %d failed\n", all.passed, all.failed);
	return all.failed != 0;
}
