"""Prints the directory of the load harness: bench/config/directory.yaml and four hundred rooms of three."""

import sys
from pathlib import Path

ROOMS = range(3001, 3401)

sys.stdout.write(Path(sys.argv[1]).read_text(encoding="utf-8"))
for room in ROOMS:
    print(f'  - {{number: "{room}", flow: room, public: true}}')
print('conferences:\n  - {id: "300"}')
for room in ROOMS:
    print(f'  - {{id: "{room}"}}')
