/*
 * Give every file of the folders named to a fuzz target, as an ordinary test:
 * what a fuzzer once found stays found. Link it with the target's source; with
 * a fuzzer's own main it is left out.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t len = 0, cap = 0, got;
	int bad;

	if (!f)
		return 1;
	do { /* exactly as large as the content, so that a sanitizer sees a read past it */
		uint8_t *more = realloc(data, cap += 65536);
		if (!more)
			break;
		data = more;
		got = fread(data + len, 1, cap - len, f);
		len += got;
	} while (got > 0);
	bad = ferror(f) || !feof(f);
	fclose(f);
	if (!bad) {
		uint8_t *exact = realloc(data, len > 0 ? len : 1);
		if (exact)
			data = exact;
		LLVMFuzzerTestOneInput(data, len);
	}
	free(data);
	return bad;
}

static int replay_folder(const char *folder, unsigned *n)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int failed = 0;

	if (!dir) {
		fprintf(stderr, "%s: can't be read\n", folder);
		return 1;
	}
	while ((entry = readdir(dir))) {
		char path[4096];
		if (entry->d_name[0] == '.')
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >=
		    sizeof(path))
			continue;
		fprintf(stderr, "  %s\n", path); /* the last one printed is the one that crashed */
		if (replay_file(path)) {
			fprintf(stderr, "%s: can't be read\n", path);
			failed++;
		}
		(*n)++;
	}
	closedir(dir);
	return failed;
}

int main(int argc, char **argv)
{
	unsigned n = 0;
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed += replay_folder(argv[i], &n);
	if (n == 0) {
		fprintf(stderr, "no input found\n");
		failed++;
	}
	printf("%u passed, %d failed\n", n - (failed < (int)n ? (unsigned)failed : n), failed);
	return failed != 0;
}
