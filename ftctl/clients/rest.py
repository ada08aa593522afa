"""Resource groups, role assignments and names in Microsoft Graph, through requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ftctl.catalog.clouds import Cloud
from ftctl.clients import ids
from ftctl.clients.auth import Credentials
from ftctl.clients.errors import AzureError, no_answer
from ftctl.clients.explain import plain
from ftctl.clients.http import Http, body, host
from ftctl.clients.reads import Reads
from ftctl.clients.retry import Retry

Json = dict[str, Any]
PrincipalKind = Literal["user", "group", "servicePrincipal"]

_GROUPS = "2021-04-01"
_AUTHORIZATION = "2022-04-01"
_MOST_PAGES = 1000
_TYPES: Mapping[str, str] = {"user": "User", "group": "Group", "servicePrincipal": "ServicePrincipal"}


class Rest:
    """What has no SDK of its own here. All JSON is as Azure writes it.

    Every call raises AzureError, is retried where that is safe, and may be made from several threads.
    """

    def __init__(
        self, cloud: Cloud, http: Http, credentials: Credentials, retry: Retry, reads: Reads | None = None
    ) -> None:
        self._cloud = cloud
        self._http = http
        self._credentials = credentials
        self._retry = retry
        self.reads = reads or Reads()

    def list_groups(self, subscription: str) -> list[Json]:
        return self._arm_list(f"{ids.subscription_id(subscription)}/resourceGroups", _GROUPS)

    def get_group(self, group: str) -> Json | None:
        """The resource group of an id, None where there is none."""
        return self._arm_get(group, _GROUPS)

    def put_group(self, group: str, content: Mapping[str, Any]) -> Json:
        return self._arm("PUT", group, _GROUPS, content)

    def delete_group(self, group: str) -> None:
        """Begin to delete a group with all that is in it; one that is not there is as good."""
        self._arm_delete(group, _GROUPS)

    def list_group_resources(self, group: str) -> list[Json]:
        """What lives in a group: id, name, type, location and tags of each."""
        return self._arm_list(f"{_at(group)}/resources", _GROUPS)

    def list_role_assignments(self, scope: str, *, filter: str = "") -> list[Json]:  # noqa: A002  Azure's own word
        """Assignments at `scope` and below; with the filter `atScope()` at it and above."""
        path = f"{_at(scope)}/providers/Microsoft.Authorization/roleAssignments"
        return self._arm_list(path, _AUTHORIZATION, {"$filter": filter} if filter else {})

    def list_permissions(self, scope: str) -> list[Json]:
        """What each role of the caller at a scope or above it allows and takes back."""
        return self._arm_list(f"{_at(scope)}/providers/Microsoft.Authorization/permissions", _AUTHORIZATION)

    def get_role_assignment(self, assignment: str) -> Json | None:
        """The role assignment of an id, None where there is none."""
        return self._arm_get(assignment, _AUTHORIZATION)

    def put_role_assignment(self, assignment: str, content: Mapping[str, Any]) -> Json:
        """Create, or change the description; waits up to three minutes for a principal that is new to the directory."""
        return self._arm("PUT", assignment, _AUTHORIZATION, content)

    def delete_role_assignment(self, assignment: str) -> None:
        """Delete; one that is not there is as good."""
        self._arm_delete(assignment, _AUTHORIZATION)

    def find_role_definition(self, scope: str, name: str) -> Json | None:
        """The role of a name that can be assigned at `scope`; for custom roles and ones younger than the catalogue."""
        path = f"{_at(scope)}/providers/Microsoft.Authorization/roleDefinitions"
        found = self._arm_list(path, _AUTHORIZATION, {"$filter": f"roleName eq {_literal(name)}"})
        wanted = name.casefold()
        return next((role for role in found if role["properties"]["roleName"].casefold() == wanted), None)

    def find_principal(self, kind: PrincipalKind, name: str) -> dict[str, str] | None:
        """`{"id", "type", "name"}` of a user (by sign-in name), group or service principal (by name or app id).

        None where there is none; raises FT2012 where several have the name, FT2008 without the right to look.
        """
        found = self._graph(kind, name)
        if len(found) > 1:
            found_ids = ", ".join(item["id"] for item in found[:5])
            problem = plain(
                "FT2012", f"{len(found)} principals of type {_TYPES[kind]} are called {name!r}: {found_ids}."
            )
            raise AzureError(problem)
        return next(({"id": item["id"], "type": _TYPES[kind], "name": name} for item in found), None)

    def _graph(self, kind: PrincipalKind, name: str) -> list[Json]:
        match kind:
            case "user":
                return self._graph_list("users", f"userPrincipalName eq {_literal(name)}")
            case "group":
                return self._graph_list("groups", f"displayName eq {_literal(name)}")
            case "servicePrincipal":
                by_name = self._graph_list("servicePrincipals", f"displayName eq {_literal(name)}")
                return by_name or self._graph_list(
                    "servicePrincipals", f"servicePrincipalNames/any(c:c eq {_literal(name)})"
                )

    def _graph_list(self, what: str, condition: str) -> list[Json]:
        url = f"{self._cloud.graph}/v1.0/{what}"
        return self._listed(url, {"$filter": condition}, self._cloud.graph_scope, "@odata.nextLink")

    def _arm(self, method: str, path: str, version: str, content: Mapping[str, Any] | None = None) -> Json:
        url = f"{self._cloud.arm}{_at(path)}"
        return self._call(method, url, {"api-version": version}, self._cloud.arm_scope, content)

    def _arm_get(self, path: str, version: str) -> Json | None:
        try:
            return self._arm("GET", path, version)
        except AzureError as error:
            if error.missing:
                return None
            raise

    def _arm_delete(self, path: str, version: str) -> None:
        try:
            self._arm("DELETE", path, version)
        except AzureError as error:
            if not error.missing:
                raise

    def _arm_list(self, path: str, version: str, query: Mapping[str, str] | None = None) -> list[Json]:
        params = {"api-version": version, **(query or {})}
        return self._listed(f"{self._cloud.arm}{path}", params, self._cloud.arm_scope, "nextLink")

    def _listed(self, url: str, params: Mapping[str, str], scope: str, link: str) -> list[Json]:
        key = (url, *sorted(params.items()))
        return self.reads.once(key, lambda: self._pages(url, params, scope, link))

    def _pages(self, url: str, params: Mapping[str, str], scope: str, link: str) -> list[Json]:
        """All items of all pages. A link to another host is refused: our token would go there."""
        items: list[Json] = []
        home = host(url)
        for _ in range(_MOST_PAGES):
            page = self._call("GET", url, params, scope)
            items += page.get("value") or []
            url, params = page.get(link) or "", {}
            if not url:
                return items
            if host(url) != home:
                break
        raise no_answer(
            "FT2024", f"{home} sent a list whose pages lead elsewhere or never end.", method="GET", sent=True
        )

    def _call(
        self, method: str, url: str, params: Mapping[str, str], scope: str, content: Mapping[str, Any] | None = None
    ) -> Json:
        """All of these are idempotent: reads, PUTs of one body, deletes."""

        def attempt() -> Json:
            headers = {"Authorization": f"Bearer {self._credentials.token(scope)}"}
            return body(self._http.send(method, url, headers=headers, params=params, json=content), method=method)

        return self._retry(attempt, idempotent=True)


def _at(path: str) -> str:
    """An id as the path of an address; the root scope is empty."""
    return "" if path == "/" else f"/{path.strip('/')}"


def _literal(text: str) -> str:
    """A string of OData; a quote in it is doubled."""
    return "'" + text.replace("'", "''") + "'"
