"""latency.hlog: what HdrHistogram's readers make of it. Once with a decoder
of our own, written from the format's description, and once with the
format's Python library."""

import base64
import json
import os
import struct
import subprocess
import unittest
import zlib

import support

# Prints each interval: [tag, start, end, count, p50, max], values in us.
READ = """
import json, sys
from hdrh.log import HistogramLogReader
from hdrh.histogram import HdrHistogram
r = HistogramLogReader(sys.argv[1], HdrHistogram(1, 3600000000, 3))
out = []
while True:
    h = r.get_next_interval_histogram()
    if h is None:
        break
    out.append([h.get_tag(), h.get_start_time_stamp(), h.get_end_time_stamp(),
                h.get_total_count(), h.get_value_at_percentile(50),
                h.get_max_value()])
print(json.dumps({"start": r.get_start_time_sec(), "lines": out}))
"""


def numbers(payload):
    """Zigzag LEB128, at most nine bytes each."""
    at = 0
    while at < len(payload):
        value = shift = 0
        while True:
            byte = payload[at]
            at += 1
            if shift == 56:
                value |= byte << 56
                break
            value |= (byte & 0x7f) << shift
            if byte < 0x80:
                break
            shift += 7
        yield (value >> 1) ^ -(value & 1)


def decode(text):
    """{lowest value in us: count}"""
    outer = base64.b64decode(text, validate=True)
    cookie, length = struct.unpack(">II", outer[:8])
    assert cookie == 0x1c849314 and length == len(outer) - 8, outer[:8]
    inner = zlib.decompress(outer[8:])
    head = struct.unpack(">IIIIqqd", inner[:40])
    assert head == (0x1c849313, len(inner) - 40, 0, 3, 1, 3600000000, 1), head
    counts, index = {}, 0
    for n in numbers(inner[40:]):
        if n < 0:
            index -= n
            continue
        if n:
            bucket = max(0, index // 1024 - 1)
            counts[(index - bucket * 1024) << bucket] = n
        index += 1
    return counts


class LatencyLogTest(support.ScenarioCase):
    STOP = "end"
    LOAD = {"rate": "500/s", "connections": "4", "warmup": "0s",
            "blocks": "4", "block": "150 requests", "settle": "100ms",
            "max_time": "60s"}
    REQUESTS = {"quick": "path = /ok\nweight = 4",
                "slow": "path = /do/slow:20\nweight = 1"}

    def setUp(self):
        super().setUp()
        self.run_ = self.plateau("run", self.scenario([], self.REQUESTS))
        self.assertIn(self.run_.status, (0, 1, 3), self.run_.told())

    def lines(self):
        """(tag, start, length, max_ms, counts) of each line."""
        for line in self.run_.text("latency.hlog").splitlines():
            if line.startswith(("#", '"')):
                continue
            cells = line.split(",")
            tag = None
            if cells[0].startswith("Tag="):
                tag = cells.pop(0)[4:]
            yield (tag, float(cells[0]), float(cells[1]), float(cells[2]),
                   decode(cells[3]))

    def test_decoded(self):
        lines = list(self.lines())
        seconds = [l for l in lines if l[0] is None]
        by_name = {l[0]: l[4] for l in lines if l[0] is not None}
        rows = self.run_.rows("barriers.csv")
        # All that was answered, second by second, as requests.csv has it.
        answered = {}
        for r in self.run_.rows("requests.csv"):
            second = int(r["t_s"])
            answered[second] = answered.get(second, 0) + int(r["ok"])
        told = {}
        for l in seconds:
            told[int(l[1])] = told.get(int(l[1]), 0) + sum(l[4].values())
        self.assertEqual(told, {s: n for s, n in answered.items() if n})
        self.assertGreater(len(told), 1)
        self.assertEqual(sorted(by_name), ["quick", "slow"])
        for name, counts in by_name.items():
            self.assertEqual(sum(counts.values()),
                             int(rows[-1]["requests:" + name]))
        # What the seconds say together is what the names say together.
        together, apart = {}, {}
        for _, _, _, _, counts in seconds:
            for value, n in counts.items():
                together[value] = together.get(value, 0) + n
        for counts in by_name.values():
            for value, n in counts.items():
                apart[value] = apart.get(value, 0) + n
        self.assertEqual(together, apart)
        self.assertGreaterEqual(min(by_name["slow"]), 19900)
        # Intervals follow each other, and hold the largest value.
        end = 0
        for _, start, length, max_ms, counts in seconds:
            self.assertGreaterEqual(start, end - 0.002)
            self.assertGreater(length, 0)
            self.assertLessEqual(length, 1.002)
            end = start + length
            self.assertAlmostEqual(max_ms * 1000, max(counts),
                                   delta=max(counts) / 500 + 1)
        self.assertAlmostEqual(float(rows[-1]["t_s"]), end, delta=1)

    def test_read_by_the_library(self):
        python = os.path.join(support.VENV, "python")
        if subprocess.call([python, "-c", "import hdrh"],
                           stderr=subprocess.DEVNULL) != 0:
            raise unittest.SkipTest("no hdrhistogram in build/venv")
        read = subprocess.run(
            [python, "-c", READ, self.run_.path("latency.hlog")],
            stdout=subprocess.PIPE, check=True, timeout=60)
        said = json.loads(read.stdout)
        mine = list(self.lines())
        self.assertEqual(len(said["lines"]), len(mine))
        started = os.path.getmtime(self.run_.path("scenario.ini"))
        self.assertAlmostEqual(said["start"], started, delta=30)
        for theirs, ours in zip(said["lines"], mine):
            tag, start, end, count, median, most = theirs
            self.assertEqual(tag, ours[0])
            self.assertEqual(count, sum(ours[4].values()))
            self.assertAlmostEqual(most, ours[3] * 1000,
                                   delta=most / 500 + 1)
            want, seen = (count + 1) // 2, 0
            for value in sorted(ours[4]):
                seen += ours[4][value]
                if seen >= want:
                    break
            self.assertAlmostEqual(median, value, delta=value / 500 + 1)
            self.assertGreater(end, start)


if __name__ == "__main__":
    unittest.main()
