// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a fuzz target once over every file of the folders given, so that corpora serve as tests
// without libFuzzer.
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

/* The input lies in memory of exactly its size, so that a sanitizer sees every byte beyond. */
static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	int err = -EIO;
	struct stat st;

	if (!f || fstat(fileno(f), &st) < 0)
		goto out;
	data = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
	if (!data || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		goto out;
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	err = 0;
out:
	free(data);
	if (f)
		fclose(f);
	return err;
}

static int replay_dir(const char *dir, unsigned *count)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[4096];
	int err = d ? 0 : -errno;

	while (!err && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		err = replay_file(path);
		if (err)
			fprintf(stderr, "%s: not readable\n", path);
		else
			++*count;
	}
	if (!d)
		fprintf(stderr, "%s: %s\n", dir, strerror(-err));
	else
		closedir(d);
	return err;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++)
		if (replay_dir(argv[i], &count) < 0)
			return 99;
	printf("%u inputs\n", count);
	return count > 0 ? 0 : 99;
}
