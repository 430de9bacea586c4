"""``$avp``, ``$xavp``, ``$sht``, ``$shv``, ``$vn``: values that scripts keep."""

from __future__ import annotations

import re
from typing import Final

from onehttp_compat.pv import Message, RefusedValueError, Value, Variable
from onehttp_compat.script.pv.table import Accessor, Table, number, text
from onehttp_compat.script.world import World

_xavp = re.compile(r"([^\[=]+)(?:\[(-?\d+|\*)\])?(?:=>([^\[]+)(?:\[(-?\d+|\*)\])?)?").fullmatch


def _values(world: World) -> Message:
    return world.server.pv.message


# ---- $avp: each name has a stack of values; reading returns the newest


def _stack(values: Message, variable: Variable) -> list[Value]:
    found: list[Value] = []
    while (place := variable._replace(element=str(len(found) or ""))) in values:
        found.append(values[place])
    return found


def _put_stack(values: Message, variable: Variable, stack: list[Value]) -> None:
    for index in range(len(_stack(values, variable))):
        del values[variable._replace(element=str(index or ""))]
    for index, value in enumerate(stack):
        values[variable._replace(element=str(index or ""))] = value


def _read_avp(world: World, variable: Variable) -> Value:
    if not variable.element:
        return _values(world).get(variable)
    stack = _stack(_values(world), variable)
    if variable.element == "*":
        return ", ".join(map(str, stack)) or None
    index = int(variable.element)
    return stack[index] if -len(stack) <= index < len(stack) else None


def _write_avp(world: World, variable: Variable, value: Value) -> None:
    values, name = _values(world), variable._replace(element="")
    stack = _stack(values, name)
    if variable.element == "*":
        stack = []
    elif variable.element.isdigit() and int(variable.element) < len(stack):
        stack.pop(int(variable.element))
    if value is not None:
        stack.insert(0, value)
    elif stack and variable.element != "*":
        stack.pop(0)
    _put_stack(values, name, stack)


# ---- $xavp: each root has a stack of records; assigning to a bare root adds one


def _roots(values: Message, kind: str, root: str) -> int:
    count = 0
    while Variable(kind, f"{root}[{count}]") in values:
        count += 1
    return count


def _parsed(variable: Variable) -> tuple[str, str, str]:
    """Return root, index (may be empty) and field of ``root[index]=>field``.

    Raises:
        RefusedValueError: the name has another form.
    """
    match = _xavp(variable.name)
    if match is None:
        raise RefusedValueError(f"${variable.kind}({variable.name}) is not root=>field")
    root, index, field, _ = match.groups()
    if variable.kind == "xavi":
        root, field = root.lower(), field.lower() if field else field
    return root.strip(), index or variable.element, (field or "").strip()


def _place(index: str) -> int:
    """The place of a record. All records, ``*``, are not supported: the first one is taken."""
    return int(index) if index.lstrip("-").isdigit() else 0


def _read_xavp(world: World, variable: Variable) -> Value:
    root, index, field = _parsed(variable)
    values, place = _values(world), _place(index)
    if place < 0:
        place += _roots(values, variable.kind, root)
    if not field:
        record = values.get(Variable(variable.kind, f"{root}[{place}]"))
        return record if record != "" else f"<<xavp:{root}>>"
    return values.get(Variable(variable.kind, f"{root}[{place}]=>{field}"))


def _write_xavp(world: World, variable: Variable, value: Value) -> None:
    root, index, field = _parsed(variable)
    values, kind = _values(world), variable.kind
    if value is None:
        _remove_xavp(values, kind, root, _place(index), field)
        return
    if not index:
        _push_root(values, kind, root)
    place = _place(index)
    if Variable(kind, f"{root}[{place}]") not in values:
        if field:
            return  # the server reports success, and changes nothing
        raise RefusedValueError(f"${kind}({root}[{place}]): there is no such record")
    if field:
        values[Variable(kind, f"{root}[{place}]=>{field}")] = value
    else:
        values[Variable(kind, f"{root}[{place}]")] = value


def _push_root(values: Message, kind: str, root: str) -> None:
    """Push an empty record on the stack of the root."""
    for place in reversed(range(_roots(values, kind, root))):
        _move(values, kind, f"{root}[{place}]", f"{root}[{place + 1}]")
    values[Variable(kind, f"{root}[0]")] = ""


def _move(values: Message, kind: str, old: str, new: str | None) -> None:
    for variable in [one for one in values if one.kind == kind and one.name.startswith(old)]:
        value = values.pop(variable)
        if new is not None:
            values[Variable(kind, new + variable.name[len(old) :])] = value


def _remove_xavp(values: Message, kind: str, root: str, place: int, field: str) -> None:
    if field:
        values.pop(Variable(kind, f"{root}[{place}]=>{field}"), None)
        return
    count = _roots(values, kind, root)
    if place >= count:
        return
    _move(values, kind, f"{root}[{place}]", None)
    for later in range(place + 1, count):
        _move(values, kind, f"{root}[{later}]", f"{root}[{later - 1}]")


# ---- $xavu: one value for each name, or for each name and field; $vn: kept with the process


def _read_plain(world: World, variable: Variable) -> Value:
    return _values(world).get(variable)


def _write_plain(world: World, variable: Variable, value: Value) -> None:
    if value is None:
        _values(world).pop(variable, None)
    else:
        _values(world)[variable] = value


def _write_text(world: World, variable: Variable, value: Value) -> None:
    """Set a variable of a dialog, which is text or null."""
    kept = None if value is None else text(value, f"${variable.kind}")
    _write_plain(world, variable, kept)
    world.dialogs.note(world.scene.progress, variable, kept)


# ---- $dlg_ctx: settings for the dialog of this message

_DIALOG_NUMBERS: Final = frozenset(("on", "timeout", "timeout_bye"))


def _read_dialog_context(world: World, variable: Variable) -> Value:
    no_value = None if variable.name == "timeout_route" else 0
    return _values(world).get(variable, no_value)


def _write_dialog_context(world: World, variable: Variable, value: Value) -> None:
    """Set a number; other values count as 0. Only the server sets the other names, so they are
    ignored."""
    if variable.name in _DIALOG_NUMBERS:
        _values(world)[variable] = value if isinstance(value, int) else 0


# ---- $uac_req: a request that is to be sent; kept with the process; all but three are texts

_NUMBERS: Final = frozenset(("evroute", "evcode", "evtype"))
_COUNTED: Final = _NUMBERS | {"all", "flags"}


def _read_request(world: World, variable: Variable) -> Value:
    no_value = 0 if variable.name in _COUNTED else None
    return world.server.pv.process.variables.get(variable, no_value)


def _write_request(world: World, variable: Variable, value: Value) -> None:
    kept, name = world.server.pv.process.variables, variable.name
    if name == "all":
        for one in [one for one in kept if one.kind == variable.kind and one.name != "sock"]:
            del kept[one]
    elif value is None:
        if name != "sock":  # null does not remove this one
            kept.pop(variable, None)
    else:
        take = number if name in _NUMBERS else text
        kept[variable] = take(value, f"$uac_req({name})")


def _read_var(world: World, variable: Variable) -> Value:
    return world.server.pv.process.variables.get(variable, 0)


def _read_process(world: World, variable: Variable) -> Value:
    return world.server.pv.process.variables.get(variable)


def _write_process(world: World, variable: Variable, value: Value) -> None:
    if value is None:
        world.server.pv.process.variables.pop(variable, None)
    else:
        world.server.pv.process.variables[variable] = value


def _read_shared(world: World, variable: Variable) -> Value:
    return world.shared.setdefault(variable.name, 0)


def _write_shared(world: World, variable: Variable, value: Value) -> None:
    world.shared[variable.name] = "" if value is None else value


# ---- $sht: shared hash tables; $mq: message queues


def _item(variable: Variable) -> tuple[str, str]:
    table, arrow, key = variable.name.partition("=>")
    if not arrow:
        raise RefusedValueError(f"${variable.kind}({variable.name}) is not table=>key")
    return table.strip(), key


def _read_item(world: World, variable: Variable) -> Value:
    return world.tables.get(*_item(variable))


def _write_item(world: World, variable: Variable, value: Value) -> None:
    table, key = _item(variable)
    if not world.tables.set(table, key, value):
        raise RefusedValueError(f"$sht({variable.name}): there is no table {table}")


def _write_expiry(world: World, variable: Variable, value: Value) -> None:
    table, _ = _item(variable)
    if not world.tables.has(table):
        raise RefusedValueError(f"$shtex({variable.name}): there is no table {table}")
    if isinstance(value, int):
        world.tables.expire_in(*_item(variable), value)


_RELATIONS: Final = {"~~": "re", "~%": "ew", "==": "eq", "%~": "sw"}


def _count(world: World, variable: Variable, *, is_value: bool) -> Value:
    """Return how many items match. A pattern without an operator is a regular expression."""
    table, pattern = _item(variable)
    if not world.tables.has(table):
        return None
    relation = _RELATIONS.get(pattern[:2])
    wanted = pattern[2:] if relation else pattern
    if not wanted:
        return 0
    return len(world.tables.matching(table, relation or "re", wanted, is_value=is_value))


def _queue_size(world: World, variable: Variable) -> Value:
    queues, name = world.queues, variable.name
    return queues.size(name) if queues.has(name) else None


def _iterator_key(world: World, variable: Variable) -> Value:
    return world.tables.at(variable.name)[1]


def _iterator_value(world: World, variable: Variable) -> Value:
    table, key = world.tables.at(variable.name)
    return None if key is None else world.tables.get(table, key)


_XAVP: Final = Accessor(_read_xavp, _write_xavp)
_PLAIN: Final = Accessor(_read_plain, _write_plain)

TABLE: Final[Table] = {
    "var": Accessor(_read_var, _write_process),
    "shv": Accessor(_read_shared, _write_shared),
    "avp": Accessor(_read_avp, _write_avp),
    "xavp": _XAVP,
    "xavi": _XAVP,
    "xavu": _PLAIN,
    "dlg_var": Accessor(_read_plain, _write_text),
    "dlg_ctx": Accessor(_read_dialog_context, _write_dialog_context),
    "uac_req": Accessor(_read_request, _write_request),
    "vn": Accessor(_read_process, _write_process),
    "vz": Accessor(_read_var, _write_process),
    "sht": Accessor(_read_item, _write_item),
    "shtex": Accessor(
        lambda world, variable: world.tables.expires_in(*_item(variable)), _write_expiry
    ),
    "shtinc": Accessor(lambda world, variable: world.tables.add(*_item(variable), 1)),
    "shtdec": Accessor(lambda world, variable: world.tables.add(*_item(variable), -1)),
    "shtcn": Accessor(lambda world, variable: _count(world, variable, is_value=False)),
    "shtcv": Accessor(lambda world, variable: _count(world, variable, is_value=True)),
    "shtrecord": Accessor(lambda _world, _variable: None),  # expiry events are not emulated
    "mqk": Accessor(lambda world, variable: _read_process(world, variable) or None),
    "mqv": Accessor(lambda world, variable: _read_process(world, variable) or None),
    "mq_size": Accessor(_queue_size),
    "shtitkey": Accessor(_iterator_key),
    "shtitval": Accessor(_iterator_value),
}
