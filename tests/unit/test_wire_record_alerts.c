// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever a stranger sends after the handshake, our records answer as OpenSSL's do.
#include "wire/wire.h"

#include "record_bed.h"

#define RECORDS_MAX 8

/* Each letter of a script is one thing that the far end sends; see send_one(). */
struct probe {
	const char *name;
	const char *script;
};

/* What came of it. */
struct reaction {
	uint8_t data[4096];
	size_t n_data;
	enum wire_end end;
	struct {
		int type;
		size_t n;
		uint8_t content[64];
	} records[RECORDS_MAX];
	unsigned n_records;
};

static const uint8_t zeros[FORGE_TEXT];
static uint8_t scratch[FORGE_MAX];

static void put_hex(struct record_bed *b, unsigned type, const char *hex, size_t pad)
{
	uint8_t p[64];
	size_t n = 0;
	unsigned byte;

	for (; sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		p[n] = (uint8_t)byte;
	if (type)
		far_put(b, type, p, n, pad);
	else
		far_put_raw(b, p, n);
}

/* A word of a script: "TYPE:HEX" sealed, "raw:HEX" as it is, "zero:TYPE:SIZE" sealed zero bytes. */
static void send_one(struct record_bed *b, const char *word)
{
	unsigned type = 0, size = 0;
	char hex[128] = "";

	if (sscanf(word, "zero:%u:%u", &type, &size) == 2)
		far_put(b, type, zeros, size, 0);
	else if (sscanf(word, "pad:%u:%u", &type, &size) == 2)
		far_put(b, type, "padded", 6, size);
	else if (sscanf(word, "raw:%127s", hex) == 1)
		put_hex(b, 0, hex, 0);
	else if (sscanf(word, "next:%u", &size) == 1)
		assert_int_equal(record_dir_update(&b->rc, &b->tx), 0);
	else if (sscanf(word, "%u:%127s", &type, hex) >= 1)
		put_hex(b, type, hex, 0);
}

static void send_script(struct record_bed *b, const char *script)
{
	char copy[1024], *rest = copy, *word;

	assert_true(strlen(script) < sizeof(copy));
	strcpy(copy, script);
	while ((word = strsep(&rest, " "))) {
		unsigned times = 1;
		int skip = 0;

		sscanf(word, "%ux%n", &times, &skip);
		times = skip ? times : 1;
		while (times--)
			send_one(b, word + skip);
	}
	far_send(b);
	shutdown(b->far, SHUT_WR);
}

static void note(struct reaction *r, int type, const uint8_t *content, size_t n)
{
	assert_true(r->n_records < RECORDS_MAX && n <= sizeof(r->records[0].content));
	r->records[r->n_records].type = type;
	r->records[r->n_records].n = n;
	memcpy(r->records[r->n_records].content, content, n);
	r->n_records++;
}

static void react(const struct record_kind *kind, const char *script, struct reaction *r)
{
	struct record_bed b;
	ssize_t n;
	size_t len = 0;
	int type;

	memset(r, 0, sizeof(*r));
	record_bed_init(&b, kind, 0);
	send_script(&b, script);
	while ((n = near_get(&b)) > 0) {
		assert_true((size_t)n <= sizeof(r->data) - r->n_data);
		memcpy(r->data + r->n_data, b.in, (size_t)n);
		r->n_data += (size_t)n;
	}
	assert_int_equal(n, 0);
	r->end = wire_end(b.wire);
	wire_shutdown(b.wire);
	while ((type = far_get(&b, scratch, &len)) > 0)
		note(r, type, scratch, len);
	assert_int_equal(type, 0);
	record_bed_done(&b);
}

static void describe(const char *who, const struct reaction *r)
{
	print_message("%s: %zu bytes, end %d", who, r->n_data, r->end);
	for (unsigned i = 0; i < r->n_records; i++)
		print_message(", record %d of %zu: %u %u", r->records[i].type, r->records[i].n,
			      r->records[i].content[0], r->records[i].content[1]);
	print_message("\n");
}

/* How many differences there are. */
static unsigned compare(const struct probe *probe, bool client)
{
	static struct reaction ours, theirs;

	react(&(struct record_kind){ "TLS_AES_128_GCM_SHA256", true, client }, probe->script,
	      &ours);
	react(&(struct record_kind){ "TLS_AES_128_GCM_SHA256", false, client }, probe->script,
	      &theirs);
	if (!memcmp(&ours, &theirs, sizeof(ours)))
		return 0;
	print_message("\"%s\" to a %s\n", probe->name, client ? "client" : "server");
	describe("ours", &ours);
	describe("OpenSSL's", &theirs);
	return 1;
}

static const struct probe probes[] = {
	{ "data", "23:6869 23:7a" },
	{ "padded data", "pad:23:100 pad:23:0 pad:23:16000" },
	{ "empty data", "23: 23:6869 23:" },
	{ "32 empty records", "32x23: 23:6869" },
	{ "33 empty records", "33x23: 23:6869" },
	{ "32 empty records twice", "32x23: 23:68 32x23: 23:69" },
	{ "close_notify", "23:6869 21:0100" },
	{ "close_notify, level fatal", "23:6869 21:0200" },
	{ "data after close_notify", "21:0100 23:6869" },
	{ "rubbish after close_notify", "21:0100 raw:0102030405060708" },
	{ "fatal alert", "23:6869 21:0214 23:7a" },
	{ "fatal alert, level warning", "23:6869 21:0114 23:7a" },
	{ "unknown alert", "21:01ff 23:6869" },
	{ "user_canceled", "21:015a 23:6869 21:0100" },
	{ "user_canceled, level fatal", "21:025a 23:6869" },
	{ "4 user_canceled", "4x21:015a 23:6869" },
	{ "5 user_canceled", "5x21:015a 23:6869" },
	{ "4 user_canceled twice", "4x21:015a 23:68 4x21:015a 23:69" },
	{ "4 user_canceled and empty data", "4x21:015a 23: 21:015a 23:69" },
	{ "alert of 1 byte", "21:01 23:6869" },
	{ "alert of 3 bytes", "21:010000 23:6869" },
	{ "two alerts in one", "21:01000100" },
	{ "empty alert", "21:" },
	{ "empty handshake", "22:" },
	{ "plaintext alert", "raw:15030300020100" },
	{ "plaintext handshake", "raw:160303000518000001ff" },
	{ "ChangeCipherSpec", "raw:140303000101 23:6869" },
	{ "sealed ChangeCipherSpec", "20:01 23:6869" },
	{ "heartbeat", "raw:1803030003010000" },
	{ "unknown content type", "24:6869" },
	{ "nothing but padding", "zero:0:10" },
	{ "too much content", "zero:23:16385" },
	{ "too much handshake", "zero:22:16385" },
	{ "most padding", "pad:23:16617" },
	{ "too long a record", "pad:23:16618" },
	{ "length 65535", "raw:170303ffff" },
	{ "length 0", "raw:1703030000" },
	{ "length 16", "raw:170303001001020304050607080910111213141516" },
	{ "length 17", "raw:17030300110102030405060708091011121314151617" },
	{ "version 3.1", "raw:1703010012010203040506070809101112131415161718" },
	{ "version 3.4", "raw:1703040012010203040506070809101112131415161718" },
	{ "version 2", "raw:1702030012010203040506070809101112131415161718" },
	{ "HTTP", "raw:474554202f20485454502f312e310d0a0d0a" },
	{ "header cut", "23:6869 raw:170303" },
	{ "body cut", "23:6869 raw:17030300200102" },
	{ "KeyUpdate", "22:1800000100 next:1 23:6869" },
	{ "KeyUpdate asked for", "22:1800000101 next:1 23:6869" },
	{ "KeyUpdate asked for, then close", "22:1800000101 next:1 23:6869 21:0100" },
	{ "old key after KeyUpdate", "22:1800000100 23:6869" },
	{ "KeyUpdate in pieces", "22:18 22:0000 22:01 22:00 next:1 23:6869" },
	{ "KeyUpdate of no byte", "22:18000000 23:6869" },
	{ "KeyUpdate of no byte and more", "22:1800000000" },
	{ "KeyUpdate of two bytes", "22:180000020000" },
	{ "KeyUpdate of two bytes, header alone", "22:18000002" },
	{ "KeyUpdate of 2^24-1 bytes", "22:18ffffff" },
	{ "KeyUpdate 2", "22:1800000102 23:6869" },
	{ "something behind a KeyUpdate", "22:180000010018" },
	{ "two KeyUpdates in one record", "22:18000001001800000100" },
	{ "something behind KeyUpdate 2", "22:180000010200" },
	{ "HelloRequest", "22:00000000 23:6869" },
	{ "ClientHello", "22:010000020303" },
	{ "EndOfEarlyData", "22:05000000" },
	{ "Certificate", "22:0b000004000000" },
	{ "CertificateRequest", "22:0d00000400000000" },
	{ "Finished", "22:140000200102" },
	{ "unknown message", "22:63000000" },
	{ "unknown message, a byte of its header", "22:63 23:6869" },
	{ "data inside a header", "22:18 23:6869" },
	{ "data inside a message", "22:18000001 23:6869" },
	{ "close_notify inside a header", "22:18 21:0100" },
	{ "close_notify inside a message", "22:18000001 21:0100" },
	{ "fatal alert inside a header", "22:18 21:0214" },
	{ "fatal alert inside a message", "22:18000001 21:0214" },
	{ "user_canceled inside a message", "22:18000001 21:015a 22:00 next:1 23:6869" },
	{ "empty data inside a header", "22:18 23: 22:00000100 next:1 23:6869" },
	{ "empty data inside a message", "22:18000001 23: 22:00 next:1 23:6869" },
	{ "FIN inside a message", "22:18000001" },
	{ "ticket header of 2^24-1 bytes", "22:04ffffff" },
};

static void wire_read__what_no_peer_should_send__is_answered_as_by_openssl(void **state)
{
	unsigned differences = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(probes); i++)
		for (int client = 0; client < 2; client++)
			differences += compare(&probes[i], client);
	assert_int_equal(differences, 0);
}

/* A header alone behind a request is left out: OpenSSL looks at it only when the next record comes.
 */
static const char *const words[] = { "23:6869",
				     "23:",
				     "23:7a",
				     "zero:0:0",
				     "pad:23:50",
				     "21:015a",
				     "21:025a",
				     "21:0100",
				     "21:0214",
				     "21:01",
				     "22:18",
				     "22:180000",
				     "22:0001",
				     "22:01",
				     "22:0002aabb04",
				     "22:0400",
				     "22:",
				     "21:",
				     "3x21:015a",
				     "9x21:015a",
				     "20x23:",
				     "12x23:",
				     "24:61",
				     "raw:170303",
				     "22:0000",
				     "22:18000001aa",
				     "22:040000020102",
				     "22:000001",
				     "2x21:025a",
				     "raw:1703030000",
				     "22:18000001",
				     "22:00 next:1",
				     "22:01 next:1",
				     "22:1800000101 next:1",
				     "22:1800000100 next:1" };

static void wire_read__things_in_any_order__are_answered_as_by_openssl(void **state)
{
	unsigned seed = 1, differences = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		char script[256] = "";

		for (unsigned n = 0; n < 1 + (unsigned)i % 7; n++) {
			seed = seed * 1664525 + 1013904223;
			strcat(script, words[(seed >> 8) % COUNT(words)]);
			strcat(script, " ");
		}
		strcat(script, "23:6869");
		differences += compare(&(struct probe){ script, script }, false);
	}
	assert_int_equal(differences, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire_read__what_no_peer_should_send__is_answered_as_by_openssl),
		cmocka_unit_test(wire_read__things_in_any_order__are_answered_as_by_openssl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
