/* What the patient's pages say. A page fills a reply from a request. */
#ifndef PLATEAU_TESTS_SERVER_PAGE_H
#define PLATEAU_TESTS_SERVER_PAGE_H

#include "tests/server/effect.h"

typedef void (*page_fn)(const struct request *q, struct reply *r);

void page_ok(const struct request *q, struct reply *r);
void page_missing(const struct request *q, struct reply *r);
void page_health(const struct request *q, struct reply *r);
void page_product(const struct request *q, struct reply *r);
void page_orders(const struct request *q, struct reply *r);
void page_order(const struct request *q, struct reply *r);
void page_login(const struct request *q, struct reply *r);
void page_me(const struct request *q, struct reply *r);
void page_echo(const struct request *q, struct reply *r);
void page_digest(const struct request *q, struct reply *r);
void page_redirect(const struct request *q, struct reply *r);
void page_stats(const struct request *q, struct reply *r);
void page_metrics(const struct request *q, struct reply *r);

#endif
