"""The section `share`: marshals and brokers that a list goes to, see `aas2rto share`.

Tokens stand in environment variables, or in the file of secrets: ``SKYPORTAL_TOKEN``,
``TOM_TOKEN``, ``LASAIR_TOKEN``, ``HERMES_TOKEN``; of ESO ``ESO_USER`` and ``ESO_PASSWORD``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from aas2rto.parts.web_address import WebAddress

Guard = Literal["classified", "reported", "spectrum"]
"""What keeps a candidate from being sent: it has a class, TNS knows it, a spectrum was taken."""


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False
    )


class _Outlet(_Section):
    most: int = Field(default=20, ge=1, le=1000)
    not_if: tuple[Guard, ...] = ()


class SkyPortal(_Outlet):
    """SkyPortal and Fritz.

    Parameters
    ----------
    url : str
        Of the portal.
    group_ids : tuple of int
        Who sees sources and annotations; without it SkyPortal saves to all groups of the token.
    allocation_ids : tuple of int
        Whose follow-up requests are taken.
    most : int
        The first so many of the list.
    not_if : tuple
        Who is not sent: ``classified``, ``reported``, ``spectrum``.
    """

    url: Annotated[WebAddress, Field(min_length=1)]
    group_ids: Annotated[tuple[int, ...], Field(min_length=1)]
    allocation_ids: tuple[int, ...] = ()


class Tom(_Outlet):
    """A TOM of the TOM Toolkit.

    Parameters
    ----------
    url : str
        Of the TOM.
    groups : tuple of str
        Who sees the targets; without it only the owner of the token does.
    most : int
        The first so many of the list.
    not_if : tuple
        Who is not sent: ``classified``, ``reported``, ``spectrum``.
    """

    url: Annotated[WebAddress, Field(min_length=1)]
    groups: Annotated[tuple[str, ...], Field(min_length=1)]


class LasairAnnotator(_Outlet):
    """An annotator of Lasair (LSST), which its team must have approved.

    Parameters
    ----------
    topic : str
        Of the annotator.
    url : str
        Of Lasair.
    most : int
        The first so many of the list.
    not_if : tuple
        Who is not sent: ``classified``, ``reported``, ``spectrum``.
    """

    topic: str = Field(min_length=1, max_length=255)
    url: WebAddress = "https://lasair.lsst.ac.uk"


class Hermes(_Outlet):
    """Messages of Hermes, which are public.

    Parameters
    ----------
    submitter : str
        Whose message it is.
    authors : str
        All of them, in one text.
    topic : str
        ``hermes.test`` to try.
    url : str
        Of Hermes.
    most : int
        The first so many of the list.
    not_if : tuple
        Who is not sent: ``classified``, ``reported``, ``spectrum``.
    """

    submitter: str = Field(min_length=1)
    authors: str = ""
    topic: str = Field(default="hermes.test", min_length=1)
    url: WebAddress = "https://hermes.lco.global"


class Eso(_Outlet):
    """Observation blocks of ESO, created in the demonstration environment alone.

    Parameters
    ----------
    instrument : str
        Whose run it is.
    container : int
        Of the run, in which blocks are created.
    airmass, moon, fli : float
        Constraints: most airmass, least distance to the Moon [deg], most illuminated share of it.
    seeing : float
        [arcsec]
    transparency : str
        Worst transparency of the sky, in p2's words.
    url : str
        Refused unless it is the demonstration environment, or this machine.
    most : int
        The first so many of the list.
    not_if : tuple
        Who is not sent: ``classified``, ``reported``, ``spectrum``.
    """

    instrument: str = Field(default="EFOSC2", min_length=1)
    container: int | None = None
    airmass: float = Field(default=1.8, ge=1, le=5)
    moon: float = Field(default=30.0, ge=0, le=180)
    fli: float = Field(default=1.0, ge=0, le=1)
    seeing: float = Field(default=2.0, gt=0, le=10)
    transparency: str = "Variable, thin cirrus"
    url: WebAddress = "https://www.eso.org/copdemo/api/v1"


class Share(_Section):
    """Where a list goes to beside the telescope; each only with `aas2rto share ... --submit`.

    Tokens stand in environment variables, or in the file of secrets.

    Parameters
    ----------
    skyportal, tom, lasair, hermes, p2 : section or None
        See below.
    """

    skyportal: SkyPortal | None = None
    tom: Tom | None = None
    lasair: LasairAnnotator | None = None
    hermes: Hermes | None = None
    p2: Eso | None = None
