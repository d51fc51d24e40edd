#include "harness/model/typename.h"

#include <stdlib.h>
#include <string.h>

static const char language[] = "builtins.";

/* What sys.stdlib_module_names gives on 3.10 to 3.15, and what older versions
 * had besides. Names that begin with an underscore are left out: all are its
 * own. Sorted by bytes. */
static const char *const standard[] = {
    /* clang-format off */
    "abc", "aifc", "annotationlib", "argparse", "array", "ast", "asynchat",
    "asyncio", "asyncore", "atexit", "audioop", "base64", "bdb", "binascii",
    "binhex", "bisect", "bz2", "cProfile", "calendar", "cgi", "cgitb",
    "chunk", "cmath", "cmd", "code", "codecs", "codeop", "collections",
    "colorsys", "compileall", "compression", "concurrent", "configparser",
    "contextlib", "contextvars", "copy", "copyreg", "crypt", "csv",
    "ctypes", "curses", "dataclasses", "datetime", "dbm", "decimal",
    "difflib", "dis", "distutils", "doctest", "dummy_threading", "email",
    "encodings", "ensurepip", "enum", "errno", "faulthandler", "fcntl",
    "filecmp", "fileinput", "fnmatch", "formatter", "fractions", "ftplib",
    "functools", "gc", "genericpath", "getopt", "getpass", "gettext",
    "glob", "graphlib", "grp", "gzip", "hashlib", "heapq", "hmac", "html",
    "http", "idlelib", "imaplib", "imghdr", "imp", "importlib", "inspect",
    "io", "ipaddress", "itertools", "json", "keyword", "lib2to3",
    "linecache", "locale", "logging", "lzma", "macpath", "mailbox",
    "mailcap", "marshal", "math", "mimetypes", "mmap", "modulefinder",
    "msilib", "msvcrt", "multiprocessing", "netrc", "nis", "nntplib", "nt",
    "ntpath", "nturl2path", "numbers", "opcode", "operator", "optparse",
    "os", "ossaudiodev", "pathlib", "pdb", "pickle", "pickletools", "pipes",
    "pkgutil", "platform", "plistlib", "poplib", "posix", "posixpath",
    "pprint", "profile", "profiling", "pstats", "pty", "pwd", "py_compile",
    "pyclbr", "pydoc", "pydoc_data", "pyexpat", "queue", "quopri", "random",
    "re", "readline", "reprlib", "resource", "rlcompleter", "runpy",
    "sched", "secrets", "select", "selectors", "shelve", "shlex", "shutil",
    "signal", "site", "smtpd", "smtplib", "sndhdr", "socket",
    "socketserver", "spwd", "sqlite3", "sre_compile", "sre_constants",
    "sre_parse", "ssl", "stat", "statistics", "string", "stringprep",
    "struct", "subprocess", "sunau", "symbol", "symtable", "sys",
    "sysconfig", "syslog", "tabnanny", "tarfile", "telnetlib", "tempfile",
    "termios", "textwrap", "threading", "time", "timeit", "tkinter",
    "token", "tokenize", "tomllib", "trace", "traceback", "tracemalloc",
    "tty", "turtle", "turtledemo", "types", "typing", "unicodedata",
    "unittest", "urllib", "uu", "uuid", "venv", "warnings", "wave",
    "weakref", "webbrowser", "winreg", "winsound", "wsgiref", "xdrlib",
    "xml", "xmlrpc", "zipapp", "zipfile", "zipimport", "zlib", "zoneinfo",
    /* clang-format on */
};

/* Sorted by bytes. The language's classes and code belong to modules, which are
 * loaded late at times. */
static const char *const data[] = {
    /* clang-format off */
    "NoneType", "bool", "bytearray", "bytes", "classmethod", "code", "complex",
    "dict", "float", "frozenset", "int", "list", "mappingproxy", "memoryview",
    "module", "property", "range", "set", "slice", "staticmethod", "str",
    "tuple", "type",
    /* clang-format on */
};

bool typename_is_builtin(const char *type)
{
    return strncmp(type, language, sizeof language - 1) == 0;
}

static int by_whole_name(const void *key, const void *entry)
{
    return strcmp(key, *(const char *const *)entry);
}

bool typename_is_data(const char *type)
{
    return typename_is_builtin(type) &&
           bsearch(typename_short(type), data, sizeof data / sizeof *data,
                   sizeof *data, by_whole_name) != NULL;
}

const char *typename_short(const char *type)
{
    return typename_is_builtin(type) ? type + sizeof language - 1 : type;
}

/* A name's first part. */
struct root {
    const char *text;
    size_t n;
};

static int by_name(const void *key, const void *entry)
{
    const struct root *r = key;
    const char *name = *(const char *const *)entry;
    int c = strncmp(r->text, name, r->n);

    return c != 0 ? c : -(name[r->n] != '\0');
}

static bool is_standard(struct root r)
{
    return r.text[0] == '_' ||
           bsearch(&r, standard, sizeof standard / sizeof *standard,
                   sizeof *standard, by_name) != NULL;
}

/* Is the word in the command line, as "shop" is in "gunicorn shop:app"? The
 * first argument names what runs the program. */
static bool is_named(struct root r, const char *command)
{
    const char *c = command != NULL ? command + strcspn(command, " ") : "";

    while (*c != '\0') {
        size_t word = strspn(c, "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

        if (word == r.n && strncmp(c, r.text, word) == 0)
            return true;
        c += word > 0 ? word : 1;
    }
    return false;
}

enum typename_origin typename_origin(const char *type, const char *command)
{
    struct root r = {type, strcspn(type, ".")};

    if (typename_is_builtin(type) || type[r.n] == '\0')
        return TYPENAME_LANGUAGE;
    if (strncmp(type, "__main__.", 9) == 0)
        return TYPENAME_OWN;
    if (is_standard(r))
        return TYPENAME_STANDARD;
    return is_named(r, command) ? TYPENAME_OWN : TYPENAME_LIBRARY;
}
