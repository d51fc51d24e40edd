"""Sections on what a request costs: CPU, memory, allocations."""

import os

from generators import (CLOSED, CONNS, ab, calm_rounds, h2load, hey, number,
                        ours, run, those_present, wrk)
from report import cell

REAL = """[request browse]
path = /products/{{int 1 500}}
weight = 8
[request search]
path = /search?q={{rand 8}}&page={{int 1 9}}
weight = 4
[request cart]
path = /json/cart/{{seq}}
header = Cookie: session={{uuid}}
capture.id = json /id
weight = 2
[request order]
method = POST
path = /json/orders
header = Content-Type: application/json
body = {"sku": "{{choice a b c d}}", "ref": "{{uuid}}"}
expect = 200
weight = 1
[request stock]
path = /stock
expect = 200 body contains 0123456789
weight = 1
"""


def compare(r, a, title, tools, limits, unit="us/request", allocs=True):
    """Interleaved rounds, then a table relative to the first tool."""
    base = tools[0]
    tried, noise = calm_rounds(a, tools)
    told = []
    for t in tools if allocs else []:
        n, of, who = t.count_allocations(a.preload)
        if n == n:
            told.append((t.name, n, of, who))
    r.say("## " + title)
    r.table(["generator", "CPU " + unit, "x " + base.name, "requests/s",
             "peak RSS MiB", "allocations/request"],
            [[t.name, "%.2f" % t.median("cpu"), "%.2f" % t.ratio(base),
              cell(t.median("rps")), "%.1f" % t.median("rss"),
              cell(t.allocs, "%.3f")] for t in tools])
    r.say("", "The calmest %d of %d rounds; in them other processes used at "
          "most %.0f %% of a core." % (a.rounds, tried, noise * 100))
    for name, n, of, who in told:
        r.say("", "%s, between start and stop, connected and warm: %d "
              "allocations in %d requests%s" % (name, n, of, by_whom(who, of)
                                                if n > 0 else "."))
    for name, limit in limits:
        t = next(x for x in tools if x.name == name)
        r.verdict("%s against %s" % (name, base.name), t.ratio(base), limit)
    return told


def by_whom(who, requests):
    return " (" + ", ".join(
        "%s %.2f per request" % (name if name != "load_bench" else "our own",
                                 k / requests)
        for name, k in sorted(who.items(), key=lambda x: -x[1])
        if k >= 0.005 * requests or name == "load_bench") + ")."


def section_plain(r, a):
    u = a.server.url("plain")
    ini = a.scenarios.write(u, CLOSED)
    tools = those_present(
        wrk(u, a.seconds),
        ours(a.build, "plateau h1", ini, a.seconds, "load.engine=h1"),
        ours(a.build, "plateau curl", ini, a.seconds, "load.engine=curl"),
        h2load(u, a.seconds, "--h1", "-c%d" % CONNS),
        hey(u, a.seconds), ab(u, a.seconds))
    told = compare(r, a, "HTTP/1.1 in clear, %d connections, 128-byte answers"
                   % CONNS, tools,
                   [("plateau h1", 0.90), ("plateau curl", 2.3)])
    for name, n, _of, _who in told:
        if name == "plateau h1":
            r.verdict("allocations of plateau h1 between start and stop", n,
                      0, "%d")


def section_real(r, a):
    u = a.server.url("plain")
    ini = a.scenarios.write(u, CLOSED, REAL)
    told = compare(r, a, "A real scenario: 5 kinds, templates, a capture, "
                   "checks",
                   [wrk(u, a.seconds),
                    ours(a.build, "plateau h1", ini, a.seconds,
                         "load.engine=h1")], [("plateau h1", 1.15)])
    r.verdict("allocations of plateau h1 between start and stop", told[0][1],
              0, "%d")


def section_tls(r, a):
    u = a.server.url("tls")
    ini = a.scenarios.write(u, CLOSED)
    compare(r, a, "HTTP/1.1 over TLS, %d connections" % CONNS,
            [wrk(u, a.seconds),
             ours(a.build, "plateau h1", ini, a.seconds, "load.engine=h1"),
             ours(a.build, "plateau curl", ini, a.seconds, "load.engine=curl",
                  "load.http=1.1")], [("plateau h1", 1.05)])


def section_h2(r, a):
    for name, title in (("h2c", "in clear"), ("h2", "over TLS")):
        u = a.server.url(name)
        ini = a.scenarios.write(u, "users = 64\nconnections = 4\nhttp = 2\n")
        tools = [h2load(u, a.seconds, "-c4", "-m16"),
                 ours(a.build, "plateau h2", ini, a.seconds,
                      "load.engine=h2")]
        if name == "h2":
            tools.append(ours(a.build, "plateau curl", ini, a.seconds,
                              "load.engine=curl"))
        compare(r, a, "HTTP/2 %s, 4 connections, 16 streams each" % title,
                tools, [("plateau h2", 1.0)])
        r.say("")


def section_big(r, a):
    u = a.server.url("plain", "/big")
    ini = a.scenarios.write(u, CLOSED)
    compare(r, a, "1 MiB answers, %d connections" % CONNS,
            [wrk(u, a.seconds),
             ours(a.build, "plateau h1", ini, a.seconds, "load.engine=h1"),
             ours(a.build, "plateau curl", ini, a.seconds,
                  "load.engine=curl")],
            [("plateau h1", 0.35)], unit="us/MiB", allocs=False)


def section_memory(r, a):
    """Ten million requests in one run: what they leave behind."""
    ini = a.scenarios.write(a.server.url("plain"), CLOSED)
    rows, peak = [], []
    for n in (100000, a.many):
        cpu, rss, text = run([os.path.join(a.build, "load_bench"), ini,
                              str(-n), "load.engine=h1"])
        peak.append(rss / 1024)
        rows.append(["%d" % n, "%.2f" % (cpu / n * 1e6), "%.2f" % peak[-1],
                     "%.2f" % (number(r"^rss_kb (\d+)", text) / 1024),
                     cell(number(r"^errors (\d+)", text))])
    r.say("## Memory and cost after many requests, plateau h1, %d connections"
          % CONNS)
    r.table(["requests", "CPU us/request", "peak RSS MiB", "RSS at the end",
             "errors"], rows)
    r.verdict("RSS of plateau h1 with %d connections, MiB" % CONNS, peak[-1],
              12.0, "%.1f")
    r.verdict("growth from 100,000 to %d requests, MiB" % a.many,
              peak[-1] - peak[0], 0.25)


def kinds(n):
    return "".join("[request k%d]\npath = /p/%d\n" % (i, i) for i in range(n))


def section_scale(r, a):
    """More connections, more kinds, more threads: the cost of a request."""
    u = a.server.url("plain")
    rows, tools = [], []
    for conns in (64, 256, 1024, 4096):
        ini = a.scenarios.write(u, "users = %d\nconnections = %d\n"
                                % (conns, conns))
        mine = ours(a.build, "%d" % conns, ini, a.seconds, "load.engine=h1")
        theirs = wrk(u, a.seconds, conns)
        tools.append((conns, mine, theirs))
    few, many = (ours(a.build, "%d kinds" % n,
                      a.scenarios.write(u, CLOSED, kinds(n)), a.seconds,
                      "load.engine=h1") for n in (1, 100))
    two = ours(a.build, "2 threads",
               a.scenarios.write(u, CLOSED + "threads = 2\n"), a.seconds,
               "load.engine=h1")
    for _ in range(a.rounds):
        for _conns, mine, theirs in tools:
            mine.round()
            theirs.round()
        for t in (few, many, two):
            t.round()
    first = tools[0]
    for conns, mine, theirs in tools:
        per = ((mine.median("rss") - first[1].median("rss")) * 1024
               / (conns - CONNS) if conns > CONNS else float("nan"))
        rows.append(["%d" % conns, "%.2f" % mine.median("cpu"),
                     "%.2f" % mine.ratio(first[1]),
                     "%.2f" % theirs.median("cpu"),
                     "%.2f" % theirs.ratio(first[2]),
                     "%.1f" % mine.median("rss"), cell(per, "%.1f"),
                     cell(number(r"^errors (\d+)", mine.text))])
    r.say("## Scale, plateau h1 beside wrk")
    r.table(["connections", "CPU us/request", "x 64", "wrk us/request",
             "wrk x 64", "RSS MiB", "KiB per connection", "errors"], rows)
    r.say("", "The kernel's share grows with the sockets it juggles, for wrk "
          "and for us alike.")
    r.table(["plateau h1, 64 connections", "CPU us/request", "x 1 kind",
             "RSS MiB"],
            [[t.name, "%.2f" % t.median("cpu"), "%.2f" % t.ratio(few),
              "%.1f" % t.median("rss")] for t in (few, many, two)])
    r.verdict("1,024 connections against 64, growth beyond wrk's",
              tools[2][1].ratio(first[1]) / tools[2][2].ratio(first[2]), 1.1)
    r.verdict("100 kinds against 1", many.ratio(few), 1.1)
