"""Everything on disk that one cycle found, in one call."""

from __future__ import annotations

from pathlib import Path

from aas2rto.factors import Decision
from aas2rto.outputs import ahead, lists
from aas2rto.outputs.cell_memory import Written
from aas2rto.steps.cycle import Cycle, Parts


def write(folder: Path, parts: Parts, cycle: Cycle, written: Written | None = None) -> None:
    """Write ranked lists, nights ahead, excluded.csv, rejected.csv and, last, cycle.json.

    Parameters
    ----------
    folder : Path
        The project's folder.
    parts : Parts
    cycle : Cycle
    written : Written, optional
        Cells of the last cycle; see `lists.write_rankings`.
    """
    if cycle.judged is None:
        return
    header, scored = provenance(parts, cycle), cycle.judged.scored
    kept, least = scored.rows(Decision.KEEP), parts.case.config.score.min_value
    lists.write_rankings(folder, kept, cycle.judged.rankings, header, written, least=least)
    ahead.write(folder, cycle.judged.rankings, kept, header, least=least)
    lists.write_excluded(folder, scored.rows(Decision.EXCLUDE), header, written)
    lists.write_rejected(
        folder,
        cycle.load_rejections,
        [*header[:-1], cycle.rejection_state],
        since=cycle.rejected_since,
    )
    lists.write_cycle(folder, {**cycle.report, "timings": cycle.rounded_timings()})


def provenance(parts: Parts, cycle: Cycle) -> list[str]:
    """Return the header lines: what made this file, from which config, for which time."""
    report = cycle.report
    return [
        f"aas2rto {report['version']}, doi:10.1051/0004-6361/202452099",
        f"project: {parts.case.project}, config: {report['config']}",
        f"now: {report['now']} UTC (MJD {report['now_mjd']:.5f})",
    ]
