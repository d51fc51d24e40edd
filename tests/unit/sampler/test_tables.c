#include "harness/sampler/tables.h"

#include "tests/unit/assert_close.h"
#include "tests/unit/temp_dir.h"

#include <math.h>

enum { OWNER = 3 };

/* The file's text, "" when there is none; to free. */
static char *text_of(struct rundir *rd, const char *name)
{
    char *path = file_join(rundir_path(rd), name), *text = NULL;
    FILE *f = fopen(path, "r");

    text = mem_zalloc(1 << 16, 1);
    if (f != NULL) {
        text[fread(text, 1, (1 << 16) - 1, f)] = '\0';
        fclose(f);
    }
    free(path);
    return text;
}

static size_t lines(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

static struct tables *open_tables(char *dir, struct rundir **rd)
{
    static const char *const names[] = {"rss_bytes"};
    struct tables *t;

    assert_int_equal(rundir_create(dir, "shop", rd, NULL), 0);
    assert_int_equal(tables_open(*rd, names, 1, &t, NULL), 0);
    return t;
}

/* What single processes have goes beside the sums, without the language's own
   types. */
static void test_own_objects(void **state)
{
    char *dir = temp_dir_new(), *text;
    struct rundir *rd;
    struct tables *t = open_tables(dir, &rd);

    (void)state;
    tables_own_object(t, OWNER, (struct proc_id){7, 70}, "app.Order", 5);
    tables_own_object(t, OWNER, (struct proc_id){7, 70}, "builtins.dict", 9);
    tables_own_object(t, OWNER, (struct proc_id){8, 80}, "app.=\"Cart", 2);
    tables_object(t, OWNER, "app.Order", 12, 640, true);
    tables_objects_end(t, 1.5, 2, 100);
    text = text_of(rd, "objects_own.csv");
    assert_string_equal(text, "t_s,block,pid,start,type,count\n"
                              "1.5,2,7,70,app.Order,5\n"
                              "1.5,2,8,80,\"app.=\"\"Cart\",2\n");
    free(text);
    text = text_of(rd, "objects.csv");
    assert_int_equal(lines(text), 2);
    free(text);
    tables_free(t);
    rundir_close(&rd);
    temp_dir_free(dir);
}

/* A source that is read again says everything again. */
static void test_forgotten(void **state)
{
    char *dir = temp_dir_new(), *text;
    struct rundir *rd;
    struct tables *t = open_tables(dir, &rd);

    (void)state;
    for (int again = 0; again < 2; again++) {
        tables_objects_forget(t, OWNER);
        for (int64_t pid = 1; pid <= 20; pid++)
            for (int i = 0; i < 2; i++)
                tables_own_object(t, OWNER, (struct proc_id){pid, 1},
                                  i == 0 ? "app.Order" : "app.Cart", 1);
    }
    tables_objects_end(t, 1, 1, 100);
    tables_own_object(t, OWNER, (struct proc_id){1, 1}, "app.Order", 1);
    tables_objects_end(t, 2, 2, 200);
    text = text_of(rd, "objects_own.csv");
    assert_int_equal(lines(text), 1 + 16 * 2 + 1); /* no more processes */
    free(text);
    tables_free(t);
    rundir_close(&rd);
    temp_dir_free(dir);
}

/* Has each process with a row of objects_own.csv all `types` of them? */
static void assert_whole(struct rundir *rd, size_t types, size_t processes)
{
    char *path = file_join(rundir_path(rd), "objects_own.csv"), line[200];
    FILE *f = fopen(path, "r");
    size_t rows = 0;

    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL)
        rows++;
    assert_int_equal(rows, 1 + types * processes);
    fclose(f);
    free(path);
}

static void add_own(struct tables *t, int64_t pid, int types)
{
    char type[32];

    for (int i = 0; i < types; i++) {
        snprintf(type, sizeof type, "app.T%d", i);
        tables_own_object(t, OWNER, (struct proc_id){pid, 1}, type, 1);
    }
}

/* A type that is not among a process' rows it had none of: what there is no
   room for is left out by processes, never in the middle of one. */
static void test_whole_processes(void **state)
{
    char *dir = temp_dir_new();
    struct rundir *rd;
    struct tables *t = open_tables(dir, &rd);

    (void)state;
    for (int block = 0; block < 12; block++) {
        for (int64_t pid = 1; pid <= 2; pid++)
            add_own(t, pid, 9000);
        tables_objects_end(t, block + 1, block, 100);
    }
    add_own(t, 3, 1); /* nor a small one behind those that are missing */
    tables_objects_end(t, 20, 20, 100);
    assert_whole(rd, 9000, 22); /* 200,000 rows at most */
    tables_free(t);
    rundir_close(&rd);
    temp_dir_free(dir);
}

/* The sums come behind what single processes have, and come first. */
static void test_room_for_sums(void **state)
{
    char *dir = temp_dir_new(), *text;
    struct rundir *rd;
    struct tables *t = open_tables(dir, &rd);

    (void)state;
    for (int64_t pid = 1; pid <= 16; pid++)
        add_own(t, pid, 9000);
    tables_object(t, OWNER, "app.Order", 12, 640, true);
    tables_objects_end(t, 1, 0, 100);
    text = text_of(rd, "objects.csv");
    assert_int_equal(lines(text), 2);
    free(text);
    assert_whole(rd, 9000, 5); /* 50,000 at a time */
    tables_free(t);
    rundir_close(&rd);
    temp_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_objects),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_whole_processes),
        cmocka_unit_test(test_room_for_sums),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
