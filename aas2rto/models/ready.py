"""Make the light-curve fits ready: compile them, so that no night waits for it."""

from __future__ import annotations

import pandas as pd

from aas2rto import data
from aas2rto.models.bazin import Bazin
from aas2rto.models.salt import Salt
from aas2rto.models.watched.evidence import compile_kernels
from aas2rto.tables import photometry as phot


def are_compiled() -> bool:
    """Tell whether all fits are compiled."""
    from aas2rto.models.compiled import anomaly_integral, bazin, salt_fit  # noqa: PLC0415  numba takes a while
    from aas2rto.models.compiled.jit import is_kept  # noqa: PLC0415

    kernels = (salt_fit.fit_many, bazin.fit_many, anomaly_integral.integrate)
    return all(is_kept(entry) for entry in kernels)


def compile_fits() -> str:
    """Compile all fits unless they are; return a sentence about what there is now."""
    from aas2rto.models.compiled.jit import CODE_FOLDER  # noqa: PLC0415

    before = are_compiled()
    nobody = pd.DataFrame({"candidate_id": pd.Series([], dtype="str")})
    Salt().prepare([band for band in phot.BANDS if data.has_bandpass(band)])
    Bazin().fit(phot.empty(), nobody)
    compile_kernels()
    words = "already compiled" if before else "compiled"
    return f"{words}: {CODE_FOLDER}"
