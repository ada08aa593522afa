"""What a dataset changes against the file that it supersedes, as far as that can be said without reading it back."""

from __future__ import annotations

from collections.abc import Iterable

from ftctl.core.model import Health, Live, Resource


def told(resource: Resource, stack: str, lives: Iterable[Live]) -> tuple[str, ...]:
    """One sentence for a plan on a dataset whose content is new; none where there is no former file of its name.

    The former content is known if it was checked on this machine, or read back by `ftctl data diff` before.
    """
    former = _former(resource, stack, lives)
    if former is None:
        return ()
    from ftctl.data.cache import Asked, recall  # noqa: PLC0415  only where data has changed
    from ftctl.data.diff import diff  # noqa: PLC0415  the same
    from ftctl.render.data_diff import plan_line  # noqa: PLC0415  the same

    after, spec = resource.prepared["checked"], resource.spec
    encoding = after.report.tokens.encoding if after.report.tokens else ""
    asked = Asked(spec.format, encoding, spec.bom, tuple(sorted(spec.allow)))
    before = recall(former.outputs["sha256"], asked, former.id)
    name = resource.address.name
    if before is None:
        return (f"its examples differ from those of {former.id}; `ftctl data diff {name}` shows how",)
    return (f"{plan_line(diff(before, after))}; `ftctl data diff {name}` shows more",)


def _former(resource: Resource, stack: str, lives: Iterable[Live]) -> Live | None:
    """The newest file of the dataset's name, unless this content is there already."""
    if "checked" not in resource.prepared:
        return None
    files = [one for one in lives if one.kind == "dataset" and one.health is not Health.FAILED]
    if any(one.outputs["sha256"] == resource.prepared["sha256"] for one in files):
        return None
    mine = [one for one in files if one.owner == stack and one.label in {resource.address.name, *resource.formerly}]
    return max(mine, key=lambda one: (one.created, one.id), default=None)
