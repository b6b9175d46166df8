// SPDX-License-Identifier: GPL-2.0-or-later
// Which AES code the kernel uses for records, and having it load the processor's own.
#include "datapath/kernel_impl.h"

#include <linux/if_alg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

#define LINE_MAX_LEN 256

/* One entry of /proc/crypto. */
struct crypto_entry {
	char name[64], driver[64];
	int priority;
};

/* "name         : gcm(aes)": the value of a key, or NULL if the line is about another. */
static const char *value_of(char *line, const char *key)
{
	size_t n = strlen(key);
	char *colon = strchr(line, ':');

	if (strncmp(line, key, n) != 0 || (line[n] != ' ' && line[n] != ':') || !colon)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return colon[1] == ' ' ? colon + 2 : colon + 1;
}

static void read_line(struct crypto_entry *e, char *line)
{
	const char *v;

	if ((v = value_of(line, "name")) != NULL)
		snprintf(e->name, sizeof(e->name), "%s", v);
	else if ((v = value_of(line, "driver")) != NULL)
		snprintf(e->driver, sizeof(e->driver), "%s", v);
	else if ((v = value_of(line, "priority")) != NULL)
		e->priority = atoi(v);
}

/* The driver that a new user of gcm(aes) gets: the one of highest priority. "" where none is. */
static void find_driver(char *ret, size_t len)
{
	struct crypto_entry e = { 0 };
	FILE *f = fopen("/proc/crypto", "re");
	char line[LINE_MAX_LEN];
	int best = -1;

	ret[0] = '\0';
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (line[0] != '\n') {
			read_line(&e, line);
			continue;
		}
		if (strcmp(e.name, "gcm(aes)") == 0 && e.priority > best) {
			snprintf(ret, len, "%s", e.driver);
			best = e.priority;
		}
		e = (struct crypto_entry){ 0 };
	}
	fclose(f);
}

/* Those in C have names such as gcm_base(ctr(aes-generic),ghash-generic); "generic-gcm-aesni" is
 * fast. */
static bool is_fast(const char *driver)
{
	static const char *const in_c[] = { "aes-generic", "aes-lib", "aes-fixed-time" };

	for (unsigned i = 0; i < sizeof(in_c) / sizeof(in_c[0]); i++)
		if (strstr(driver, in_c[i]))
			return false;
	return driver[0] != '\0';
}

/*
 * TLS asks for gcm(aes), which the kernel puts together of what is there already. A request for an
 * "aes" of a kind that does not exist makes it load every module that calls itself aes, among them
 * aesni_intel; the request itself then fails, which is no matter.
 */
static void ask_for_aes(void)
{
	struct sockaddr_alg at = { .salg_family = AF_ALG,
				   .salg_type = "skcipher",
				   .salg_name = "aes" };
	int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	bind(fd, (struct sockaddr *)&at, sizeof(at));
	fd_close(fd);
}

void kernel_find_aes(struct kernel_report *r)
{
	find_driver(r->aes_driver, sizeof(r->aes_driver));
	if (!is_fast(r->aes_driver)) {
		ask_for_aes();
		find_driver(r->aes_driver, sizeof(r->aes_driver));
	}
	r->aes_fast = is_fast(r->aes_driver);
}
