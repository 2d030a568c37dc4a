"""Draws the tables of the live messages into docs/live-messages.md from protos/: `make docs`.

The contract's own words are the only ones: what is drawn here is never edited by hand, and a
test fails where it is not what the contract says.
"""

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
)
from grpc_tools import protoc

PAGE: Final = Path(__file__).parent / "live-messages.md"
PROTOS: Final = Path(__file__).parents[1] / "protos"
PACKAGE: Final = ".rpm_service.v1."
BLOCK: Final = re.compile(r"<!-- drawn: (\w+) -->\n.*?<!-- end -->", re.DOTALL)
ROOTS: Final = ("WatchResponse", "WatchRequest")
"""Each with all that is in it; what both have is drawn with the first."""

# Field numbers of descriptor.proto, by which comments are found.
_MESSAGES, _ENUMS, _FIELDS, _VALUES = 4, 5, 2, 2

_WORDS: Final = {
    FieldDescriptorProto.TYPE_BOOL: "boolean",
    FieldDescriptorProto.TYPE_BYTES: "base64",
    FieldDescriptorProto.TYPE_DOUBLE: "number",
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_UINT32: "number",
    FieldDescriptorProto.TYPE_UINT64: "string of digits",
}
_NAMED: Final = {FieldDescriptorProto.TYPE_ENUM, FieldDescriptorProto.TYPE_MESSAGE}


class Contract:
    """Messages and enumerations of protos/ by name, and what is said of each of their parts."""

    def __init__(self) -> None:
        self.messages: dict[str, DescriptorProto] = {}
        self.enums: dict[str, EnumDescriptorProto] = {}
        self._said: dict[tuple[str, str], str] = {}
        for file in _described().file:
            said = {
                tuple(each.path): " ".join(each.leading_comments.split())
                for each in file.source_code_info.location
            }
            for at, message in enumerate(file.message_type):
                self.messages[message.name] = message
                self._said[message.name, ""] = said.get((_MESSAGES, at), "")
                for part, field in enumerate(message.field):
                    path = (_MESSAGES, at, _FIELDS, part)
                    self._said[message.name, field.name] = said.get(path, "")
            for at, enum in enumerate(file.enum_type):
                self.enums[enum.name] = enum
                self._said[enum.name, ""] = said.get((_ENUMS, at), "")
                for part, value in enumerate(enum.value):
                    self._said[enum.name, value.name] = said.get((_ENUMS, at, _VALUES, part), "")

    def said(self, name: str, part: str = "") -> str:
        """The comment of a message or enumeration, or of one part of it."""
        return self._said[name, part].replace("|", "\\|")

    def within(self, root: str) -> list[str]:
        """A message and everything that its fields lead to, each once, in reading order."""
        found: dict[str, None] = {}

        def visit(name: str) -> None:
            if name in found:
                return
            found[name] = None
            if name in self.messages:
                for field in self.messages[name].field:
                    if field.type in _NAMED:
                        visit(field.type_name.removeprefix(PACKAGE))

        visit(root)
        return list(found)


def _described() -> FileDescriptorSet:
    with TemporaryDirectory() as directory:
        out = Path(directory) / "described"
        files = sorted(str(each) for each in PROTOS.rglob("*.proto"))
        # protoc brings the files of google.protobuf along.
        wanted = ["", f"-I{PROTOS}", f"-I{resources.files('grpc_tools') / '_proto'}"]
        how = ["--include_source_info", f"--descriptor_set_out={out}"]
        assert protoc.main([*wanted, *how, *files]) == 0
        return FileDescriptorSet.FromString(out.read_bytes())


def draw(contract: Contract, root: str) -> str:
    """Draws one root and all that is in it, but for what an earlier root has brought."""
    earlier = ROOTS[: ROOTS.index(root)]
    drawn = {name for each in earlier for name in contract.within(each)}
    names = [name for name in contract.within(root) if name not in drawn]
    return "\n".join(line for name in names for line in _section(contract, name))


def _section(contract: Contract, name: str) -> Iterator[str]:
    yield f"\n### {name}\n\n{contract.said(name)}"
    if name in contract.enums:
        yield "\n| value | |\n|---|---|"
        for value in contract.enums[name].value:
            yield f"| `{value.name}` | {contract.said(name, value.name)} |"
    elif contract.messages[name].field:
        yield "\n| field | in JSON | |\n|---|---|---|"
        for field in contract.messages[name].field:
            yield f"| `{field.name}` | {_in_json(field)} | {contract.said(name, field.name)} |"


def _in_json(field: FieldDescriptorProto) -> str:
    if field.type in _NAMED:
        name = field.type_name.removeprefix(PACKAGE)
        word = f"[{name}](#{name.lower()})"
    else:
        word = _WORDS[field.type]
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"list of {word}"
    return f"{word}, or missing" if field.proto3_optional else word


def redrawn(page: str) -> str:
    """The page with every marked block as the contract has it."""
    contract = Contract()

    def block(found: re.Match[str]) -> str:
        root = found.group(1)
        return f"<!-- drawn: {root} -->\n{draw(contract, root)}\n\n<!-- end -->"

    return BLOCK.sub(block, page)


if __name__ == "__main__":
    PAGE.write_text(redrawn(PAGE.read_text()))
