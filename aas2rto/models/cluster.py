"""Fits on a Dask cluster: batches of candidates go to its workers, each light curve once.

What the cluster cannot do is fitted here, with a line that says so: a scheduler that is away costs
time, not the night. A worker that dies costs a second try of its batch, which Dask sees to.
"""

from __future__ import annotations

import functools
import pickle
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.errors import ModelError
from aas2rto.guard import attempt
from aas2rto.models import Model
from aas2rto.models.progress import Progress
from aas2rto.tables.photometry import codes
from aas2rto.text.words import counted

CONNECT_SECONDS = 10.0
"""So long a scheduler may take to answer [s]."""

RETRIES = 3
"""So often a batch is tried again when a worker loses it."""


class Cluster:
    """A Dask cluster, met when the first batch goes there.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://host:8786``.
    batch : int
        Candidates that go together.
    """

    def __init__(self, address: str, batch: int) -> None:
        self.address, self.batch = address, batch
        self._client: Any = None

    def client(self) -> Any:
        """Return a connected client; it reconnects by itself.

        Raises
        ------
        ModelError
            If the package is missing, or nobody answers.
        """
        if self._client is None:
            try:
                from distributed import Client  # noqa: PLC0415  an optional extra
            except ImportError as error:
                raise ModelError(
                    "fitting on a cluster needs the package distributed: "
                    "pip install 'aas2rto[dask]'"
                ) from error
            make: Any = Client  # untyped
            try:
                self._client = make(self.address, timeout=CONNECT_SECONDS, set_as_default=False)
            except (OSError, TimeoutError, ValueError) as error:
                raise ModelError(
                    f"no Dask scheduler answers at {self.address} ({error}); start one with "
                    "'dask scheduler', or set executor: local"
                ) from error
        if not self._client.scheduler_info()["workers"]:
            raise ModelError(
                f"the Dask scheduler at {self.address} has no workers; start some with "
                f"'dask worker {self.address}'"
            )
        return self._client

    def close(self) -> None:
        """Release the connection."""
        if self._client is not None:
            attempt("dask", self._client.close)
            self._client = None


class OnCluster:
    """A model whose fits are made on a cluster.

    Parameters
    ----------
    model : Model
        Must be importable there; its settings travel with each batch.
    cluster : Cluster

    Attributes
    ----------
    complaints : list of str
        What the cluster could not do since they were taken.
    """

    def __init__(self, model: Model, cluster: Cluster) -> None:
        self.model, self.cluster = model, cluster
        self.complaints: list[str] = []

    def __getattr__(self, name: str) -> Any:
        """Look up everything else, such as how to draw a fit, in the model."""
        if name in {"model", "cluster"}:  # not there yet while it is unpickled
            raise AttributeError(name)
        return getattr(self.model, name)

    def light_curve(
        self, fit: Mapping[str, Any], bands: Sequence[str], mjd: NDArray[Any]
    ) -> pd.DataFrame:
        """Evaluate a fit here; see `aas2rto.models.Model`."""
        return self.model.light_curve(fit, bands, mjd)

    def fit(self, photometry: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
        """Fit every candidate; see `aas2rto.models.Model`."""
        parts = split(photometry, candidates, self.cluster.batch)
        try:
            client = self.cluster.client()
        except ModelError as error:
            self._complain(str(error), len(candidates))
            return self.model.fit(photometry, candidates)
        sent = self._submitted(client, parts)
        counting = Progress("fits on the cluster", len(candidates))
        tables = []
        for (rows, some), future in zip(parts, sent, strict=True):
            done = attempt("dask", future.result)
            if done.value is None:
                self._complain(getattr(done.failure, "error", "no answer"), len(some))
                tables.append(self.model.fit(rows, some))
            else:
                tables.append(pickle.loads(done.value))  # noqa: S301  our own workers' answer
            counting.add(len(some))
        return pd.concat(tables, ignore_index=True)

    def _submitted(
        self, client: Any, parts: Sequence[tuple[pd.DataFrame, pd.DataFrame]]
    ) -> list[Any]:
        model = pickle.dumps(self.model)
        return [
            client.submit(fit_there, model, pickle.dumps(part), pure=False, retries=RETRIES)
            for part in parts
        ]

    def _complain(self, why: str, n: int) -> None:
        self.complaints.append(f"{why}; {counted(n, 'candidate')} fitted here instead")


def split(
    photometry: pd.DataFrame, candidates: pd.DataFrame, size: int
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Cut candidates into batches, each with its photometry.

    Parameters
    ----------
    photometry : DataFrame
        Sorted by candidate and time.
    candidates : DataFrame
    size : int
        Candidates in a batch.
    """
    ids = candidates["candidate_id"].tolist()
    batch = codes(photometry["candidate_id"], ids) // size
    order = np.argsort(batch, kind="stable")
    edges = np.searchsorted(batch[order], np.arange(-(-len(ids) // size) + 1))
    return [
        (
            photometry.iloc[order[edges[k] : edges[k + 1]]].reset_index(drop=True),
            candidates.iloc[k * size : (k + 1) * size].reset_index(drop=True),
        )
        for k in range(len(edges) - 1)
    ]


def fit_there(model: bytes, part: bytes) -> bytes:
    """Fit a batch, on a worker.

    Parameters
    ----------
    model : bytes
        Pickled `Model`.
    part : bytes
        Pickled photometry and candidates.

    Returns
    -------
    bytes
        The pickled fit table.
    """
    photometry, candidates = pickle.loads(part)  # noqa: S301  from our own loop
    with _turn:
        return pickle.dumps(_unpacked(model).fit(photometry, candidates))


_turn = threading.Lock()
"""Held by the batch that is fitted: it uses all threads of its worker."""


@functools.lru_cache(maxsize=8)
def _unpacked(model: bytes) -> Model:
    """Set a model up once per worker: the tables of SALT take a moment."""
    from distributed import get_worker  # noqa: PLC0415

    made: Any = pickle.loads(model)  # noqa: S301
    if hasattr(made, "workers"):
        # A worker may share its machine with others: it has as many threads as it was given.
        made.workers = get_worker().state.nthreads
    found: Model = made
    return found


def take_complaints(model: Model) -> list[str]:
    """Return what a cluster could not do for a model, once."""
    if not isinstance(model, OnCluster):
        return []
    found, model.complaints = model.complaints, []
    return found
