"""Loads a connections file, or a mapping of the same form, as a `ConnectionSet`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from onehttp.connections.file.certificates import Inspection, apart, files_of, inspected
from onehttp.connections.file.document import KeyPath, ParsedFile, read_document
from onehttp.connections.file.drafts import (
    Draft,
    adhoc_of,
    connection_of,
    options_of,
    proxy_trust,
    spec_of,
)
from onehttp.connections.file.engine_check import EngineCheck, file_key
from onehttp.connections.file.include import IncludedFiles
from onehttp.connections.file.interfaces import missing
from onehttp.connections.file.layers import at, origin, over
from onehttp.connections.file.options import tls_options
from onehttp.connections.file.secrets import Resolver, Secrets, plain_secrets
from onehttp.connections.file.together import that_do_not_fit
from onehttp.connections.model import ConnectionSet, Notice
from onehttp.errors import ConfigurationError, RequestError
from onehttp.policies import failover
from onehttp.stripped_tracebacks import strip_traceback
from onehttp_backends.contract import TransferOptions
from onehttp_backends.optional.naming import NameLimits

if TYPE_CHECKING:
    from onehttp.connections.file.schema.connections import DefaultsModel, HeadModel
    from onehttp.connections.file.schema.strict import Model
    from onehttp.connections.file.schema.transport import TransportModel
    from onehttp.policies.shared.policy import SharedPolicy

    M = TypeVar("M", bound=Model)
    F = TypeVar("F", ConfigurationError, Notice)

_is_name = re.compile(r"\S+").fullmatch


@strip_traceback
def load_connections(
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    secrets: Mapping[str, Resolver] | None = None,
    check: EngineCheck | None = None,
) -> ConnectionSet:
    """Read, check and resolve a configuration whole.

    Args:
        secrets: further kinds of references: what stands before the colon, and who resolves it.
        check: asked whether options can be served.

    Raises:
        ConfigurationError: anything is wrong; ``errors`` has all of it, each with file and line.
    """
    if not isinstance(source, (str, os.PathLike, Mapping)):
        raise ConfigurationError(
            f"expected the path of a file or a mapping, got {type(source).__name__}"
        )
    loading = _Loading(secrets, check)
    if isinstance(source, Mapping):
        loading.add(ParsedFile(_plain(source)), ())
    else:
        loading.read(os.fspath(source), ())
    return loading.finished()


class _Loading:
    """One run: gathers connections, mistakes and warnings from all files."""

    def __init__(self, secrets: Mapping[str, Resolver] | None, check: EngineCheck | None) -> None:
        self._check = check
        self._secrets = Secrets(secrets)
        self._included = IncludedFiles()
        self._errors: list[ConfigurationError] = []
        self._warnings = self._secrets.warnings
        self._drafts: list[Draft] = []
        self._names = NameLimits()
        self._shared: SharedPolicy | None = None
        self._adhoc: dict[str, Draft] = {}
        self._places: dict[str, ParsedFile] = {}

    def read(
        self, path: str, around: tuple[ParsedFile, ...], defaults: DefaultsModel | None = None
    ) -> None:
        """Add a file and all it includes."""
        self._included.enter(path, (around[0].file if around else None) or "this configuration")
        try:
            document = read_document(path)
        except ConfigurationError as error:
            self._errors.append(error)
        else:
            self.add(document, around, defaults)
        self._included.leave()

    def add(
        self,
        document: ParsedFile,
        around: tuple[ParsedFile, ...],
        defaults: DefaultsModel | None = None,
    ) -> None:
        """Add a document and all it includes; its defaults go over those it is included with."""
        from onehttp.connections.file.schema import connections as schema

        self._errors += document.repeated
        written = document.values
        if not isinstance(written, dict):
            self._errors.append(document.error((), "expected 'version: 1' and 'connections:'"))
            return
        resolved = self._secrets.resolve(document)
        own = None
        if head := self._validated(schema.HeadModel, resolved, (), document):
            own = head.defaults
            self._take_process(head, document, is_outermost=not around)
        defaults = over(defaults, own) if defaults and own else own or defaults
        layers = (document, *around)
        if head is not None:
            self._add_adhoc(head, defaults, layers)
        connections = resolved.get("connections")
        for name, value in connections.items() if isinstance(connections, dict) else ():
            self._add_connection(name, value, defaults, layers)
        self._warnings += plain_secrets(document, schema.SECRET_FIELDS)
        if (
            document.file
            and not around
            and not written.keys() - {"version", "defaults", "names", "shared"}
        ):
            advice = "no connections, and no file that has any; is the rest of it missing?"
            self._warnings.append(document.notice((), advice))
        for path in self._included.named_by(document, self._errors):
            self.read(path, layers, defaults)

    def _take_process(self, head: HeadModel, document: ParsedFile, is_outermost: bool) -> None:
        if is_outermost:
            self._names = head.names.limits()
            self._shared = head.shared.policy() if head.shared else None
            return
        for key in ("names", "shared"):
            if key in head.model_fields_set:
                advice = "holds for the whole process; give it in the file that includes this one"
                self._errors.append(document.error((key,), advice, of_key=True))

    def _add_adhoc(
        self, head: HeadModel, defaults: DefaultsModel | None, layers: tuple[ParsedFile, ...]
    ) -> None:
        """The sections for calls without a connection, each of which one file has."""
        for section in ("requests", "queries"):
            model: TransportModel | None = getattr(head, section)
            if model is None:
                continue
            path = (section,)
            if other := self._adhoc.get(section):
                line, _ = other.layers[0].place(path, of_key=True)
                text = f"given in {other.layers[0].file}:{line} too"
                self._errors.append(layers[0].error(path, text, of_key=True))
                continue
            if section == "requests" and defaults:
                model = over(defaults, model)
            self._adhoc[section] = Draft(path, model, layers)

    def _add_connection(
        self,
        name: str,
        value: Any,
        defaults: DefaultsModel | None,
        layers: tuple[ParsedFile, ...],
    ) -> None:
        from onehttp.connections.file.schema.connections import ConnectionModel

        document, path = layers[0], ("connections", name)
        if not isinstance(name, str) or not _is_name(name):
            self._errors.append(document.error(path, "a name has no blanks in it", of_key=True))
            return
        if other := self._places.setdefault(name, document):
            line, _ = other.place(path, of_key=True)
            if other is not document:
                self._errors.append(
                    document.error(path, f"given in {other.file}:{line} too", of_key=True)
                )
                return
        model = self._validated(ConnectionModel, value, path, document)
        if model is None:
            return
        model = over(defaults, model) if defaults else model
        if model.url is None and (not isinstance(value, dict) or value.get("url") is None):
            advice = "has no url; give url: http(s)://host[:port][/prefix]"
            self._errors.append(document.error(path, advice, of_key=True))
        self._drafts.append(Draft(path, model, layers))

    def _validated(
        self, model: type[M], value: Any, path: KeyPath, document: ParsedFile
    ) -> M | None:
        """``value`` as ``model``; its mistakes are noted, and the rest of it returned."""
        from pydantic import ValidationError

        from onehttp.connections.file.schema import explain

        context = {"folder": document.folder}
        try:
            return model.model_validate(value, context=context)
        except ValidationError as invalid:
            faults = explain.faults(invalid, model, at(document.values, path))
        for fault in faults:
            place = (*path, *fault.path)
            self._errors.append(document.error(place, fault.message, of_key=fault.is_about_key))
        rest = explain.pruned(value, faults)
        if isinstance(rest, dict) and not path:
            rest = {**rest, "version": 1}
        try:
            return model.model_validate(rest, context=context)
        except ValidationError:
            return None

    def _check_together(self, draft: Draft) -> None:
        """Check conditions that involve several keys."""
        tls, layers, path = draft.model.tls, draft.layers, draft.path
        if bool(tls.cert) != bool(tls.key):
            key = "cert" if tls.cert else "key"
            self._note(layers, path, ("tls", key), "cert and key belong together; give both")
        interface = draft.model.interface
        if interface and (problem := missing(interface)):
            self._note(layers, path, ("interface",), problem)
        for key, problem in that_do_not_fit(draft.model):
            self._note(layers, path, (key,), problem)
        if not _has_versions(draft):
            message = f"below min_version, which is {tls.min_version}"
            self._note(layers, path, ("tls", "max_version"), message)

    def _note(
        self, layers: tuple[ParsedFile, ...], path: KeyPath, key: KeyPath, message: str
    ) -> None:
        document, place = origin(layers, path, key)
        self._errors.append(document.error(place, message))

    def _ask_engine(
        self, check: EngineCheck, drafts: list[Draft], options: dict[KeyPath, TransferOptions]
    ) -> None:
        asked = [draft for draft in drafts if draft.path in options]
        faults = apart(check, [options[draft.path] for draft in asked])
        for draft, fault in zip(asked, faults, strict=True):
            if fault is not None:
                key = file_key(fault.option)
                self._note(draft.layers, draft.path, key, fault.message)

    def finished(self) -> ConnectionSet:
        """The set, once nothing is wrong."""
        adhoc = self._adhoc_drafts()
        drafts = [*self._drafts, *adhoc.values()]
        wanted = {draft.path: tls_options(draft.model.tls) for draft in drafts}
        of_proxies = {draft.path: proxy_trust(draft) for draft in drafts}
        found = inspected({*wanted.values(), *of_proxies.values()})
        options: dict[KeyPath, TransferOptions] = {}
        for draft in drafts:
            self._check_together(draft)
            of_server, of_proxy = found[wanted[draft.path]], found[of_proxies[draft.path]]
            self._note_certificates(draft, of_server, of_proxy)
            try:
                options[draft.path] = options_of(draft, of_server.tls, of_proxy.tls.ca_pem)
            except RequestError as error:
                self._errors.append(draft.layers[0].error(draft.path, error.message))
        self._check_failover()
        if self._check is not None:
            sound = [
                draft
                for draft in drafts
                if not found[wanted[draft.path]].problems and _has_versions(draft)
            ]
            self._ask_engine(self._check, sound, options)
        errors = self._all_errors()
        if errors:
            raise ConfigurationError.of(sorted(_each_once(errors), key=_place))
        files = {path for tls in found for path in files_of(tls)}
        return ConnectionSet(
            {
                draft.name: spec_of(draft, options[draft.path], self._shared)
                for draft in self._drafts
            },
            warnings=tuple(_each_once(self._warnings)),
            files=frozenset(files | self._secrets.files | self._included.paths),
            names=self._names,
            adhoc=adhoc_of(adhoc, options),
        )

    def _note_certificates(self, draft: Draft, of_server: Inspection, of_proxy: Inspection) -> None:
        """Note what is wrong, or will soon be, with the certificate files of a connection."""
        for key, problem in of_server.problems:
            self._note(draft.layers, draft.path, ("tls", key), problem)
        for key, warning in of_server.warnings:
            document, place = origin(draft.layers, draft.path, ("tls", key))
            self._warnings.append(document.notice(place, warning))
        for _, problem in of_proxy.problems:
            self._note(draft.layers, draft.path, ("proxy", "ca_file"), problem)

    def _all_errors(self) -> list[ConfigurationError]:
        """Return all errors, but no second one about a value whose secret is missing."""
        missing = self._secrets.errors
        keys = {(error.file, error.key) for error in missing}
        return missing + [each for each in self._errors if (each.file, each.key) not in keys]

    def _adhoc_drafts(self) -> dict[str, Draft]:
        """Those sections; queries over requests, once all files are read."""
        found = dict(self._adhoc)
        if "requests" in found and "queries" in found:
            queries = found["queries"]
            found["queries"] = queries._replace(model=over(found["requests"].model, queries.model))
        return found

    def _check_failover(self) -> None:
        written: dict[str, tuple[str, ...]] = dict.fromkeys(self._places, ())
        written.update({draft.name: connection_of(draft).failover for draft in self._drafts})
        layers = {draft.name: draft.layers for draft in self._drafts}
        for fault in failover.faults(written):
            document, place = origin(layers[fault.name], ("connections", fault.name), ("failover",))
            self._errors.append(document.error((*place, fault.at), fault.message))


def _has_versions(draft: Draft) -> bool:
    tls = draft.model.tls
    return tls.max_version is None or tls.max_version >= tls.min_version


def _place(finding: ConfigurationError | Notice) -> tuple[str, int, int]:
    return finding.file or "", finding.line or 0, finding.column or 0


def _about(finding: ConfigurationError | Notice) -> str:
    return finding.message if finding.line else str(finding)


def _each_once(findings: list[F]) -> list[F]:
    """Report an error in an anchor or in the defaults once, not for each connection."""
    found: dict[object, F] = {}
    for finding in findings:
        found.setdefault((_place(finding), _about(finding)), finding)
    return list(found.values())


def _plain(source: Any) -> Any:
    """A caller's mapping as a document has it."""
    if isinstance(source, Mapping):
        return {key: _plain(value) for key, value in source.items()}
    if isinstance(source, (list, tuple)):
        return tuple(_plain(value) for value in source)
    return source
