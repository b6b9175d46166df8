// SPDX-License-Identifier: GPL-2.0-or-later
// "anytlsd self-signed": a certificate and its key, as two files.
#include "app/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/version.h"
#include "base/fd.h"
#include "base/secret.h"
#include "wire/self_signed.h"

#define DAYS_DEFAULT 3650
#define DAYS_MAX     36500

struct job {
	const char *cert_path, *key_path;
	int days;
	bool force;
};

static int usage(FILE *out, int status)
{
	fputs("usage: " PROGRAM_NAME
	      " self-signed [--cert FILE] [--key FILE] [--days N] [--force] NAME...\n"
	      "NAME is a host name or an IP address; the files are cert.pem and key.pem where none "
	      "are given\n",
	      out);
	return status;
}

static int write_all(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n > 0) {
		ssize_t w = write(fd, text, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		text += w;
		n -= (size_t)w;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* Complete or not there at all; never over a file that exists, unless forced. */
static int write_file(const char *path, const char *text, mode_t mode, bool force)
{
	char *temp = NULL;
	int fd = -1, err;

	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = fchmod(fd, mode) < 0 ? -errno : write_all(fd, text);
	if (err == 0 && (force ? rename(temp, path) : link(temp, path)) < 0)
		err = -errno;
	if (err < 0 || !force)
		unlink(temp);
out:
	fd_close(fd);
	free(temp);
	return err;
}

static int report(const char *path, int err)
{
	fprintf(stderr, "%s: %s%s\n", path, strerror(-err),
		err == -EEXIST ? "; --force replaces it" : "");
	return 1;
}

static int write_both(const struct job *j, const char *cert, const char *key)
{
	char pin[45];
	int err;

	if (!j->force && access(j->cert_path, F_OK) == 0)
		return report(j->cert_path, -EEXIST);
	err = write_file(j->key_path, key, 0600, j->force);
	if (err < 0)
		return report(j->key_path, err);
	err = write_file(j->cert_path, cert, 0644, j->force);
	if (err < 0) {
		/* a key alone would stop the next try */
		if (!j->force)
			unlink(j->key_path);
		return report(j->cert_path, err);
	}
	if (certificate_pin(cert, pin) < 0) {
		fputs("the certificate cannot be read back\n", stderr);
		return 1;
	}
	printf("certificate: %s\nkey: %s\ncertificate_public_key_sha256: %s\n", j->cert_path,
	       j->key_path, pin);
	return 0;
}

static int make(const struct job *j, const char *const *names, int n)
{
	char *cert, *key;
	int err = self_signed(names, (size_t)n, j->days, &cert, &key);

	if (err < 0) {
		fputs(err == -EINVAL ? "one of the names is no host name and no IP address\n"
				     : "no certificate could be made\n",
		      stderr);
		return 1;
	}
	err = write_both(j, cert, key);
	secret_wipe(key, strlen(key));
	free(key);
	free(cert);
	return err;
}

static bool parse_days(const char *text, int *ret)
{
	char *end;
	long x = strtol(text, &end, 10);

	if (!*text || *end || x < 1 || x > DAYS_MAX) {
		fprintf(stderr, "--days takes a number from 1 to %d\n", DAYS_MAX);
		return false;
	}
	*ret = (int)x;
	return true;
}

int cmd_self_signed(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cert", required_argument, NULL, 'c' }, { "key", required_argument, NULL, 'k' },
		{ "days", required_argument, NULL, 'd' }, { "force", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },	  { 0 }
	};
	struct job j = { .cert_path = "cert.pem", .key_path = "key.pem", .days = DAYS_DEFAULT };
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "fh", options, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout, 0);
		if (c == '?' || (c == 'd' && !parse_days(optarg, &j.days)))
			return usage(stderr, 2);
		if (c == 'c')
			j.cert_path = optarg;
		else if (c == 'k')
			j.key_path = optarg;
		else if (c == 'f')
			j.force = true;
	}
	if (optind >= argc)
		return usage(stderr, 2);
	return make(&j, (const char *const *)argv + optind, argc - optind);
}
