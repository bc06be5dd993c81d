"""Writing the three files of a report, each whole or not at all, and reading one back."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError, OptionError
from ..whole import whole
from . import csv_file, html_file, json_file

if TYPE_CHECKING:
    from ..report import Report

NAMES = ("report.json", "units.csv", "report.html")


def save(report: "Report", folder: Path) -> tuple[Path, Path, Path]:
    """Write report.json, units.csv and report.html into the folder; see `Report.save`."""
    texts = (json_file.encode(report), csv_file.encode(report), html_file.page(report))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as all_or_none:
            for name, text in zip(NAMES, texts, strict=True):
                part = all_or_none.enter_context(whole(folder / name))
                part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise OptionError(f"cannot write the report into {folder}: {error.strerror}; choose another folder") from error
    report_json, units_csv, report_html = (folder / name for name in NAMES)
    return report_json, units_csv, report_html


def read(path: Path) -> tuple[str, str]:
    """The text of report.json and where it was found; the path may be the folder that holds it.

    Raises:
        DataError: it cannot be read.
    """
    file = path / NAMES[0] if path.is_dir() else path
    try:
        return file.read_text(encoding="utf-8"), str(file)
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not a report: not UTF-8 text") from error
    except OSError as error:
        raise DataError(f"cannot read the report {file}: {error.strerror}; `analyze --out` writes one") from error
