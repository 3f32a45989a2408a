/* SPDX-License-Identifier: MIT */
/* Watched files, in a real directory under a clock that is moved by hand: each way in which a
 * secret is replaced is seen at once, what the kernel does not tell is found in time. */
#include "sys/file_watch.h"

#include "../scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

static usec_t now = 1000;

usec_t clock_monotonic(void) {
    return now;
}

static struct loop loop;
static struct file_watch *files;

/* A watched file that counts how often it was told, and may then remove another or itself. */
struct one {
    struct watched_file file;
    unsigned told;
    struct one *removes;
};

static void on_change(struct watched_file *file) {
    struct one *one = container_of(file, struct one, file);
    one->told++;
    if (one->removes)
        file_watch_remove(files, &one->removes->file);
}

static void watch(struct one *one, const char *path) {
    *one = (struct one){.told = 0};
    assert_true(file_watch_add(files, &one->file, path, on_change));
}

/* Everything that the kernel has to say; it says so before the call that did it returns. */
static void look(void) {
    for (int i = 0; i < 8; i++)
        assert_true(loop_turn(&loop, 0));
}

static void pass(usec_t duration) {
    now += duration;
    look();
}

/* Whether ONE was told since it was asked last. */
static bool was_told(struct one *one) {
    look();
    bool told = one->told > 0;
    one->told = 0;
    return told;
}

static void make_directory(const char *name) {
    assert_int_equal(mkdir(scratch_path(name), 0700), 0);
}

static void move(const char *from, const char *to) {
    assert_int_equal(rename(scratch_path(from), scratch_path(to)), 0);
}

static void link_to(const char *target, const char *name) {
    assert_int_equal(symlink(target, scratch_path(name)), 0);
}

static void drop(const char *name) {
    assert_int_equal(remove(scratch_path(name)), 0);
}

static int set_up(void **state) {
    if (scratch_make(state) != 0 || !loop_init(&loop))
        return -1;
    files = file_watch_new(&loop);
    return files ? 0 : -1;
}

static int tear_down(void **state) {
    file_watch_free(&files);
    loop_done(&loop);
    return scratch_remove(state);
}

static void a_replaced_file_is_told(void **state) {
    (void)state;
    struct one a;
    watch(&a, scratch_write("a", "old", 0600));
    assert_false(was_told(&a));
    scratch_write("a.new", "new", 0600);
    a.told = 0;
    move("a.new", "a");
    assert_true(was_told(&a));
    assert_false(was_told(&a));
    file_watch_remove(files, &a.file);
}

static void a_rewritten_file_is_told_when_it_is_closed(void **state) {
    (void)state;
    struct one a;
    watch(&a, scratch_write("a", "old", 0600));
    int fd = open(scratch_path("a"), O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, "half", 4), 4);
    assert_false(was_told(&a));
    close(fd);
    assert_true(was_told(&a));
    file_watch_remove(files, &a.file);
}

static void reading_tells_nobody(void **state) {
    (void)state;
    struct one a;
    char byte;
    watch(&a, scratch_write("a", "old", 0600));
    int fd = open(scratch_path("a"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, &byte, 1), 1);
    close(fd);
    assert_false(was_told(&a));
    file_watch_remove(files, &a.file);
}

/* key -> ..data/key, ..data -> ..1; then ..data is replaced by a link to ..2. */
static void a_volume_of_kubernetes_is_told(void **state) {
    (void)state;
    struct one a;
    make_directory("..1");
    make_directory("..2");
    scratch_write("..1/key", "old", 0600);
    scratch_write("..2/key", "new", 0600);
    link_to("..1", "..data");
    link_to("..data/key", "key");
    watch(&a, scratch_path("key"));
    link_to("..2", "..data_tmp");
    (void)was_told(&a);
    move("..data_tmp", "..data");
    assert_true(was_told(&a));
    file_watch_remove(files, &a.file);
}

static void a_mode_is_told(void **state) {
    (void)state;
    struct one a;
    watch(&a, scratch_write("a", "old", 0604));
    assert_int_equal(chmod(scratch_path("a"), 0600), 0);
    assert_true(was_told(&a));
    file_watch_remove(files, &a.file);
}

static void a_file_that_goes_and_comes_is_told(void **state) {
    (void)state;
    struct one a;
    watch(&a, scratch_write("a", "old", 0600));
    drop("a");
    assert_true(was_told(&a));
    scratch_write("a", "new", 0600);
    assert_true(was_told(&a));
    file_watch_remove(files, &a.file);
}

static void a_burst_is_one_look(void **state) {
    (void)state;
    struct one a;
    watch(&a, scratch_write("a", "old", 0600));
    for (int i = 0; i < 5; i++)
        scratch_write("a", "new", 0600);
    look();
    assert_int_equal(a.told, 1);
    file_watch_remove(files, &a.file);
}

static void two_files_of_a_directory_share_its_watch(void **state) {
    (void)state;
    struct one a, b, c;
    make_directory("other");
    watch(&a, scratch_write("a", "a", 0600));
    watch(&b, scratch_write("b", "b", 0600));
    watch(&c, scratch_write("other/c", "c", 0600));
    look();
    a.told = b.told = c.told = 0;
    scratch_write("b", "new", 0600);
    look();
    assert_int_equal(a.told, 1);
    assert_int_equal(b.told, 1);
    assert_int_equal(c.told, 0);
    file_watch_remove(files, &a.file);
    (void)was_told(&b);
    a.told = 0;
    scratch_write("b", "newer", 0600);
    assert_true(was_told(&b));
    assert_false(was_told(&a));
    file_watch_remove(files, &b.file);
    file_watch_remove(files, &c.file);
}

static void a_directory_that_comes_later_is_found(void **state) {
    (void)state;
    struct one a;
    watch(&a, scratch_path("later/a"));
    make_directory("later");
    scratch_write("later/a", "new", 0600);
    assert_false(was_told(&a));
    pass(FILE_WATCH_INTERVAL - 1);
    assert_int_equal(a.told, 0);
    pass(1);
    assert_true(was_told(&a));
    scratch_write("later/a", "newer", 0600); /* from now on at once */
    assert_true(was_told(&a));
    file_watch_remove(files, &a.file);
}

static void a_directory_that_goes_is_watched_again(void **state) {
    (void)state;
    struct one a;
    make_directory("d");
    watch(&a, scratch_write("d/a", "old", 0600));
    drop("d/a");
    drop("d");
    assert_true(was_told(&a));
    make_directory("d");
    scratch_write("d/a", "new", 0600);
    pass(FILE_WATCH_INTERVAL);
    assert_true(was_told(&a));
    scratch_write("d/a", "newer", 0600);
    assert_true(was_told(&a));
    file_watch_remove(files, &a.file);
}

/* The watch stays with the directory that was moved away: that one is of no interest any more. */
static void a_directory_that_is_replaced_is_watched_anew(void **state) {
    (void)state;
    struct one a, old;
    make_directory("d");
    make_directory("d.new");
    scratch_write("d.new/a", "new", 0600);
    watch(&a, scratch_write("d/a", "old", 0600));
    move("d", "d.old");
    move("d.new", "d");
    assert_true(was_told(&a));
    scratch_write("d/a", "newer", 0600);
    assert_true(was_told(&a));
    scratch_write("d.old/a", "stale", 0600);
    assert_false(was_told(&a));
    watch(&old, scratch_path("d.old/a"));
    scratch_write("d.old/a", "staler", 0600);
    assert_true(was_told(&old));
    assert_false(was_told(&a));
    file_watch_remove(files, &a.file);
    file_watch_remove(files, &old.file);
}

/* Here the kernel has nothing to tell of the directory that was watched. */
static void a_path_that_leads_elsewhere_is_followed_in_time(void **state) {
    (void)state;
    struct one a, first;
    make_directory("1");
    make_directory("2");
    scratch_write("2/a", "new", 0600);
    watch(&first, scratch_write("1/a", "old", 0600));
    link_to("1", "now");
    watch(&a, scratch_path("now/a"));
    drop("now");
    link_to("2", "now");
    pass(FILE_WATCH_INTERVAL);
    assert_true(was_told(&a));
    assert_true(was_told(&first));
    scratch_write("2/a", "newer", 0600);
    assert_true(was_told(&a));
    assert_false(was_told(&first));
    scratch_write("1/a", "older", 0600); /* which another still wants to hear of */
    assert_true(was_told(&first));
    assert_false(was_told(&a));
    file_watch_remove(files, &a.file);
    file_watch_remove(files, &first.file);
}

static void who_is_told_may_remove_any(void **state) {
    (void)state;
    struct one a, b, c, d;
    watch(&a, scratch_write("a", "a", 0600));
    watch(&b, scratch_path("b"));
    watch(&c, scratch_path("c"));
    watch(&d, scratch_path("d"));
    a.removes = &b;
    c.removes = &c;
    scratch_write("a", "new", 0600);
    look();
    assert_int_equal(a.told, 1);
    assert_int_equal(b.told, 0);
    assert_int_equal(c.told, 1);
    assert_int_equal(d.told, 1);
    scratch_write("a", "newer", 0600);
    look();
    assert_int_equal(a.told, 2);
    assert_int_equal(c.told, 1);
    assert_int_equal(d.told, 2);
    d.removes = &a;
    file_watch_remove(files, &b.file); /* is fine */
    pass(FILE_WATCH_INTERVAL);
    d.removes = &d;
    pass(FILE_WATCH_INTERVAL);
    assert_null(a.file.path);
    assert_null(d.file.path);
    scratch_write("a", "newest", 0600);
    look();
}

/* Of one that was removed and is watched again the directory has another descriptor. */
static void a_file_can_be_watched_again(void **state) {
    (void)state;
    struct one a;
    watch(&a, scratch_write("a", "a", 0600));
    file_watch_remove(files, &a.file);
    watch(&a, scratch_path("a"));
    look();
    a.told = 0;
    scratch_write("a", "b", 0600);
    assert_true(was_told(&a));
    file_watch_remove(files, &a.file);
}

/* More events than the kernel keeps: nobody knows whose they were. */
static void a_queue_that_overflows_tells_everybody(void **state) {
    (void)state;
    struct one a, b;
    unsigned long limit = 16384;
    FILE *said = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    if (said) {
        char line[32] = "";
        if (fgets(line, sizeof line, said))
            limit = strtoul(line, NULL, 10);
        (void)fclose(said);
    }
    if (limit > 100000)
        skip();
    make_directory("busy");
    watch(&a, scratch_write("busy/a", "a", 0600));
    watch(&b, scratch_write("b", "b", 0600));
    look();
    a.told = b.told = 0;
    /* Equal events in a row are one, so two take turns. */
    scratch_write("busy/b", "b", 0600);
    char one[128], two[128];
    memcpy(one, scratch_path("busy/a"), sizeof one);
    memcpy(two, scratch_path("busy/b"), sizeof two);
    for (unsigned long i = 0; i <= limit; i++)
        assert_int_equal(chmod(i % 2 ? one : two, 0600), 0);
    for (unsigned long i = 0; i <= limit / 64; i++)
        assert_true(loop_turn(&loop, 0));
    assert_true(b.told > 0);
    assert_true(a.told > 0);
    file_watch_remove(files, &a.file);
    file_watch_remove(files, &b.file);
}

int main(void) {
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_replaced_file_is_told),
        T(a_rewritten_file_is_told_when_it_is_closed),
        T(reading_tells_nobody),
        T(a_volume_of_kubernetes_is_told),
        T(a_mode_is_told),
        T(a_file_that_goes_and_comes_is_told),
        T(a_burst_is_one_look),
        T(two_files_of_a_directory_share_its_watch),
        T(a_directory_that_comes_later_is_found),
        T(a_directory_that_goes_is_watched_again),
        T(a_directory_that_is_replaced_is_watched_anew),
        T(a_path_that_leads_elsewhere_is_followed_in_time),
        T(who_is_told_may_remove_any),
        T(a_file_can_be_watched_again),
        T(a_queue_that_overflows_tells_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
