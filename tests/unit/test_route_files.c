// SPDX-License-Identifier: GPL-2.0-or-later
// Lists from files: in the rules, in what is never captured, read anew; snapshots between threads.
#include "app/program.h"
#include "route_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS	  2
#define SNAPSHOTS 300

static char folder[] = "/tmp/test-route-XXXXXX";
static char config_path[sizeof(folder) + 16], to_path[sizeof(folder) + 16],
	from_path[sizeof(folder) + 16];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	sprintf(config_path, "%s/config", folder);
	sprintf(to_path, "%s/to", folder);
	sprintf(from_path, "%s/from", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(config_path);
	unlink(to_path);
	unlink(from_path);
	return rmdir(folder);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* As an editor does it; the inode is another one, so that no clock is asked. */
static void replace_file(const char *path, const char *text)
{
	char other[sizeof(folder) + 16];

	sprintf(other, "%s/new", folder);
	write_file(other, text);
	assert_int_equal(rename(other, path), 0);
}

/* %s are the paths of `to` and `from`. */
static struct config *load(const char *rules)
{
	char *with_paths = NULL, *notes = NULL;
	struct config *c = NULL;
	size_t n;
	FILE *report = open_memstream(&notes, &n);

	assert_non_null(report);
	assert_true(asprintf(&with_paths, rules, to_path, from_path) > 0);
	write_file(config_path, with_paths);
	free(with_paths);
	assert_int_equal(config_load(config_path, report, &c), 0);
	fclose(report);
	free(notes);
	return c;
}

#define BOTH                                                                                       \
	ROUTE_CONFIG("[{\"ip_cidr\":\"192.0.2.1\",\"ip_cidr_file\":\"%s\",\"outbound\":\"one\"},"  \
		     "{\"source_ip_cidr\":\"203.0.113.1\",\"source_ip_cidr_file\":[\"%s\"],"       \
		     "\"action\":\"reject\"}]")

static void route_new__files__are_joined_with_what_is_given_inline(void **state)
{
	static const struct {
		const char *flow;
		int rule;
	} cases[] = {
		{ "0 tcp - - 10.1.1.1:1", 0 },
		{ "0 tcp - - 192.0.2.1:1", 0 },
		{ "0 tcp - - 2001:db8::1:1", 0 },
		{ "0 tcp - 172.16.0.1:1 1.1.1.1:1", 1 },
		{ "0 tcp - 203.0.113.1:1 1.1.1.1:1", 1 },
		{ "0 tcp - 10.1.1.1:1 172.16.0.1:1", -1 },
	};
	struct config *c;
	struct route *r;

	(void)state;
	write_file(to_path, "10.0.0.0/8\n# more\n2001:db8::/32\n");
	write_file(from_path, "172.16.0.0/16");
	c = load(BOTH);
	r = route_made(c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(route_ask(r, cases[i].flow).rule, cases[i].rule);
	route_unref(r);
	config_free(c);
}

static void route_new__empty_file__matches_nothing(void **state)
{
	struct config *c;
	struct route *r;

	(void)state;
	write_file(to_path, "# nothing yet\n");
	write_file(from_path, "");
	c = load(ROUTE_CONFIG("[{\"ip_cidr_file\":\"%s\",\"outbound\":\"one\"},"
			      "{\"source_ip_cidr_file\":[\"%s\"],\"action\":\"reject\"}]"));
	r = route_made(c);
	assert_int_equal(route_ask(r, "0 tcp - 10.0.0.1:1 1.1.1.1:1").rule, -1);
	route_unref(r);
	config_free(c);
}

static void route_new__file_that_cannot_be_read__says_why(void **state)
{
	struct config *c;
	char why[200], want[200];

	(void)state;
	write_file(to_path, "");
	write_file(from_path, "");
	c = load(BOTH);
	replace_file(from_path, "10.0.0.0/8\nnothing\n");
	assert_null(route_new(c, why, sizeof(why)));
	sprintf(want, "%s:2: no address prefix", from_path);
	assert_string_equal(why, want);
	unlink(to_path);
	assert_null(route_new(c, why, sizeof(why)));
	sprintf(want, "%s: No such file or directory", to_path);
	assert_string_equal(why, want);
	config_free(c);
}

static void route_files_changed__each_change__is_told_once(void **state)
{
	struct config *c;
	struct route_files *f;

	(void)state;
	write_file(to_path, "");
	write_file(from_path, "");
	c = load(BOTH);
	f = route_files_new(c);
	assert_non_null(f);
	assert_false(route_files_changed(f));
	replace_file(from_path, "");
	assert_true(route_files_changed(f));
	assert_false(route_files_changed(f));
	write_file(to_path, "10.0.0.0/8\n"); /* another size */
	assert_true(route_files_changed(f));
	assert_false(route_files_changed(f));
	unlink(to_path);
	assert_true(route_files_changed(f));
	assert_false(route_files_changed(f));
	write_file(to_path, "10.0.0.0/8\n");
	assert_int_equal(chmod(to_path, 0), 0);
	assert_true(route_files_changed(f));
	assert_int_equal(utimensat(AT_FDCWD, to_path, (struct timespec[]){ { 5, 0 }, { 5, 0 } }, 0),
			 0); /* the same size and inode */
	assert_true(route_files_changed(f));
	assert_false(route_files_changed(f));
	route_files_free(f);
	config_free(c);
}

static void route_files__none__never_change(void **state)
{
	struct config *c = route_config(ROUTE_CONFIG("[{\"port\":1,\"outbound\":\"one\"}]"));
	struct route_files *f = route_files_new(c);

	(void)state;
	assert_false(route_files_changed(f));
	route_files_free(f);
	route_files_free(NULL);
	config_free(c);
}

/* The second inbound captures, and has a list of its own; the caller takes it away again. */
static void make_transparent(struct config *c, char **files)
{
	struct config_transparent *t = &c->inbounds[1].transparent;
	struct prefix p;

	c->inbounds[1].type = INBOUND_TRANSPARENT;
	assert_int_equal(prefix_parse("198.51.100.0/24", 15, &p), 0);
	assert_int_equal(prefix_list_add(&t->plan.bypass, &p), 0);
	t->bypass_files = files;
	t->n_bypass_files = 1;
}

static void free_transparent(struct config *c)
{
	struct config_transparent *t = &c->inbounds[1].transparent;

	prefix_list_done(&t->plan.bypass);
	t->bypass_files = NULL;
	t->n_bypass_files = 0;
}

static void check_bypass(const struct config *c, const char *const *want, size_t n)
{
	struct prefix_list l;
	char why[200], text[PREFIX_TEXT_MAX];

	assert_int_equal(route_bypass(c, &c->inbounds[1], &l, why, sizeof(why)), 0);
	for (size_t i = 0; i < n && i < l.n; i++)
		assert_string_equal(prefix_text(&l.at[i], text), want[i]);
	assert_int_equal(l.n, n);
	prefix_list_done(&l);
}

static void route_bypass__inbound__has_its_files_and_its_rules(void **state)
{
	static const char *const want[] = { "10.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24",
					    "203.0.113.0/24" };
	char *files[] = { from_path };
	struct config *c;

	(void)state;
	write_file(to_path, "10.0.0.0/8\n10.1.0.0/16\n");
	write_file(from_path, "203.0.113.0/24\n");
	c = load(ROUTE_CONFIG("[{\"ip_cidr\":\"192.0.2.0/24\",\"action\":\"bypass\"},"
			      "{\"ip_cidr_file\":\"%s\",\"action\":\"bypass\"},"
			      "{\"ip_cidr\":\"1.0.0.0/8\",\"action\":\"bypass\"},"
			      "{\"ip_cidr\":\"2.0.0.0/8\",\"action\":\"reject\"}]"));
	make_transparent(c, files);
	c->rules[2].inbounds = calloc(1, sizeof(uint32_t)); /* the other inbound's */
	c->rules[2].n_inbounds = 1;
	check_bypass(c, want, 4);
	free_transparent(c);
	config_free(c);
}

static void route_bypass__changed_file__is_noticed_and_read(void **state)
{
	static const char *const before[] = { "10.0.0.0/8", "198.51.100.0/24" };
	static const char *const after[] = { "11.0.0.0/8", "12.0.0.0/8", "198.51.100.0/24" };
	char *files[] = { to_path }, why[200];
	struct prefix_list untouched = { .n = 99 };
	struct route_files *f;
	struct config *c = route_config(ROUTE_CONFIG("[]"));

	(void)state;
	write_file(to_path, "10.0.0.0/8\n");
	make_transparent(c, files);
	f = route_files_new(c);
	check_bypass(c, before, 2);
	replace_file(to_path, "11.0.0.0/8\n12.0.0.0/8\n");
	assert_true(route_files_changed(f));
	check_bypass(c, after, 3);
	replace_file(to_path, "11.0.0.0/8\n12.0.0.0/8\nand\n");
	assert_true(route_files_changed(f));
	assert_int_equal(route_bypass(c, &c->inbounds[1], &untouched, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "/to:3: no address prefix"));
	assert_int_equal(untouched.n, 99);
	route_files_free(f);
	free_transparent(c);
	config_free(c);
}

static void program_reload_lists__changed_files__tells_of_those_never_captured(void **state)
{
	char *files[] = { to_path };
	struct program p = { .routes.lock = PTHREAD_MUTEX_INITIALIZER };
	struct route *first, *second;
	struct config *c;

	(void)state;
	log_setup(&(struct log_options){ .fd = -1, .level = LOG_LEVEL_ERROR });
	write_file(to_path, "10.0.0.0/8\n");
	write_file(from_path, "10.0.0.0/8\n");
	c = load(BOTH);
	p.config = c;
	p.files = route_files_new(c);
	assert_false(program_reload_lists(&p)); /* nothing changed */
	assert_null(p.routes.newest);
	replace_file(from_path, "11.0.0.0/8\n");
	assert_false(program_reload_lists(&p)); /* only a rule's */
	first = p.routes.newest;
	assert_non_null(first);
	make_transparent(c, files);
	replace_file(to_path, "11.0.0.0/8\n");
	assert_true(program_reload_lists(&p));
	second = p.routes.newest;
	assert_int_equal(route_ask(second, "0 tcp - - 11.0.0.1:1").rule, 0);
	replace_file(to_path, "12.0.0.0/8\nnothing\n");
	assert_false(program_reload_lists(&p));
	assert_ptr_equal(p.routes.newest, second);
	route_slot_set(&p.routes, NULL);
	route_files_free(p.files);
	free_transparent(c);
	config_free(c);
}

static void route_slot__newest__reaches_each_holder(void **state)
{
	struct config *c = route_config(ROUTE_CONFIG("[]"));
	struct route_slot s = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct route *a = NULL, *b = NULL, *first = route_made(c), *second = route_made(c);
	uint32_t a_version = 0, b_version = 0;

	(void)state;
	route_slot_get(&s, &a, &a_version);
	assert_null(a);
	route_slot_set(&s, first);
	route_slot_get(&s, &a, &a_version);
	assert_ptr_equal(a, first);
	route_slot_set(&s, second);
	route_slot_get(&s, &b, &b_version);
	assert_ptr_equal(b, second);
	assert_int_equal(route_ask(a, "0 tcp - - a.b:1").rule, -1); /* the old one is whole */
	route_slot_get(&s, &a, &a_version);
	assert_ptr_equal(a, second);
	route_slot_set(&s, NULL);
	route_unref(a);
	route_unref(b);
	config_free(c);
}

struct reader {
	pthread_t thread;
	struct route_slot *slot;
	_Atomic bool *stop;
	_Atomic unsigned asked;
	unsigned other; /* answers that no snapshot gives */
};

static void *read_on(void *arg)
{
	struct reader *me = arg;
	struct route *held = NULL;
	uint32_t version = 0;

	while (!atomic_load(me->stop)) {
		route_slot_get(me->slot, &held, &version);
		/* both prefixes are of one snapshot: exactly one of the flows is taken */
		me->other += (route_ask(held, "0 tcp - - 10.0.0.1:1").rule == 0) ==
			     (route_ask(held, "0 tcp - - 11.0.0.1:1").rule == 0);
		atomic_fetch_add(&me->asked, 1);
	}
	route_unref(held);
	return NULL;
}

static void route_slot__threads__see_whole_snapshots(void **state)
{
	static const char *const lists[] = { "10.0.0.0/8\n", "11.0.0.0/8\n" };
	struct route_slot s = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct reader readers[THREADS] = { 0 };
	_Atomic bool stop = false;
	struct config *c;

	(void)state;
	write_file(to_path, lists[0]);
	c = load(ROUTE_CONFIG("[{\"ip_cidr_file\":\"%s\",\"outbound\":\"one\"}]"));
	route_slot_set(&s, route_made(c));
	for (int i = 0; i < THREADS; i++) {
		readers[i].slot = &s;
		readers[i].stop = &stop;
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
	}
	for (int i = 0; i < SNAPSHOTS || !readers[0].asked || !readers[1].asked; i++) {
		replace_file(to_path, lists[i % 2]);
		route_slot_set(&s, route_made(c));
	}
	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(readers[i].other, 0);
	}
	route_slot_set(&s, NULL);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(route_new__files__are_joined_with_what_is_given_inline),
		cmocka_unit_test(route_new__empty_file__matches_nothing),
		cmocka_unit_test(route_new__file_that_cannot_be_read__says_why),
		cmocka_unit_test(route_files_changed__each_change__is_told_once),
		cmocka_unit_test(route_files__none__never_change),
		cmocka_unit_test(route_bypass__inbound__has_its_files_and_its_rules),
		cmocka_unit_test(route_bypass__changed_file__is_noticed_and_read),
		cmocka_unit_test(
			program_reload_lists__changed_files__tells_of_those_never_captured),
		cmocka_unit_test(route_slot__newest__reaches_each_holder),
		cmocka_unit_test(route_slot__threads__see_whole_snapshots),
	};

	return cmocka_run_group_tests_name("route files", tests, make_folder, remove_folder);
}
