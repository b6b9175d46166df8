// SPDX-License-Identifier: GPL-2.0-or-later
// `anytlsd run`: the control thread, from the configuration to the end of the drain.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "app/command_socket.h"
#include "app/commands.h"
#include "app/kernel_offer.h"
#include "app/notify.h"
#include "app/privileges.h"
#include "app/program.h"
#include "app/state_publish.h"
#include "app/steering.h"
#include "app/version.h"
#include "base/fd.h"

#define FILE_CHECK_MS  2000
#define DRAIN_CHECK_MS 20

struct control {
	struct program program;
	struct loop *loop;
	struct watcher signals;
	struct timer files, drain, publish;
	struct command_socket *commands;
	struct steering_control *steering;
	uint64_t drain_until_ms;
	bool draining;
};

static void reload(struct control *c)
{
	program_reload_certificates(&c->program);
	if (program_reload_lists(&c->program))
		steering_bypass_changed(c->steering);
}

static void look_at_files(struct timer *t)
{
	struct control *c = container_of(t, struct control, files);

	reload(c);
	loop_arm(c->loop, t, FILE_CHECK_MS, look_at_files);
}

static void look_at_drain(struct timer *t)
{
	struct control *c = container_of(t, struct control, drain);
	uint32_t left = atomic_load(&c->program.n_busy);

	if (left > 0 && loop_now_ms(c->loop) < c->drain_until_ms) {
		loop_arm(c->loop, t, DRAIN_CHECK_MS, look_at_drain);
		return;
	}
	if (left > 0)
		log_warn(NULL, "drain time is over: %u connections and streams are cut", left);
	loop_stop(c->loop);
}

static void publish(struct timer *t)
{
	struct control *c = container_of(t, struct control, publish);

	state_publish(&c->program, c->draining);
	loop_arm(c->loop, t, STATE_PUBLISH_MS, publish);
}

static void terminate(struct control *c)
{
	if (c->draining) { /* asked twice */
		loop_stop(c->loop);
		return;
	}
	c->draining = true;
	notify_send("STOPPING=1");
	log_info(NULL, "shutting down: %u connections and streams are left", c->program.n_busy);
	c->drain_until_ms = loop_now_ms(c->loop) + c->program.config->limits.drain_timeout_ms;
	for (unsigned i = 0; i < c->program.n_running; i++)
		worker_drain(&c->program.workers[i]);
	loop_arm(c->loop, &c->drain, DRAIN_CHECK_MS, look_at_drain);
}

static void signalled(struct watcher *w, uint32_t events)
{
	struct control *c = container_of(w, struct control, signals);
	struct signalfd_siginfo si;

	(void)events;
	while (read(w->fd, &si, sizeof(si)) == sizeof(si)) {
		switch (si.ssi_signo) {
		case SIGTERM:
		case SIGINT:
			terminate(c);
			break;
		case SIGHUP:
			reload(c);
			break;
		case SIGUSR1:
			program_log_counters(&c->program);
			break;
		}
	}
}

/* Blocks the signals that the control thread reads; every later thread inherits that. */
static int open_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void announce(const struct control *c, unsigned long files)
{
	const struct config *cfg = c->program.config;
	char text[SOCKADDR_TEXT_MAX];

	for (size_t i = 0; i < cfg->n_inbounds; i++)
		log_info(cfg->inbounds[i].tag, "listening on %s",
			 sockaddr_text(&cfg->inbounds[i].listen, text));
	log_info(NULL, "%s %s is ready: %u workers, %lu descriptors", PROGRAM_NAME, PROGRAM_VERSION,
		 c->program.n_workers, files);
	notify_send("READY=1");
}

/* With the rights that may be gone later. */
static int look_at_kernel(struct program *p, char *why, size_t why_len)
{
	const struct kernel_report *k = &p->kernel;
	int err = kernel_probe(&p->kernel);

	if (err)
		log_warn(NULL, "cannot find out what the kernel can do: %s", strerror(-err));
	log_info(NULL, "kernel %s: TLS %s, BPF %s; took %.1f ms", k->release,
		 kernel_verdict_name(k->of[KERNEL_TX_AES_128].verdict),
		 kernel_verdict_name(k->of[KERNEL_SK_MSG].verdict), k->took_us / 1000.0);
	return kernel_offer_check(p, why, why_len);
}

/* Everything after the configuration; `why` is set where it fails. */
static int run(struct control *c, const struct config *cfg, char *why, size_t why_len)
{
	unsigned long files = privileges_raise_files();
	int err;

	c->signals = (struct watcher){ .fd = open_signals(), .ready = signalled };
	c->loop = loop_new();
	snprintf(why, why_len, "out of memory or descriptors");
	if (c->signals.fd < 0 || !c->loop || loop_watch_level(c->loop, &c->signals, EPOLLIN) < 0)
		return -ENOMEM;
	err = program_init(&c->program, cfg, why, why_len);
	if (!err)
		err = look_at_kernel(&c->program, why, why_len);
	if (!err)
		err = program_sockmaps(&c->program);
	if (!err)
		err = steering_start(&c->program, c->loop, &c->steering, why, why_len);
	if (!err) {
		state_publish_open(&c->program);
		c->commands = command_socket_open(&c->program, c->loop);
		err = privileges_drop(cfg, why, why_len);
	}
	if (!err)
		err = program_start(&c->program, why, why_len);
	if (err)
		return err;
	announce(c, files);
	loop_arm(c->loop, &c->files, FILE_CHECK_MS, look_at_files);
	if (c->program.state)
		publish(&c->publish);
	loop_run(c->loop);
	program_log_counters(&c->program);
	return 0;
}

static const char *parse(int argc, char **argv)
{
	static const struct option longopts[] = { { "config", required_argument, NULL, 'c' },
						  { 0 } };
	const char *path = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "c:", longopts, NULL)) == 'c')
		path = optarg;
	return opt == -1 && optind == argc ? path : NULL;
}

int cmd_run(int argc, char **argv)
{
	struct control c = { .signals.fd = -1 };
	const char *path = parse(argc, argv);
	struct config *cfg;
	char why[300];
	int err;

	if (!path) {
		fprintf(stderr, "usage: %s run -c FILE\n", PROGRAM_NAME);
		return 2;
	}
	privileges_harden();
	if (config_load(path, stderr, &cfg) < 0)
		return 1;
	privileges_lock_secrets(cfg);
	log_setup(&cfg->log);
	err = run(&c, cfg, why, sizeof(why));
	if (err)
		log_error(NULL, "%s", why);
	command_socket_close(c.commands);
	steering_stop(c.steering);
	program_done(&c.program);
	loop_free(c.loop);
	fd_close(c.signals.fd);
	config_free(cfg);
	return err ? 1 : 0;
}
