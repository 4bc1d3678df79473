"""Usual copies answered below ASGI, as usual requests are: their times are compared with those."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from typing_extensions import override

from leadsman_serving.copies.port import CopiesPort
from leadsman_serving.kept_connection import KeptConnection
from leadsman_serving.quick_protocol import QuickAnswers, QuickProtocol, Single


class NotedRow:
    """Answers as another does, and keeps what it was asked last."""

    def __init__(self, single: Single) -> None:
        """Nothing was asked yet."""
        self._single, self.asked = single, b""

    def __call__(self, body: bytes) -> bytes | None:
        """The answer to a usual body."""
        self.asked = body
        return self._single(body)


class QuickCopies(QuickProtocol):
    """One connection of the port for copies."""

    copies: CopiesPort
    noted: Mapping[bytes, NotedRow]
    """Set on a subclass for each process, as what answers is."""

    @override
    def _answer_known(self, data: bytes) -> bool:
        # Each copy has an id of its own, by which it is in the sample or not.
        return False

    @override
    def _id_of_usual(self) -> bytes | None:
        request_id = super()._id_of_usual()
        # Without an id the general way makes one.
        return request_id if request_id and self.copies.takes(request_id, self.headers) else None

    @override
    def _answer(self, answer: bytes) -> None:
        super()._answer(answer)
        self.copies.compare(self.url, self.headers, self.noted[self.url].asked, answer)


def copies_protocol(copies: CopiesPort, quick: QuickAnswers | None) -> type[KeptConnection]:
    """What speaks to gateways at the port; `quick` is what answers live requests below ASGI."""
    if quick is None:
        return KeptConnection
    noted = {path: NotedRow(single) for path, single in quick.singles.items()}
    own = {"answers": replace(quick, singles=noted, known={}), "copies": copies, "noted": noted}
    return type("QuickCopies", (QuickCopies,), own)
