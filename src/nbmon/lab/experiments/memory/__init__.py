"""Is each process's memory its own? Addresses, frames, copies, the cost of fork, and Python's part in it."""

from __future__ import annotations

from nbmon.lab.experiment import Experiment, Finding, Progress, Row, Settings
from nbmon.lab.experiments.memory import copying, forking, objects
from nbmon.lab.plots import Axis, Bar, Bars, Chart, Matrix, Plot, Series
from nbmon.lab.tables import duration, outlying, size

REFUSED = "/proc/self/pagemap is refused here: smaps_rollup tells how much was copied, not which pages"
HIDDEN = "the numbers of frames are hidden without CAP_SYS_ADMIN; whether a page is mapped once only is not"


def run(settings: Settings, progress: Progress) -> Finding:
    """Part by part."""
    rows: list[Row] = []
    notes: list[str] = []
    steps = 4 + len(forking.sizes(settings.quick)[0])

    def add(found: list[Row], what: str) -> None:
        rows.extend(found)
        progress.partial(rows)
        progress.step(min(len({row["part"] for row in rows}), steps), steps, what)

    add(copying.address_rows(), "page by page")
    pages = [*copying.page_rows(), *copying.page_rows(shared=True)]
    notes += [] if pages else [REFUSED]
    notes += [HIDDEN] if pages and pages[0]["frame_parent"] == "hidden" else []
    add(pages, "how much is copied")
    add([copying.rollup_row()], "reference counts and the garbage collector")
    add(objects.object_rows(settings.quick), "what fork costs")
    for row in forking.fork_rows(settings.quick):
        add([row], f"what fork costs with {size(row['memory_bytes'])}")
    left_out = forking.sizes(settings.quick)[1]
    notes += [left_out] if left_out else []
    notes += outlying(_part(rows, "what fork"), "us", "part", "memory_bytes")
    return Finding(rows, conclude(rows), _sure(rows), {"pages": copying.PAGES}, notes)


def _part(rows: list[Row], part: str) -> list[Row]:
    return [row for row in rows if row["part"].startswith(part)]


def conclude(rows: list[Row]) -> str:
    """What was seen, part by part."""
    said = [_addresses(row) for row in _part(rows, "one address")]
    said += [_pages(_part(rows, "page by page, private")), _objects(_part(rows, "what a child"))]
    return " ".join([one for one in [*said, _forks(_part(rows, "what fork"))] if one])


def _addresses(row: Row) -> str:
    if row["memory"] == "private":
        own = "No: one memory" if row["one_memory"] else "Yes: each process's memory is its own"
        values = f"the child reads {row['child_after_its_write']} and the parent {row['parent_after_it']}"
        return f"{own}. At the same address {row['address']}, after the child's write, {values}."
    kept = "both read the same" if row["one_memory"] else "still each reads its own"
    return f"In a mapping made shared before the fork, {kept}."


def _pages(rows: list[Row]) -> str:
    if not rows:
        return ""
    before = sum(row["common_before"] for row in rows)
    written = [row for row in rows if row["child_wrote"]]
    copied = sum(not row["common_after"] for row in written)
    others = sum(row["common_after"] for row in rows if not row["child_wrote"])
    rest = len(rows) - len(written)
    return (
        f"After the fork {before} of {len(rows)} pages lay on common frames; of the {len(written)} that the "
        f"child wrote {copied} were copied, of the others {others} of {rest} stayed common."
    )


def _objects(rows: list[Row]) -> str:
    seen = {row["child"]: row["copied_bytes"] for row in rows}
    if len(seen) < 5:
        return ""
    read, collected = seen["every object is read once"], seen["the garbage collector runs"]
    frozen = seen["the same after gc.freeze()"]
    return (
        f"A child that only read {size(rows[0]['of_bytes'])} of Python's objects copied {size(read)}, by "
        f"their reference counts; a garbage collection copied {size(collected)}, after gc.freeze() "
        f"{size(frozen)}."
    )


def _forks(rows: list[Row]) -> str:
    slope = forking.per_gigabyte(rows)
    if slope is None:
        return ""
    first = duration(max(0.0, rows[-1]["first_write_ns"] - rows[-1]["next_write_ns"]))
    small, more = duration(rows[0]["median_us"] * 1000), duration(max(0.0, slope) * 1e6)
    return (
        f"A fork took {small}, and {more} more for each GB in use: the page tables are copied. Each first "
        f"write to a page then cost {first} more."
    )


def _sure(rows: list[Row]) -> bool:
    """Copies came where they had to; the cost of fork can be told from its noise."""
    private = _part(rows, "page by page, private")
    pages = all(row["common_before"] and row["common_after"] != row["child_wrote"] for row in private)
    forks = _part(rows, "what fork")
    return pages and len(forks) > 1 and forks[-1]["low_us"] > forks[0]["high_us"]


def plots(finding: Finding) -> list[Plot]:
    """Pages, copies, and the cost of fork."""
    pages = _part(finding.rows, "page by page, private")
    copies = _part(finding.rows, "what a child")
    forks = _part(finding.rows, "what fork")
    cells = tuple(
        (_page(row), (_common(row["common_before"]), _common(row["common_after"]))) for row in pages
    )
    bars = tuple(Bar(row["child"], row["copied_bytes"]) for row in copies)
    points = tuple((row["memory_bytes"], row["median_us"]) for row in forks)
    low, high = (tuple(row[key] for row in forks) for key in ("low_us", "high_us"))
    found: list[Plot] = [
        Bars("What a child copies that only reads", Axis("memory copied", "bytes"), bars),
        Chart(
            "What fork costs as memory grows",
            Axis("memory in use", "bytes"),
            Axis("time in fork", "µs"),
            (Series("fork", points, low, high),),
        ),
    ]
    matrix = Matrix(
        "Page by page: on which frame, for parent and child", ("after fork", "after writes"), cells
    )
    return [matrix, *found] if cells else found


def _page(row: Row) -> str:
    return f"page {row['page']}" + (", written" if row["child_wrote"] else "")


def _common(value: bool) -> str:
    return "one common frame" if value else "each its own"


EXPERIMENT = Experiment(
    name="memory",
    question="Is each process's memory its own?",
    run=run,
    plots=plots,
    conclude=conclude,
)
