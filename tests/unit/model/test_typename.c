/* Whose types there are, by their names. */
#include "harness/model/typename.h"

#include "tests/unit/assert_close.h"

#include <stdio.h>

static void whose_it_is(void **state)
{
    static const struct {
        const char *type, *command;
        enum typename_origin want;
    } rows[] = {
        {"builtins.dict", NULL, TYPENAME_LANGUAGE},
        {"dict", "gunicorn dict:app", TYPENAME_LANGUAGE},
        {"__main__.Order", NULL, TYPENAME_OWN},
        {"shop.Order", "gunicorn shop:app", TYPENAME_OWN},
        {"shop.models.Order", "celery -A shop.tasks worker", TYPENAME_OWN},
        {"shop.Order", "gunicorn bookshop:app", TYPENAME_LIBRARY},
        {"shop.Order", "gunicorn shop_old:app", TYPENAME_LIBRARY},
        {"shop.Order", "", TYPENAME_LIBRARY},
        {"shop.Order", NULL, TYPENAME_LIBRARY},
        {"sho.Order", "gunicorn shop:app", TYPENAME_LIBRARY},
        /* What runs the program is a library. */
        {"gunicorn.http.Request", "gunicorn shop:app", TYPENAME_LIBRARY},
        {"collections.deque", "gunicorn shop:app", TYPENAME_STANDARD},
        {"http.client.HTTPResponse", "python3 -m http.server",
         TYPENAME_STANDARD},
        {"abc.ABC", NULL, TYPENAME_STANDARD},
        {"zoneinfo.ZoneInfo", NULL, TYPENAME_STANDARD},
        {"symbol.X", NULL, TYPENAME_STANDARD},
        {"_asyncio.Task", NULL, TYPENAME_STANDARD},
        {"collections2.Deque", NULL, TYPENAME_LIBRARY},
        {"collection.Deque", NULL, TYPENAME_LIBRARY},
        {"zzz.Last", NULL, TYPENAME_LIBRARY},
        {"aaa.First", NULL, TYPENAME_LIBRARY},
        {".odd", NULL, TYPENAME_LIBRARY},
        {"", NULL, TYPENAME_LANGUAGE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (typename_origin(rows[i].type, rows[i].command) != rows[i].want)
            fail_msg("%s in %s", rows[i].type, rows[i].command);
}

/* All names of the table are found: it is sorted. */
static void the_standard_library(void **state)
{
    static const char *const some[] = {"argparse.A",
                                       "array.A",
                                       "base64.A",
                                       "bdb.A",
                                       "cProfile.A",
                                       "calendar.A",
                                       "email.message.Message",
                                       "fractions.Fraction",
                                       "imaplib.A",
                                       "json.decoder.A",
                                       "logging.LogRecord",
                                       "mailcap.A",
                                       "multiprocessing.A",
                                       "ntpath.A",
                                       "pydoc_data.A",
                                       "queue.Queue",
                                       "re.Match",
                                       "selectors.SelectorKey",
                                       "socket.socket",
                                       "sqlite3.Row",
                                       "sre_parse.A",
                                       "ssl.A",
                                       "threading.Thread",
                                       "tkinter.A",
                                       "traceback.A",
                                       "types.SimpleNamespace",
                                       "unittest.A",
                                       "uuid.UUID",
                                       "weakref.A",
                                       "xmlrpc.A",
                                       "zipfile.A",
                                       "zlib.A"};

    (void)state;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (typename_origin(some[i], NULL) != TYPENAME_STANDARD)
            fail_msg("%s", some[i]);
}

/* Values are data; what runs, or is kept by what went wrong, is not. */
static void what_is_data(void **state)
{
    static const char *const values[] = {
        "NoneType", "bool", "bytes", "dict", "float", "frozenset",
        "int",      "list", "set",   "str",  "tuple", "type"};
    static const char *const others[] = {
        "builtins.generator", "builtins.frame",    "builtins.KeyError",
        "builtins.Type",      "builtins.a",        "builtins.zip",
        "shop.dict",          "collections.deque", "dict"};
    char name[64];

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(name, sizeof name, "builtins.%s", values[i]);
        if (!typename_is_data(name))
            fail_msg("%s", name);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (typename_is_data(others[i]))
            fail_msg("%s", others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whose_it_is),
        cmocka_unit_test(the_standard_library),
        cmocka_unit_test(what_is_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
