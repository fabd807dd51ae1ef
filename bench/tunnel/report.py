#!/usr/bin/env python3
"""Makes a table (Markdown) and a chart (SVG) of the runs of bench-tunnel.sh.

usage: report.py RUNS.csv OUT-FOLDER

Each figure is the median of its runs; ratios are medians of the ratios within one run, so that a
machine that changes its mood between runs does not spoil them.
"""
import csv
import pathlib
import re
import statistics
import sys

TESTS = {
    "tcp1": ("TCP 1 stream, Gbit/s", "gbit_s"),
    "tcp1r": ("TCP 1 stream back, Gbit/s", "gbit_s"),
    "tcp4": ("TCP 4 streams, Gbit/s", "gbit_s"),
    "tcp4r": ("TCP 4 streams back, Gbit/s", "gbit_s"),
    "udp64": ("UDP 64 octets, full blast, kpps", "kpps_rx"),
    "ndr64": ("UDP 64 octets under 0.5 % loss, kpps", "kpps_rx"),
    "ping": ("ping, median us", "rtt_median_us"),
    "ping95": ("ping, p95 us", "rtt_p95_us"),
    "cpu": ("CPU s a Gbit, TCP 1 stream", "daemon_cpu_s_per_gbit"),
}


def read(path):
    """{test: {impl: {run: figure}}}"""
    figures = {}

    def put(test, row, value):
        if value not in ("", None):
            figures.setdefault(test, {}).setdefault(name(row["impl"]), {})[row["run"]] = float(value)

    with open(path, newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            test = row["test"]
            if test == "ping":
                for which, field in (("ping", "rtt_median_us"), ("ping95", "rtt_p95_us")):
                    found = re.search(field + r"=([\d.]+)", row["note"])
                    put(which, row, found and found.group(1))
            elif test in TESTS:
                put(test, row, row[TESTS[test][1]])
                if test == "tcp1":
                    put("cpu", row, row["daemon_cpu_s_per_gbit"])
    return figures


def name(impl):
    return pathlib.Path(impl).name.removeprefix("impl-").removesuffix(".sh")


def ratio(figures, test, impl, other):
    runs = figures[test]
    common = [runs[impl][run] / runs[other][run] for run in runs.get(impl, {})
              if run in runs.get(other, {}) and runs[other][run]]
    return statistics.median(common) if common else None


def table(figures, impls):
    lines = ["| figure | " + " | ".join(impls) + " |", "| --- |" + " ---: |" * len(impls)]
    for test, (title, _) in TESTS.items():
        if test not in figures:
            continue
        cells = []
        for impl in impls:
            runs = figures[test].get(impl)
            if not runs:
                cells.append("-")
                continue
            cell = f"{statistics.median(runs.values()):.3g}"
            own = "culvert" if "culvert" in figures[test] else None
            if own and impl != own:
                times = ratio(figures, test, own, impl)
                if times is not None:
                    cell += f" (culvert {times:.2g} x)"
            cells.append(cell)
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def chart(figures, impls):
    tests = [test for test in TESTS if test in figures]
    width, bar, gap = 720, 18, 34
    y, parts = 10, []
    for test in tests:
        title = TESTS[test][0]
        medians = {i: statistics.median(r.values()) for i, r in figures[test].items() if r}
        most = max(medians.values()) or 1
        parts.append(f'<text x="10" y="{y + 12}" font-weight="bold">{title}</text>')
        y += 20
        for impl in impls:
            if impl not in medians:
                continue
            length = max(1, 440 * medians[impl] / most)
            colour = "#1b6ca8" if impl.startswith("culvert") else "#9aa5b1"
            parts.append(f'<text x="150" y="{y + 13}" text-anchor="end">{impl}</text>'
                         f'<rect x="158" y="{y}" width="{length:.1f}" height="{bar - 3}" fill="{colour}"/>'
                         f'<text x="{164 + length:.1f}" y="{y + 13}">{medians[impl]:.3g}</text>')
            y += bar
        y += gap - bar
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
            f'font-family="sans-serif" font-size="12">'
            f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n')


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    figures = read(sys.argv[1])
    if not figures:
        sys.exit("report: no run gave a figure")
    seen = {impl for runs in figures.values() for impl in runs}
    first = [i for i in ("culvert", "culvert-native") if i in seen]
    impls = first + sorted(seen - set(first))
    out = pathlib.Path(sys.argv[2])
    text = table(figures, impls)
    (out / "tunnel.md").write_text(text, encoding="utf-8")
    (out / "tunnel.svg").write_text(chart(figures, impls), encoding="utf-8")
    print(text)
    print(f"written: {out / 'tunnel.md'} and {out / 'tunnel.svg'}")


if __name__ == "__main__":
    main()
