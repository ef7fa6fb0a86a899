"""The programs of the page of services, by file name."""

import re
from pathlib import Path

import genreply_cli

PAGE = (Path(genreply_cli.__file__).parent / "service.md").read_text()
PROGRAMS = dict(re.findall(r"<!-- (\w+\.py) -->\n```python\n(.*?)```", PAGE, re.DOTALL))
