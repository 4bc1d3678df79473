"""Files of a lakeFS repository at one of its commits.

A branch or a tag is resolved to its commit first, so that what is read is what is recorded. What
nobody has committed yet is not read.
"""

from __future__ import annotations

from typing import cast

from leadsman_api.reasons import Reason
from leadsman_training.dvc_repository import Tracked
from leadsman_training.errors import NoUse, not_installed


def read_committed(uri: str) -> Tracked:
    """Read `lakefs://REPOSITORY/REVISION/PATH`; NoUse says what of it is missing."""
    repository, _, rest = uri.removeprefix("lakefs://").partition("/")
    revision, _, path = rest.partition("/")
    if not path:
        raise NoUse(Reason.DATA_UNREADABLE, f"{uri}: write lakefs://repository/revision/path")
    try:
        from lakefs import Repository, exceptions  # noqa: PLC0415 - an extra
        from lakefs.client import Client  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise not_installed("lakefs", "lakefs://") from error
    place = f"repository {repository} with a revision {revision!r}"
    try:
        known = Repository(repository, Client())  # type: ignore[no-untyped-call]
        commit = str(known.ref(revision).get_commit().id)
        place = f"{path} in commit {commit} of repository {repository}"
        with known.ref(commit).object(path).reader(mode="rb", pre_sign=False) as file:
            return Tracked(cast("bytes", file.read()), commit)
    except exceptions.NotFoundException:
        message = f"there is no {place}"
    except exceptions.NoAuthenticationFound:
        names = "LAKECTL_SERVER_ENDPOINT_URL and LAKECTL_CREDENTIALS_ACCESS_KEY_ID and …SECRET_…"
        message = f"put {names} into the Secret of spec.data.source.secretRef"
    except Exception as error:  # noqa: BLE001 - whatever the library raises
        message = f"{place}: {error}"
    raise NoUse(Reason.DATA_UNREADABLE, f"{uri}: {message}"[:900])
