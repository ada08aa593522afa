"""What a finished training left behind: its checkpoints and measures, read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ftctl.core.errors import FtctlError
from ftctl.results.checkpoint import Choice, choose
from ftctl.results.condition import Trained
from ftctl.results.job import Checkpoint, checkpoints_of
from ftctl.results.table import Table, read

if TYPE_CHECKING:
    from ftctl.clients.dataplane import DataPlane

_NOTHING = Table((), {})
STEP_MARK = ":ckpt-step-"  # between a model's name and the step of a checkpoint that is not the last


@dataclass(frozen=True)  # without slots: it keeps what it has read
class Training:
    """A job that has succeeded, by its body."""

    data: DataPlane
    body: Mapping[str, Any]

    @property
    def model(self) -> str:
        return str(self.body["fine_tuned_model"])

    @cached_property
    def kept(self) -> tuple[Checkpoint, ...]:
        """The checkpoints that can be deployed, by their steps."""
        return tuple(one for one in checkpoints_of(self.data.checkpoints(str(self.body["id"]))) if one.model)

    @cached_property
    def table(self) -> Table:
        """results.csv; an empty table where it was deleted or cannot be understood."""
        from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

        for file in self.body.get("result_files") or ():
            try:
                return read(b"".join(self.data.file_content(file)))
            except AzureError as error:
                if not error.missing:
                    raise
            except FtctlError:
                return _NOTHING
        return _NOTHING

    def best(self) -> Choice | None:
        """The kept checkpoint with the lowest full validation loss or highest validation reward."""
        found = choose(self.kept, self.table) if self.kept else None
        return found if found and found.metric else None

    def at(self, model: str) -> Trained | None:
        """What was measured for one of its models, None where that is neither the last nor a kept checkpoint."""
        one = next((one for one in self.kept if one.model == model), None)
        if one is None and model == self.model:
            one = Checkpoint(self.table.steps, model)
        return Trained(one, self.table, self.kept) if one else None

    @property
    def validation(self) -> str:
        return str(self.body.get("validation_file") or "")


def job_model(model: str) -> str:
    """The name of the job's own model that a checkpoint's name begins with."""
    return model.partition(STEP_MARK)[0]
