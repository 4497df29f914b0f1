"""params.yaml with other values and every other byte as it was."""

import json
import re
from collections.abc import Mapping

import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node

from pipelines.contracts.tune import Value
from pipelines.errors import BadParameter

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESERVED = {"null", "true", "false"}
TUNED = re.compile(r" *# tuned [^;\n]*(; )?")
"""What an earlier search has left behind a section's name; a person's own words come after it."""


def edited(text: str, values: Mapping[str, str]) -> str:
    """The text with some values replaced: only their own characters change.

    Args:
        text: YAML.
        values: YAML texts by dotted key.

    Raises:
        BadParameter: A key is not there, or is a section of several lines.
    """
    root = YAML(pure=True).compose(text)
    spans = sorted(
        ((_node(root, key), new) for key, new in values.items()),
        key=lambda span: span[0].start_mark.index,
        reverse=True,  # from the end on, so that earlier places stay where they are
    )
    for node, new in spans:
        text = text[: node.start_mark.index] + new + text[node.end_mark.index :]
    return text


def annotated(text: str, family: str, origin: str) -> str:
    """The text with a comment behind the family's name that says where its values are from."""

    def noted(line: re.Match[str]) -> str:
        own = TUNED.sub("", line[2]).lstrip(" #")
        return f"{line[1]} # tuned {origin}" + (f"; {own}" if own else "")

    return re.sub(rf"^({re.escape(family)}:)(.*)$", noted, text, count=1, flags=re.MULTILINE)


def yaml_text(value: Value) -> str:
    """A value as YAML, floats without an exponent."""
    if isinstance(value, float):
        return np.format_float_positional(value, trim="0")
    if isinstance(value, str) and PLAIN.fullmatch(value) and value not in RESERVED:
        return value
    return json.dumps(value, ensure_ascii=False)


def _node(root: Node | None, key: str) -> Node:
    node = root
    for part in key.split("."):
        pairs = node.value if isinstance(node, MappingNode) else []
        node = next((value for name, value in pairs if name.value == part), None)
    if node is None:
        raise BadParameter(f"unknown key {key}", where=["params.yaml"])
    if isinstance(node, CollectionNode) and not node.flow_style:
        raise BadParameter(f"{key} is a section", hint="give its values one by one")
    return node
