"""Files, jobs, models and chat of one account: reads through requests, creations through the openai SDK.

A plan only reads, and the SDK takes half a second to import: so it comes in with the first creation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from io import RawIOBase
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ftctl.catalog.clouds import Cloud
from ftctl.clients.auth import Credentials
from ftctl.clients.errors import AzureError, no_answer
from ftctl.clients.http import Http, body, host, pieces
from ftctl.clients.reads import Reads
from ftctl.clients.retry import Patience, Retry

if TYPE_CHECKING:
    import openai
    import requests

Json = dict[str, Any]
_DATED = "2025-04-01-preview"
_PAGE = 100
_MOST_PAGES = 10_000
_NOT_OFFERED = frozenset({404, 405})


class DataPlane:
    """One account by its endpoint. All JSON is as Azure writes it, unknown properties and odd values included.

    Every call raises AzureError, is retried where that is safe, and may be made from several threads. What makes a
    file or a job is not repeated once it may have happened: its error is then `ambiguous`, and whoever called looks
    whether it did.
    """

    def __init__(
        self,
        endpoint: str,
        cloud: Cloud,
        http: Http,
        credentials: Credentials,
        retry: Retry,
        reads: Reads | None = None,
    ) -> None:
        self.endpoint = endpoint.rstrip("/") + "/"
        self._cloud = cloud
        self._http = http
        self._credentials = credentials
        self._retry = retry
        self.reads = reads or Reads()

    def close(self) -> None:
        """Close the SDK's connections; those of the reads belong to the pool."""
        if "_sdk" in self.__dict__:
            self._sdk.close()

    def list_files(self) -> list[Json]:
        return self.reads.once((self.endpoint, "files"), lambda: self._list("files"))

    def get_file(self, file: str) -> Json | None:
        """The file of an id, None where there is none."""
        return self._get(f"files/{_segment(file)}")

    def file_content(self, file: str) -> Iterator[bytes]:
        """The bytes of a file, piece by piece; a file that is not there raises before the first."""
        answer = self._retry(lambda: self._send("GET", f"files/{_segment(file)}/content", stream=True), idempotent=True)
        return pieces(answer)

    def delete_file(self, file: str) -> None:
        """Delete; one that is not there is as good."""
        self._delete(f"files/{_segment(file)}")

    def list_jobs(self) -> list[Json]:
        return self.reads.once((self.endpoint, "jobs"), lambda: self._list("fine_tuning/jobs"))

    def get_job(self, job: str) -> Json | None:
        """The job of an id, None where there is none."""
        return self._get(_job(job))

    def job_events(self, job: str, *, after: str = "", limit: int = _PAGE) -> list[Json]:
        """One page of a job's events, newest first; `after` is the id of the last event of the page before."""
        params = {"limit": str(limit)} | ({"after": after} if after else {})
        return list(self._read(f"{_job(job)}/events", params).get("data") or [])

    def events_since(self, job: str, seen: str = "") -> list[Json]:
        """All events of a job after the one with the id `seen`, oldest first; pages back no further than needed."""
        fresh: list[Json] = []
        for page in self._pages(f"{_job(job)}/events"):
            ids = [event["id"] for event in page]
            if seen in ids:
                return [*fresh, *page[: ids.index(seen)]][::-1]
            fresh += page
        return fresh[::-1]

    def checkpoints(self, job: str) -> list[Json]:
        return self._list(f"{_job(job)}/checkpoints")

    def cancel_job(self, job: str) -> Json:
        return self._call("POST", f"{_job(job)}/cancel")

    def pause_job(self, job: str) -> Json:
        """Stop a job that trains after its step; the service evaluates a checkpoint first. Nothing is lost."""
        return self._call("POST", f"{_job(job)}/pause")

    def resume_job(self, job: str) -> Json:
        return self._call("POST", f"{_job(job)}/resume")

    def delete_job(self, job: str) -> None:
        """Delete a finished job's record, which only the dated route does; one that is not there is as good."""
        self._delete(_job(job), dated=True)

    def list_models(self) -> list[Json]:
        """Base models and fine-tuned ones."""
        return self._list("models", limit=0)

    def get_model(self, model: str) -> Json | None:
        """A base or fine-tuned model or checkpoint of a name, None where there is none."""
        return self._get(f"models/{_segment(model)}")

    def delete_model(self, model: str) -> bool:
        """Whether the service deleted the model: not every one offers it, and none while it is deployed."""
        try:
            self._call("DELETE", f"models/{_segment(model)}")
        except AzureError as error:
            if error.status in _NOT_OFFERED:
                return False
            raise
        return True

    def upload_file(self, content: RawIOBase, filename: str, purpose: str = "fine-tune") -> Json:
        """Upload what a stream has, from its beginning, as a file called `filename`."""

        def send(client: Any) -> Any:
            return client.files.with_raw_response.create(
                file=(filename, content), purpose=purpose, timeout=_upload_timeout()
            )

        return self._post(send, idempotent=False)

    def begin_upload(self, filename: str, size: int, purpose: str = "fine-tune") -> Json:
        """An upload in parts, of `size` bytes in all. One that is never completed is nothing, and gone in two hours."""

        def send(client: Any) -> Any:
            return client.uploads.with_raw_response.create(
                filename=filename, bytes=size, mime_type="application/jsonl", purpose=purpose
            )

        return self._post(send, idempotent=True)

    def add_part(self, upload: str, content: RawIOBase, patience: Patience) -> Json:
        """Send a part of an upload. It is sent again where it may have been lost: only named parts become the file."""

        def send(client: Any) -> Any:
            return client.uploads.parts.with_raw_response.create(
                upload, data=("part", content), timeout=_upload_timeout()
            )

        return self._post(send, idempotent=True, patience=patience)

    def complete_upload(self, upload: str, parts: Sequence[str], md5: str) -> Json:
        """The file that the parts make, in their order."""

        def send(client: Any) -> Any:
            return client.uploads.with_raw_response.complete(
                upload, part_ids=list(parts), md5=md5, timeout=_upload_timeout()
            )

        done = self._post(send, idempotent=False)
        file: Json = done.get("file") or {}
        if not file.get("id"):
            raise no_answer(
                "FT2024", f"{host(self.endpoint)} completed an upload to no file.", method="POST", sent=True
            )
        return file

    def cancel_upload(self, upload: str) -> None:
        """Give an upload up."""
        self._post(lambda client: client.uploads.with_raw_response.cancel(upload), idempotent=False)

    def import_file(self, url: str, filename: str, purpose: str = "fine-tune") -> Json:
        """Let the service fetch a file from `url`, which only the dated route offers."""
        content = {"purpose": purpose, "filename": filename, "content_url": url}
        return self._retry(
            lambda: body(self._send("POST", "files/import", dated=True, json=content), method="POST"), idempotent=False
        )

    def create_job(self, job: Mapping[str, Any]) -> Json:
        """Begin a training, with the body as it is given. It costs money, and is asked for once."""
        rest = {key: value for key, value in job.items() if key not in {"model", "training_file"}}

        def send(client: Any) -> Any:
            return client.fine_tuning.jobs.with_raw_response.create(
                model=job["model"], training_file=job["training_file"], extra_body=rest
            )

        made = self._post(send, idempotent=False)
        if not made.get("id"):
            raise no_answer("FT2024", f"{host(self.endpoint)} answered with no job.", method="POST", sent=True)
        return made

    def run_grader(self, grader: Json, item: Json, answer: str, *, deadline: float | None = None) -> Json:
        """What a grader makes of one answer; nothing is created, so it may be asked twice, for `deadline` seconds."""
        content = {"grader": grader, "item": item, "model_sample": answer}
        path = "fine_tuning/alpha/graders/run"
        return self._retry(
            lambda: body(self._send("POST", path, json=content), method="POST"), idempotent=True, deadline=deadline
        )

    def validate_grader(self, grader: Json) -> None:
        """Raise where the service takes the grader for none."""
        path = "fine_tuning/alpha/graders/validate"
        content = {"grader": grader}
        self._retry(lambda: body(self._send("POST", path, json=content), method="POST"), idempotent=True)

    def ask(self, deployment: str, messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> Json:
        """One answer of a deployment, asked for once: what a refusal means is for the caller to say."""
        from ftctl.clients import sdk  # noqa: PLC0415  openai costs 540 ms

        create: Any = self._sdk.chat.completions.with_raw_response.create
        with sdk.as_ours(self._http.trace):
            made: Json = sdk.raw(create(model=deployment, messages=list(messages), **options))
        return made

    def chat(self, deployment: str, messages: Sequence[Mapping[str, Any]], max_tokens: int) -> Json:
        """One answer of a deployment: the whole chat completion."""
        from ftctl.clients import sdk  # noqa: PLC0415  openai costs 540 ms

        def attempt(limit: Mapping[str, int]) -> Json:
            create: Any = self._sdk.chat.completions.with_raw_response.create
            with sdk.as_ours(self._http.trace):
                made = create(model=deployment, messages=list(messages), **limit)
            return sdk.raw(made)

        made: Json = self._with_limit(attempt, max_tokens)
        return made

    def chat_stream(self, deployment: str, messages: Sequence[Mapping[str, Any]], max_tokens: int) -> Iterator[str]:
        """One answer of a deployment, as it is written."""
        from ftctl.clients import sdk  # noqa: PLC0415  openai costs 540 ms

        def begin(limit: Mapping[str, int]) -> Any:
            create: Any = self._sdk.chat.completions.create
            with sdk.as_ours(self._http.trace):
                return create(model=deployment, messages=list(messages), stream=True, **limit)

        stream = self._with_limit(begin, max_tokens)
        with sdk.as_ours(self._http.trace), stream:
            for chunk in stream:
                yield from (choice.delta.content for choice in chunk.choices if choice.delta.content)

    def _with_limit(self, attempt: Any, max_tokens: int) -> Any:
        """A chat with its limit under the name the model takes: reasoning models refuse the older one."""
        try:
            return self._retry(lambda: attempt({"max_tokens": max_tokens}), idempotent=True)
        except AzureError as error:
            if error.status != 400 or "max_completion_tokens" not in error.problem.what:  # noqa: PLR2004  HTTP
                raise
        return self._retry(lambda: attempt({"max_completion_tokens": max_tokens}), idempotent=True)

    @cached_property
    def _sdk(self) -> openai.OpenAI:
        from ftctl.clients import sdk  # noqa: PLC0415  openai costs 540 ms

        return sdk.build(f"{self.endpoint}openai/v1/", self._token, self._cloud, self._http.trace)

    def _post(self, send: Callable[[Any], Any], *, idempotent: bool, patience: Patience | None = None) -> Json:
        """The JSON that a call through the SDK gives; of its client, Azure knows more values than its types."""
        from ftctl.clients import sdk  # noqa: PLC0415  openai costs 540 ms

        def attempt() -> Json:
            with sdk.as_ours(self._http.trace):
                return sdk.raw(send(self._sdk))

        return self._retry(attempt, idempotent=idempotent, patience=patience)

    def _token(self) -> str:
        return self._credentials.token(self._cloud.data_scope)

    def _list(self, path: str, *, limit: int = _PAGE) -> list[Json]:
        return [item for page in self._pages(path, limit=limit) for item in page]

    def _pages(self, path: str, *, limit: int = _PAGE) -> Iterator[list[Json]]:
        """Pages of a list until the service says that no more follow."""
        params = {"limit": str(limit)} if limit else {}
        last = ""
        for _ in range(_MOST_PAGES):
            page = self._read(path, params | ({"after": last} if last else {}))
            items = list(page.get("data") or [])
            yield items
            if not page.get("has_more") or not items or items[-1].get("id") == last:
                return
            last = items[-1]["id"]
        raise no_answer("FT2024", f"{host(self.endpoint)} sent a list that never ends.", method="GET", sent=True)

    def _get(self, path: str) -> Json | None:
        try:
            return self._read(path)
        except AzureError as error:
            if error.missing:
                return None
            raise

    def _delete(self, path: str, *, dated: bool = False) -> None:
        try:
            self._call("DELETE", path, dated=dated)
        except AzureError as error:
            if not error.missing:
                raise

    def _read(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        return self._call("GET", path, params)

    def _call(self, method: str, path: str, params: Mapping[str, str] | None = None, *, dated: bool = False) -> Json:
        """All that goes this way may be asked twice: reads, deletes, and the end of a job."""
        return self._retry(lambda: body(self._send(method, path, params, dated=dated), method=method), idempotent=True)

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        dated: bool = False,
        stream: bool = False,
        json: Json | None = None,
    ) -> requests.Response:
        route = "openai/" if dated else "openai/v1/"
        return self._http.send(
            method,
            f"{self.endpoint}{route}{path}",
            headers={"Authorization": f"Bearer {self._token()}"},
            params={**(params or {}), **({"api-version": _DATED} if dated else {})},
            json=json,
            stream=stream,
        )


def _upload_timeout() -> Any:
    from ftctl.clients import sdk  # noqa: PLC0415  openai costs 540 ms

    return sdk.upload_timeout()


def _job(job: str) -> str:
    return f"fine_tuning/jobs/{_segment(job)}"


def _segment(name: str) -> str:
    return quote(name, safe=":")
