#!/usr/bin/env python3
"""Turns text on standard input into an SVG picture of a terminal: ./dev demo | scripts/picture.py >docs/demo.svg"""
import html
import sys

LINE, CHAR, MARGIN = 18, 8.4, 16

lines = [line.rstrip("\n") for line in sys.stdin if not line.startswith("dev: ")]
while lines and not lines[-1]:
    lines.pop()
width = int(max(map(len, lines)) * CHAR + 2 * MARGIN)
height = len(lines) * LINE + 2 * MARGIN
print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">')
print(f'<rect width="{width}" height="{height}" rx="8" fill="#16191d"/>')
print('<g font-family="ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="#d7dce2">')
for number, line in enumerate(lines):
    if not line:
        continue
    command = line.startswith(("g1$", "h1$", "between the gateways"))
    style = ' fill="#8fd18f" font-weight="bold"' if command or number == 0 else ""
    y = MARGIN + number * LINE + 13
    print(f'<text x="{MARGIN}" y="{y}" xml:space="preserve"{style}>{html.escape(line)}</text>')
print("</g>\n</svg>")
