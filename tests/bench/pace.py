"""Sections on time: constant rates, lateness, a server that stands still."""

import os
import statistics

from generators import number, run
from report import cell
from servers import Comb, find

BARE = "a bare timer loop"
# Share of the time that the generator may have waited for its core in a round
# that counts as one on an idle core: to be woken up takes 2 us, 5,000 times a
# second, and that counts as waiting.
IDLE = 0.015
FREEZE_MS, FREEZE_RATE, FREEZE_SECONDS = 500, 2000, 5


def p99_of_ours(text):
    return number(r"^response_p99_us ([\d.]+)", text, 1e-3)


def p99_of_wrk(text):
    found = number(r"99%\s+([\d.]+)[mu]?s$", text)
    for unit, factor in (("us", 1e-3), ("ms", 1), ("s", 1e3)):
        value = number(r"99%%\s+([\d.]+)%s$" % unit, text, factor)
        if value == value:
            return value
    return found


def plateau(a, ini, seconds, name, *sets):
    return ("plateau " + name,
            [os.path.join(a.build, "load_bench"), ini, str(seconds)]
            + list(sets), p99_of_ours)


def paced(a, url, rate, seconds):
    """(name, argv, what it reports as p99 in ms) at a constant rate."""
    ini = a.scenarios.write(url, "rate = %d/s\nconnections = 64\n" % rate)
    tools = [(BARE, [os.path.join(a.build, "floor"), str(rate),
                     str(seconds)], None),
             plateau(a, ini, seconds, "h1", "load.engine=h1"),
             plateau(a, ini, seconds, "h1, spin 60 us", "load.engine=h1",
                     "load.spin=60us"),
             plateau(a, ini, seconds, "curl", "load.engine=curl")]
    if find("hey"):
        tools.append(("hey", ["hey", "-c", "50", "-q", str(rate / 50), "-z",
                              "%ds" % seconds, url],
                      lambda t: number(r"99% in ([\d.]+) secs", t, 1e3)))
    if find("h2load"):
        tools.append(("h2load", ["h2load", "--h1", "-c50", "--rps",
                                 str(rate / 50), "-D%d" % seconds,
                                 "--warm-up-time=0", url], None))
    return tools


def unpaced(url, seconds):
    """Those that know no rate: as fast as the server lets them."""
    tools = [("wrk (no rate)", ["wrk", "-c50", "-t1", "--latency", "-d%ds"
                                % seconds, url], p99_of_wrk)]
    if find("ab"):
        tools.append(("ab (no rate)", ["ab", "-k", "-q", "-c", "50", "-n",
                                       "100000000", "-t", str(seconds), url],
                      lambda t: number(r"99%\s+(\d+)", t)))
    return tools


def rate_round(a, rate):
    """One round: {name: figures}."""
    seen, i, n = {}, 0, 1
    while i < n:
        comb = Comb(a.build)
        tools = paced(a, comb.url, rate, a.pace_seconds)
        name, argv, _p99 = tools[i]
        cpu, _rss, text = run(argv)
        got = comb.stop()
        seen[name] = {
            "arrivals": got.get("arrivals", float("nan")),
            "rate": got.get("rate", float("nan")),
            "gap": got.get("gap_p99_us", float("nan")),
            "p50": number(r"^lateness_p50_us ([\d.]+)", text),
            "p99": number(r"^lateness_p99_us ([\d.]+)", text),
            "cpu": cpu / a.pace_seconds * 100,
            "waited": number(r"^waited_ms ([\d.]+)", text)
            / a.pace_seconds / 1e3}
        i, n = i + 1, len(tools)
    return seen


def is_idle(seen):
    return max(seen[BARE]["waited"], seen["plateau h1"]["waited"]) <= IDLE


def rounds_on_an_idle_core(a, rate):
    """As many as asked for, of at most twice as many; else the ones
    with the least waiting for the core: (rounds, how many were run)."""
    rounds = []
    while (sum(map(is_idle, rounds)) < a.rounds
           and len(rounds) < 2 * a.rounds):
        rounds.append(rate_round(a, rate))
    rounds.sort(key=lambda s: s["plateau h1"]["waited"])
    return rounds[:a.rounds], len(rounds)


def median_of(rounds):
    """{name: {figure: median}}"""
    return {name: {key: statistics.median(s[name][key] for s in rounds)
                   for key in rounds[0][name]} for name in rounds[0]}


def rate_table(r, a, rate):
    rounds, tried = rounds_on_an_idle_core(a, rate)
    m = median_of(rounds)
    r.say("## Constant rate, %d/s for %d s" % (rate, a.pace_seconds))
    r.table(["generator", "arrivals/s", "gap off the comb p99, us",
             "lateness p50, us", "lateness p99, us", "CPU",
             "waited for the core"],
            [[name, cell(g["rate"], "%.1f"), cell(g["gap"]), cell(g["p50"]),
              cell(g["p99"]), "%.0f %%" % g["cpu"],
              cell(g["waited"] * 100, "%.2f %%")] for name, g in m.items()])
    r.say("", "Of %d rounds, those %d in which the generator waited least for "
          "its core: %d of them had it as good as idle (at most %g %% of the "
          "time)." % (tried, len(rounds), sum(map(is_idle, rounds)),
                      IDLE * 100))
    r.verdict("plateau h1, rate off by, share",
              abs(m["plateau h1"]["rate"] / rate - 1), 0.001, "%.5f")
    if rate == 5000:
        r.verdict("plateau h1, p99 lateness at 5,000/s, ms",
                  m["plateau h1"]["p99"] * 1e-3, 0.15, "%.3f")
    r.say("", "p99 lateness of plateau h1 against the bare loop, within a "
          "round: x %.2f" % statistics.median(
              s["plateau h1"]["p99"] / s[BARE]["p99"] for s in rounds))


def section_rate(r, a):
    for rate in (2000, 5000):
        rate_table(r, a, rate)
        r.say("")


def freeze_round(a, got):
    i, n = 0, 1
    while i < n:
        comb = Comb(a.build, 2, FREEZE_MS)
        tools = [t for t in paced(a, comb.url, FREEZE_RATE, FREEZE_SECONDS)
                 if t[0] != BARE and "spin" not in t[0]]
        tools += unpaced(comb.url, FREEZE_SECONDS)
        name, argv, p99 = tools[i]
        _cpu, _rss, text = run(argv)
        comb.stop()
        got.setdefault(name, []).append(p99(text) if p99 else float("nan"))
        i, n = i + 1, len(tools)


def section_freeze(r, a):
    n = FREEZE_RATE * FREEZE_SECONDS
    stuck = FREEZE_RATE * FREEZE_MS / 1000.0
    truth = FREEZE_MS * (1 - 0.01 * n / stuck)
    got = {}
    for _ in range(a.rounds):
        freeze_round(a, got)
    r.say("## A server that stands still for %d ms, %d/s for %d s"
          % (FREEZE_MS, FREEZE_RATE, FREEZE_SECONDS), "",
          "Of %d requests %d fall due while it stands; the p99 of the time "
          "since a request was due is %.0f ms." % (n, stuck, truth))
    r.table(["generator", "p99 it reports, ms", "x the truth"],
            [[k, cell(statistics.median(v), "%.1f"),
              cell(statistics.median(v) / truth, "%.2f")]
             for k, v in got.items()])
    r.say("", "h2load reports no percentiles.")
    r.verdict("plateau h1 off the truth, share", abs(
        statistics.median(got["plateau h1"]) / truth - 1), 0.05, "%.3f")
