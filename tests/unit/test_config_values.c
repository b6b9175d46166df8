// SPDX-License-Identifier: GPL-2.0-or-later
// What a good configuration means: each form of each value, the defaults, the files.
#include "app/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include "app/version.h"
#include "proto/padding.h"
#include "wire/self_signed.h"

#define ANYTLS_IN                                                                                  \
	"{\"inbounds\":[{\"type\":\"anytls\",\"listen\":\"::\",\"listen_port\":443,"               \
	"\"users\":[{\"password\":\"a\"}]"
#define SOCKS "{\"inbounds\":[{\"type\":\"socks\",\"listen\":\"127.0.0.1\",\"listen_port\":1080"
#define OUT                                                                                        \
	"{\"outbounds\":[{\"type\":\"anytls\",\"server\":\"example.com\",\"server_port\":443,"     \
	"\"password\":\"user-password\""

static char *cert, *key, *other_cert, *other_key;

static int setup(void **state)
{
	static const char *const names[] = { "example.com" };

	(void)state;
	if (self_signed(names, 1, 30, &cert, &key) < 0)
		return -1;
	return self_signed(names, 1, 30, &other_cert, &other_key);
}

static int teardown(void **state)
{
	(void)state;
	free(cert);
	free(key);
	free(other_cert);
	free(other_key);
	return 0;
}

/* Parses what must be good; *ret_report is to be freed. */
static struct config *good(const char *text, char **ret_report)
{
	struct config *c = NULL;
	char *report = NULL;
	size_t n;
	FILE *f = open_memstream(&report, &n);
	int err = config_parse(text, strlen(text), "t", f, &c);

	fclose(f);
	if (err != 0)
		fail_msg("%s", report);
	if (ret_report)
		*ret_report = report;
	else
		free(report);
	return c;
}

/* `text` with $C, $K, $O, $L replaced by the PEM texts as JSON strings: own and other certificate
 * and key. */
static char *with_pems(const char *text)
{
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	for (; *text; text++) {
		const char *pem = *text != '$'	   ? NULL
				  : text[1] == 'C' ? cert
				  : text[1] == 'K' ? key
				  : text[1] == 'O' ? other_cert
						   : other_key;
		json_t *s = pem ? json_string(pem) : NULL;

		if (s) {
			json_dumpf(s, f, JSON_ENCODE_ANY);
			json_decref(s);
			text++;
		} else {
			fputc(*text, f);
		}
	}
	fclose(f);
	return out;
}

static void config_parse__empty_object__is_all_defaults(void **state)
{
	char *report;
	struct config *c = good("{}", &report);

	(void)state;
	assert_string_equal(report,
			    "t:1:1: note: no inbound: nothing will use this configuration\n");
	assert_int_equal(c->log.level, LOG_LEVEL_INFO);
	assert_true(c->log.timestamp);
	assert_int_equal(c->log.fd, 2);
	assert_int_equal(c->workers, 0);
	assert_null(c->user);
	assert_null(c->dns_servers);
	assert_int_equal(c->n_inbounds, 0);
	assert_int_equal(c->n_outbounds, 1);
	assert_int_equal(c->outbounds[0].type, OUTBOUND_DIRECT);
	assert_string_equal(c->outbounds[0].tag, "direct-out");
	assert_int_equal(c->outbounds[0].dial.connect_timeout_ms, 5000);
	assert_int_equal(c->outbounds[0].dial.fallback_delay_ms, 250);
	assert_int_equal(c->limits.sessions, 16384);
	assert_int_equal(c->limits.stream_buffer, 2 << 20);
	assert_int_equal(c->limits.drain_timeout_ms, 10000);
	free(report);
	config_free(c);
}

static void config_parse__top_level__is_taken_over(void **state)
{
	struct config *c = good(
		"{\"$schema\":\"x\",\"log\":{\"level\":\"trace\",\"format\":\"json\",\"timestamp\":"
		"false,"
		"\"output\":\"stderr\",\"disabled\":null},\"workers\":3,\"user\":\"nobody\","
		"\"dns\":{\"servers\":[\"10.0.0.1\",\"10.0.0.2:5353\",\"::1\",\"[::2]:54\"]},"
		"\"limits\":{\"sessions\":7,\"worker_buffer\":8589934592,\"session_idle_timeout\":"
		"\"0\"},"
		"\"outbounds\":[{\"type\":\"direct\"},{\"type\":\"block\"},{\"type\":\"direct\"}],"
		"\"route\":{\"final\":\"direct-out-2\"}}",
		NULL);

	(void)state;
	assert_int_equal(c->log.level, LOG_LEVEL_DEBUG);
	assert_true(c->log.json);
	assert_false(c->log.timestamp);
	assert_int_equal(c->workers, 3);
	assert_string_equal(c->user, "nobody");
	assert_string_equal(c->dns_servers, "10.0.0.1:53,10.0.0.2:5353,[::1]:53,[::2]:54");
	assert_int_equal(c->limits.sessions, 7);
	assert_int_equal(c->limits.worker_buffer, 8589934592);
	assert_int_equal(c->limits.session_idle_timeout_ms, 0);
	assert_string_equal(c->outbounds[1].tag, "block-out");
	assert_int_equal(c->final_outbound, 2);
	config_free(c);
}

static void config_parse__durations__are_milliseconds(void **state)
{
	static const struct {
		const char *text;
		unsigned ms;
	} cases[] = { { "30s", 30000 },	   { "1500ms", 1500 },	  { "1h30m", 5400000 },
		      { "1d", 86400000 },  { "1.5s", 1500 },	  { "+2m", 120000 },
		      { "1s500us", 1001 }, { "2000000us", 2000 }, { "3000000\xc2\xb5s", 3000 },
		      { "1m0.25s", 60250 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[200];
		struct config *c;

		sprintf(text, SOCKS ",\"udp_timeout\":\"%s\"}]}", cases[i].text);
		c = good(text, NULL);
		assert_int_equal(c->inbounds[0].udp_timeout_ms, cases[i].ms);
		config_free(c);
	}
}

static void config_parse__inbounds__have_address_users_and_tags(void **state)
{
	struct config *c = good(
		"{\"inbounds\":[{\"type\":\"socks\",\"listen\":\"127.0.0.1\",\"listen_port\":1080},"
		"{\"type\":\"socks\",\"tag\":\"socks-in\",\"listen\":\"::1\",\"listen_port\":1080,"
		"\"users\":{\"username\":\"u\",\"password\":\"p\"}},"
		"{\"type\":\"anytls\",\"listen\":\"::\",\"listen_port\":443,\"users\":["
		"{\"name\":\"alice\",\"password\":\"a\"},{\"password\":\"b\"},{\"name\":\"\","
		"\"password\":\"c\"}],"
		"\"fallback\":{\"server\":\"127.0.0.1\",\"server_port\":80}}]}",
		NULL);
	uint8_t hash[32];

	(void)state;
	assert_string_equal(c->inbounds[0].tag, "socks-in-2");
	assert_int_equal(c->inbounds[0].n_users, 0);
	assert_int_equal(c->inbounds[0].udp_timeout_ms, 300000);
	assert_int_equal(c->inbounds[0].listen.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(c->inbounds[0].listen.in.sin_port, htons(1080));
	assert_string_equal(c->inbounds[1].users[0].name, "u");
	assert_string_equal(c->inbounds[1].users[0].password, "p");
	assert_int_equal(c->inbounds[2].listen.in6.sin6_port, htons(443));
	assert_int_equal(c->inbounds[2].n_users, 3);
	assert_string_equal(c->inbounds[2].users[0].name, "alice");
	assert_string_equal(c->inbounds[2].users[1].name, "");
	assert_null(c->inbounds[2].users[1].password);
	SHA256((const uint8_t *)"b", 1, hash);
	assert_memory_equal(c->inbounds[2].users[1].hash, hash, 32);
	assert_string_equal(c->inbounds[2].padding_scheme, padding_default);
	assert_false(c->inbounds[2].tls.enabled);
	assert_string_equal(c->inbounds[2].fallback.host, "127.0.0.1");
	assert_int_equal(c->inbounds[2].fallback.port, 80);
	config_free(c);
}

static void config_handshake_ms__no_limit__follows_the_fallback(void **state)
{
	struct config_alpn_target h2 = { 0 };
	const struct config_target web = { .host = (char *)"web" };
	const struct config_inbound none = { 0 }, plain = { .fallback = web },
				    raw = { .fallback_tls = web },
				    by_alpn = { .fallback_for_alpn = &h2,
						.n_fallback_for_alpn = 1 };
	struct config *c = good("{}", NULL);

	(void)state;
	assert_int_equal(config_handshake_ms(&c->limits, &none), 15000);
	assert_int_equal(config_handshake_ms(&c->limits, &plain), 60000);
	assert_int_equal(config_handshake_ms(&c->limits, &raw), 60000);
	assert_int_equal(config_handshake_ms(&c->limits, &by_alpn), 60000);
	c->limits.handshake_timeout_ms = 100;
	assert_int_equal(config_handshake_ms(&c->limits, &plain), 100);
	config_free(c);
}

static void config_parse__padding_scheme__is_wire_text(void **state)
{
	static const struct {
		const char *json, *wire, *report;
	} cases[] = {
		{ "[\"0:100\",\"200:500\"]", "stop=2\n0=1-100\n1=200-500",
		  "short form \"min:max\" translated to \"stop=2 0=1-100 1=200-500\"\n" },
		{ "\"5:5\"", "stop=1\n0=5-5", "translated" },
		{ "\"1:2\\n3:4\\n\"", "stop=2\n0=1-2\n1=3-4", "translated" },
		{ "[\"stop=2\",\"0=30-30\",\"1=c,5-6\"]", "stop=2\n0=30-30\n1=c,5-6", "" },
		{ "\"stop=1\\n0=9-9\\n\"", "stop=1\n0=9-9\n", "" },
		{ "\"stop=0\"", "stop=0", "" },
		{ "\"\"", NULL, "" },
		{ "[]", NULL, "" },
		{ "null", NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[400], *report;
		struct config *c;

		sprintf(text, ANYTLS_IN ",\"padding_scheme\":%s}]}", cases[i].json);
		c = good(text, &report);
		assert_string_equal(c->inbounds[0].padding_scheme,
				    cases[i].wire ? cases[i].wire : padding_default);
		assert_non_null(strstr(report, cases[i].report));
		if (!*cases[i].report)
			assert_string_equal(report, "");
		free(report);
		config_free(c);
	}
}

static void config_parse__tls_inbound__takes_every_form(void **state)
{
	char *text = with_pems(
		ANYTLS_IN
		",\"tls\":{\"enabled\":true,\"certificate\":$C,\"key\":[$K],"
		"\"server_name\":\"example.com\",\"insecure\":true,\"alpn\":\"h2\",\"min_version\":"
		"\"1.2\","
		"\"max_version\":\"1.3\",\"kernel_tx\":false,\"kernel_rx\":true,\"cipher_suites\":["
		"\"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\",\"ECDHE-ECDSA-AES256-GCM-SHA384\","
		"\"TLS_AES_128_GCM_SHA256\"],\"curve_preferences\":[\"X25519\",\"p256\"],"
		"\"certificates\":[{\"certificate\":[$O],\"key\":$L}]},"
		"\"fallback_tls\":{\"server\":\"::1\",\"server_port\":8443},"
		"\"fallback_for_alpn\":{\"h2\":{\"server\":\"web\",\"server_port\":81}}}]}");
	struct config *c = good(text, NULL);
	struct config_tls *t = &c->inbounds[0].tls;

	(void)state;
	assert_true(t->enabled);
	assert_int_equal(t->kernel_tx, CONFIG_KERNEL_OFF);
	assert_int_equal(t->kernel_rx, CONFIG_KERNEL_REQUIRED);
	assert_int_equal(c->inbounds[0].datapath, RELAY_AUTO);
	assert_int_equal(t->n_pairs, 2);
	assert_string_equal(t->pairs[0].cert_pem, cert);
	assert_string_equal(t->pairs[0].key_pem, key);
	assert_null(t->pairs[0].cert_path);
	assert_string_equal(t->pairs[1].key_pem, other_key);
	assert_string_equal(t->server_name, "example.com");
	assert_int_equal(t->n_alpn, 1);
	assert_string_equal(t->alpn[0], "h2");
	assert_int_equal(t->min_version, TLS1_2_VERSION);
	assert_int_equal(t->max_version, TLS1_3_VERSION);
	assert_string_equal(t->cipher_suites,
			    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
			    "TLS_AES_128_GCM_SHA256");
	assert_string_equal(t->groups, "X25519:P-256");
	assert_string_equal(c->inbounds[0].fallback_for_alpn[0].alpn, "h2");
	assert_string_equal(c->inbounds[0].fallback_for_alpn[0].target.host, "web");
	assert_string_equal(c->inbounds[0].fallback_tls.host, "::1");
	assert_int_equal(c->inbounds[0].fallback_tls.port, 8443);
	free(text);
	config_free(c);
}

static void config_parse__key_of_another_certificate__is_refused(void **state)
{
	char *text = with_pems(ANYTLS_IN
			       ",\n\"tls\":{\"enabled\":true,\"certificate\":$C,\n\"key\":$L}}]}");
	struct config *c = NULL;
	char *report = NULL;
	size_t n;
	FILE *f = open_memstream(&report, &n);

	(void)state;
	assert_int_equal(config_parse(text, strlen(text), "t", f, &c), -EINVAL);
	fclose(f);
	assert_null(c);
	assert_string_equal(
		report,
		"t:3:7: inbounds[0].tls.key: this key does not belong to the certificate\n");
	free(report);
	free(text);
}

static void config_parse__outbound__has_defaults_and_values(void **state)
{
	struct config *c = good(
		OUT
		",\"tls\":{\"enabled\":true}},"
		"{\"type\":\"anytls\",\"tag\":\"o\",\"server\":\"192.0.2.1\",\"server_port\":8443,"
		"\"password\":\"x\",\"idle_session_check_interval\":\"5s\",\"idle_session_"
		"timeout\":\"1m\","
		"\"min_idle_session\":2,\"disable_session_reuse\":true,\"client_metadata\":\"\","
		"\"tcp_fast_open\":false,\"bind_interface\":\"eth0\",\"inet4_bind_address\":\"192."
		"0.2.9\","
		"\"routing_mark\":\"0x10\",\"connect_timeout\":\"3s\",\"fallback_delay\":\"100ms\","
		"\"tls\":{\"enabled\":true,\"disable_sni\":true,\"insecure\":true,\"server_name\":"
		"\"n\","
		"\"certificate_public_key_sha256\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI="
		"\"}}]}",
		NULL);
	struct config_outbound *a = &c->outbounds[0], *b = &c->outbounds[1];
	uint8_t hash[32];

	(void)state;
	assert_int_equal(a->idle_check_ms, 30000);
	assert_int_equal(a->idle_timeout_ms, 30000);
	assert_int_equal(a->min_idle, 0);
	assert_string_equal(a->client_metadata, PROGRAM_NAME "/" PROGRAM_VERSION);
	assert_string_equal(a->tls.server_name, "example.com");
	SHA256((const uint8_t *)"user-password", 13, hash);
	assert_memory_equal(a->hash, hash, 32);
	assert_int_equal(b->idle_check_ms, 5000);
	assert_int_equal(b->idle_timeout_ms, 60000);
	assert_int_equal(b->min_idle, 2);
	assert_true(b->disable_reuse);
	assert_string_equal(b->client_metadata, "");
	assert_string_equal(b->dial.bind_interface, "eth0");
	assert_int_equal(b->dial.bind4.sa.sa_family, AF_INET);
	assert_int_equal(b->dial.bind6.sa.sa_family, AF_UNSPEC);
	assert_int_equal(b->dial.routing_mark, 16);
	assert_int_equal(b->dial.connect_timeout_ms, 3000);
	assert_int_equal(b->dial.fallback_delay_ms, 100);
	assert_true(b->tls.disable_sni);
	assert_string_equal(b->tls.server_name, "n");
	assert_int_equal(b->tls.n_pins, 1);
	assert_int_equal(b->tls.pins[0][0], 1);
	assert_int_equal(b->tls.pins[0][31], 2);
	config_free(c);
}

static void config_parse__outbound_certificates__are_checked_and_kept(void **state)
{
	char *text = with_pems(OUT ",\"tls\":{\"enabled\":true,\"certificate\":$C,"
				   "\"client_certificate\":$O,\"client_key\":$L}}]}");
	struct config *c = good(text, NULL);

	(void)state;
	assert_string_equal(c->outbounds[0].tls.ca_pem, cert);
	assert_int_equal(c->outbounds[0].tls.n_pairs, 1);
	assert_string_equal(c->outbounds[0].tls.pairs[0].key_pem, other_key);
	free(text);
	config_free(c);
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void config_load__files__are_read_and_the_log_is_opened(void **state)
{
	char dir[] = "/tmp/test_config.XXXXXX", text[1200], sink[4096];
	FILE *f = fmemopen(sink, sizeof(sink), "w");
	struct config *c = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	write_text("cert.pem", cert);
	write_text("key.pem", key);
	sprintf(text,
		"// a server\n{\"log\":{\"output\":\"x.log\"},"
		"%s"
		",\"tls\":{\"enabled\":true,\"certificate_path\":\"cert.pem\",\"key_path\":\"key."
		"pem\",}}]}",
		&ANYTLS_IN[1]);
	write_text("c.json", text);
	assert_int_equal(config_load("c.json", f, &c), 0);
	assert_string_equal(c->inbounds[0].tls.pairs[0].cert_path, "cert.pem");
	assert_string_equal(c->inbounds[0].tls.pairs[0].key_pem, key);
	assert_true(c->log.fd > 2);
	assert_int_equal(access("x.log", F_OK), 0);
	config_free(c);
	assert_int_equal(config_load("none.json", f, &c), -ENOENT);
	assert_int_equal(config_load("/", f, &c), -EISDIR);
	fclose(f);
	assert_non_null(strstr(sink, "none.json: No such file or directory\n"));
	for (size_t i = 0; i < 4; i++)
		unlink(((const char *const[]){ "cert.pem", "key.pem", "x.log", "c.json" })[i]);
	assert_int_equal(chdir("/"), 0);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_parse__empty_object__is_all_defaults),
		cmocka_unit_test(config_parse__top_level__is_taken_over),
		cmocka_unit_test(config_parse__durations__are_milliseconds),
		cmocka_unit_test(config_parse__inbounds__have_address_users_and_tags),
		cmocka_unit_test(config_handshake_ms__no_limit__follows_the_fallback),
		cmocka_unit_test(config_parse__padding_scheme__is_wire_text),
		cmocka_unit_test(config_parse__tls_inbound__takes_every_form),
		cmocka_unit_test(config_parse__key_of_another_certificate__is_refused),
		cmocka_unit_test(config_parse__outbound__has_defaults_and_values),
		cmocka_unit_test(config_parse__outbound_certificates__are_checked_and_kept),
		cmocka_unit_test(config_load__files__are_read_and_the_log_is_opened),
	};

	return cmocka_run_group_tests_name("config values", tests, setup, teardown);
}
