"""Where pages are: answered by a server, or files that lie beside each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from aas2rto.outputs.figures.style import safe_name


@dataclass(frozen=True)
class Links:
    """Addresses of the pages that a server answers.

    Parameters
    ----------
    root : str
        Path below which a proxy shows them, without a slash at the end.
    versions : mapping
        From the names of files of ours to what changes with their content.
    """

    root: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    is_live: bool = True

    def list(self, name: str, **query: object) -> str:
        """Return a list's address."""
        return self._with(f"{self.root}/", {"list": name, **query})

    def candidate(self, candidate_id: str) -> str:
        """Return a candidate's address: a query, since an id may be anything, dots too."""
        return self._with(f"{self.root}/candidate", {"id": candidate_id})

    def would(self, candidate_id: str) -> str:
        """Return where it is said what would bring a candidate in."""
        return self._with(f"{self.root}/would", {"id": candidate_id})

    def page(self, name: str, /, **query: object) -> str:
        """Return the address of another page: ``plan``, ``why``, ``sources``..."""
        return self._with(f"{self.root}/{name}", query)

    def file(self, name: str) -> str:
        """Return the address of a file of ours, which changes with its content."""
        return f"{self.root}/static/{name}?v={self.versions.get(name, '')}"

    def api(self, path: str, **query: object) -> str:
        """Return an address for programs, such as ``lists/science``."""
        # A name is one step of the path, whatever is in it: browsers would follow `../` in it.
        kind, slash, name = path.partition("/")
        return self._with(f"{self.root}/api/v1/{kind}{slash}{quote(name, safe='')}", query)

    @staticmethod
    def _with(path: str, query: Mapping[str, object]) -> str:
        told = {key: value for key, value in query.items() if value not in {"", None}}
        # What no text can hold is replaced, and then is nobody's name.
        return f"{path}?{urlencode(told, errors='replace')}" if told else path


@dataclass(frozen=True)
class Files(Links):
    """Addresses of files below one folder.

    Parameters
    ----------
    up : str
        From the page at hand to the folder: empty, or ``../``.
    written : collection of str
        Candidates that have a page.
    """

    up: str = ""
    written: Collection[str] = ()
    is_live: bool = False

    def list(self, name: str, **_: object) -> str:
        """Return a list's file."""
        return f"{self.up}list-{safe_name(name)}.html"

    def candidate(self, candidate_id: str) -> str:
        """Return a candidate's file; empty if there is none."""
        if candidate_id not in self.written:
            return ""
        return f"{self.up}candidate/{safe_name(candidate_id)}.html"

    def would(self, candidate_id: str) -> str:  # noqa: ARG002  there is one for nobody
        """Return nothing: it stands in the candidate's file."""
        return ""

    def page(self, name: str, /, **_: object) -> str:
        """Return the file of another page."""
        return f"{self.up}{name}.html"

    def file(self, name: str) -> str:
        """Return a file of ours."""
        return f"{self.up}static/{name}"

    def api(self, path: str, **_: object) -> str:
        """Return a file for programs."""
        for kind in ("candidates/", "light_curves/"):
            if path.startswith(kind):
                path = f"{kind}{safe_name(path.removeprefix(kind))}"
        return f"{self.up}api/{quote(path, safe='/.')}.json"
