#!/usr/bin/env python3
"""Makes a table (Markdown) and a chart (SVG) of the runs of measure.py.

usage: report.py RUNS.csv OUT-FOLDER

Each figure is the median of its runs; ratios are medians of the ratios within one run, so that a
machine that changes its mood between runs does not spoil them.
"""
import csv
import pathlib
import statistics
import sys

# Figure: (title, more is better).
TESTS = {
    "tcp1": ("TCP 1 stream, Gbit/s", True),
    "tcp1r": ("TCP 1 stream back, Gbit/s", True),
    "tcp4": ("TCP 4 streams, Gbit/s", True),
    "tcp4r": ("TCP 4 streams back, Gbit/s", True),
    "udp64": ("UDP 64 octets, loss under 0.5 %, 1000 packets/s", True),
    "ping": ("ping, idle, median, us", False),
    "ping95": ("ping, idle, p95, us", False),
    "pingload": ("ping beside TCP 1 stream, median, us", False),
    "pingload95": ("ping beside TCP 1 stream, p95, us", False),
    "cpu": ("CPU seconds a Gbit, both ends, TCP 1 stream", False),
    "memory": ("memory of one end, MiB", False),
}


def read(path):
    """{test: {impl: {run: figure}}}"""
    figures = {}
    with open(path, newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            figures.setdefault(row["test"], {}).setdefault(row["impl"], {})[row["run"]] = \
                float(row["value"])
    return figures


def ratio(figures, test, impl, other):
    runs = figures[test]
    common = [runs[impl][run] / runs[other][run] for run in runs.get(impl, {})
              if runs.get(other, {}).get(run)]
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
            if impl != "culvert":
                times = ratio(figures, test, "culvert", impl)
                if times is not None:
                    cell += f" ({times:.2g} x)"
            cells.append(cell)
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def chart(figures, impls):
    tests = [test for test in TESTS if test in figures]
    width, bar, gap = 720, 18, 34
    y, parts = 10, []
    for test in tests:
        title, more = TESTS[test]
        title += "" if more else " (less is better)"
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
