/* A CSV table with text cells, row by row, columns found by name. RFC 4180
 * quoting; a row ends at its line's end, inside quotes too, because no writer
 * of ours puts newlines into cells and a cut file must not swallow the rest.
 * Not for metric series, which are all numbers: series.h. */
#ifndef PLATEAU_MODEL_CSV_H
#define PLATEAU_MODEL_CSV_H

#include <stdbool.h>
#include <stddef.h>

struct csv {
    char *at, *end; /* what is left of the text */
    char **cells;   /* the current row, borrowed from the text */
    size_t ncells, cap;
    char **names; /* the header's cells */
    size_t nnames;
};

/* Starts on `text` (changed in place, borrowed until csv_release; text[len]
 * is NUL) and reads the header. A last line without a newline is not read: it
 * may be cut. */
void csv_init(struct csv *c, char *text, size_t len);

/* The column of that name, or -1. */
int csv_column(const struct csv *c, const char *name);

/* Steps to the next row that is not empty. Returns false behind the last. */
bool csv_next(struct csv *c);

/* The cell in column `i` of the row, "" when i < 0 or the row is short. */
const char *csv_text(const struct csv *c, int i);

/* The same as a number; NaN when it is none, or is not finite. */
double csv_number(const struct csv *c, int i);

void csv_release(struct csv *c);

#endif
