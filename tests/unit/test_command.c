// SPDX-License-Identifier: GPL-2.0-or-later
// The control socket: commands, lines in pieces, and callers that overdo it.
#include <sys/socket.h>
#include <sys/un.h>

#include "state_bed.h"

#include "app/command_socket.h"
#include "base/clock.h"

struct desk {
	struct state_bed *bed;
	struct program p;
	struct loop *loop;
	struct command_socket *s;
};

static struct desk *open_desk(struct state_bed *b)
{
	struct desk *d = calloc(1, sizeof(*d));

	d->bed = b;
	d->p.state = state_bed_open(b, 1);
	d->loop = loop_new();
	d->s = command_socket_open(&d->p, d->loop);
	assert_non_null(d->s);
	return d;
}

static void close_desk(struct desk *d)
{
	command_socket_close(d->s);
	loop_free(d->loop);
	state_region_close(d->p.state);
	free(d);
}

static int call(struct desk *d)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/" COMMAND_SOCKET, d->bed->dir);
	assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&a, sizeof(a)), 0);
	return fd;
}

/* Sends text, lets the daemon work, and returns what came back, NUL-terminated; "" at an end. */
static const char *ask(struct desk *d, int fd, const char *text, char out[static 600])
{
	ssize_t n;

	send(fd, text, strlen(text), MSG_NOSIGNAL);
	for (int i = 0; i < 5; i++)
		loop_turn(d->loop, 10);
	n = recv(fd, out, 599, MSG_DONTWAIT);
	out[n > 0 ? n : 0] = '\0';
	return out;
}

static bool hung_up(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static void command__ktls__sets_the_switch(void **state)
{
	struct desk *d = open_desk(*state);
	int fd = call(d);
	char out[600];

	assert_string_equal(ask(d, fd, "ktls off\n", out),
			    "ok new sessions keep away from kernel TLS\n");
	assert_true(d->p.kernel_tls_off);
	assert_string_equal(ask(d, fd, "ktls on\n", out), "ok new sessions may use kernel TLS\n");
	assert_false(d->p.kernel_tls_off);
	close(fd);
	close_desk(d);
}

static void command__lines_in_pieces_and_together__are_answered_each(void **state)
{
	struct desk *d = open_desk(*state);
	int fd = call(d);
	char out[600];

	assert_string_equal(ask(d, fd, "kt", out), "");
	assert_string_equal(ask(d, fd, "ls o", out), "");
	assert_string_equal(ask(d, fd, "ff\nnonsense\nktls", out),
			    "ok new sessions keep away from kernel TLS\n"
			    "error no such command: ktls, status\n");
	assert_string_equal(ask(d, fd, " on\n", out), "ok new sessions may use kernel TLS\n");
	close(fd);
	close_desk(d);
}

static void command__not_understood__is_said_in_words(void **state)
{
	static const struct {
		const char *line, *reply;
	} cases[] = {
		{ "", "error no such command: ktls, status" },
		{ "ktls", "error ktls is on or off" },
		{ "ktls maybe", "error ktls is on or off" },
		{ "ktls on off", "error ktls is on or off" },
		{ "KTLS on", "error no such command: ktls, status" },
		{ " ktls on", "error no such command: ktls, status" },
		{ "\x1b[2J", "error no such command: ktls, status" },
	};
	struct program p = { .kernel_tls_off = true };
	char line[COMMAND_LINE_MAX], reply[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		strcpy(line, cases[i].line);
		command_run(&p, line, reply, sizeof(reply));
		assert_string_equal(reply, cases[i].reply);
	}
	assert_true(p.kernel_tls_off);
}

static void command__status__has_the_counts(void **state)
{
	struct program p = { .n_workers = 4, .n_sessions = 5, .n_local = 6, .n_busy = 7 };
	char line[] = "status", reply[300];

	(void)state;
	command_run(&p, line, reply, sizeof(reply));
	assert_non_null(strstr(reply, "ok anytlsd "));
	assert_non_null(
		strstr(reply, "4 workers, 5 connections at anytls inbounds, 6 local, 7 busy"));
}

static void command__line_without_end__is_refused_and_hung_up(void **state)
{
	struct desk *d = open_desk(*state);
	int fd = call(d);
	char text[COMMAND_LINE_MAX + 1], out[600];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_string_equal(ask(d, fd, text, out), "error the line is too long\n");
	assert_true(hung_up(fd));
	close(fd);
	close_desk(d);
}

static void command__too_many_callers__are_turned_away_until_one_goes(void **state)
{
	struct desk *d = open_desk(*state);
	char out[600];
	int fds[4], more;

	for (int i = 0; i < 4; i++) {
		fds[i] = call(d);
		assert_string_equal(ask(d, fds[i], "x", out), "");
	}
	more = call(d);
	assert_string_equal(ask(d, more, "", out), "error too many callers\n");
	close(more);
	close(fds[2]);
	loop_turn(d->loop, 10);
	fds[2] = call(d);
	assert_string_equal(ask(d, fds[2], "ktls on\n", out),
			    "ok new sessions may use kernel TLS\n");
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	close_desk(d);
}

static void command__caller_that_stays__is_hung_up_in_time(void **state)
{
	struct desk *d;
	char out[600];
	int fd;

	clock_freeze_ms(1000000);
	d = open_desk(*state);
	fd = call(d);
	ask(d, fd, "ktls", out);
	clock_freeze_ms(1004900);
	ask(d, fd, "", out);
	assert_false(hung_up(fd));
	clock_freeze_ms(1005100);
	ask(d, fd, "", out);
	assert_true(hung_up(fd));
	close(fd);
	close_desk(d);
	clock_freeze_ms(0);
}

/* The replies fill the socket: who does not read is no caller. */
static void command__caller_that_does_not_read__is_hung_up(void **state)
{
	struct desk *d = open_desk(*state);
	int fd = call(d);
	ssize_t n = 1;

	for (int i = 0; i < 200000 && n >= 0; i++) {
		n = send(fd, "x\n", 2, MSG_DONTWAIT | MSG_NOSIGNAL);
		loop_turn(d->loop, 0);
	}
	assert_int_equal(n, -1);
	assert_int_equal(errno, EPIPE);
	close(fd);
	close_desk(d);
}

static void command_socket__mode__is_the_owners_alone(void **state)
{
	struct desk *d = open_desk(*state);
	char path[200];
	struct stat st;

	state_bed_path(d->bed, COMMAND_SOCKET, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close_desk(d);
	assert_int_equal(access(path, F_OK), -1);
}

static void command_socket__no_region__is_none(void **state)
{
	struct program p = { 0 };

	(void)state;
	assert_null(command_socket_open(&p, NULL));
	command_socket_close(NULL);
}

#define command_test(f) cmocka_unit_test_setup_teardown(f, state_bed_set_up, state_bed_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		command_test(command__ktls__sets_the_switch),
		command_test(command__lines_in_pieces_and_together__are_answered_each),
		command_test(command__not_understood__is_said_in_words),
		command_test(command__status__has_the_counts),
		command_test(command__line_without_end__is_refused_and_hung_up),
		command_test(command__too_many_callers__are_turned_away_until_one_goes),
		command_test(command__caller_that_stays__is_hung_up_in_time),
		command_test(command__caller_that_does_not_read__is_hung_up),
		command_test(command_socket__mode__is_the_owners_alone),
		command_test(command_socket__no_region__is_none),
	};

	return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
