"""A report of scores as one page: every number, and the pictures side by side."""

from __future__ import annotations

import base64
import io
from datetime import datetime
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from murai_show.errors import TrainError
from murai_show.train.score import Report
from murai_show.train.score_table import measures, ratios


def write_page(path: Path, report: Report, title: str) -> None:
    """Write `report` as one HTML file with its pictures inside.  Raises TrainError."""
    environment = Environment(
        loader=PackageLoader("murai_show.train", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["uri"] = _data_uri
    page = environment.get_template("score_page.html.jinja").render(
        title=title,
        report=report,
        measures=measures(report),
        ratios=lambda row, peer: ratios(report, row, peer),
        date=datetime.now().astimezone().strftime("%-d %B %Y"),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise TrainError(f"{path}: the report cannot be written: {error.strerror}") from None


def _data_uri(pixels: np.ndarray) -> str:
    """(H, W, 3), uint8, RGB → a JPEG in a URI, its colours not sub-sampled: strokes are thin."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=88, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
