#!/usr/bin/env python3
"""Strips MAVLink XML definitions down to facts: ids, types, order, array lengths, extension markers, enum entries, units.

usage: strip.py DEFINITIONS_DIR OUT_DIR DIALECT...
Every dialect named is written, and every file that it includes.
"""
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

MESSAGE_KEYS = ("id", "name")
FIELD_KEYS = ("type", "name", "enum", "units", "display", "invalid")
ENTRY_KEYS = ("value", "name")


def attributes(element, keys):
    return "".join(f' {key}="{escape(element.get(key))}"' for key in keys if element.get(key) is not None)


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def strip(path, out, seen):
    if path.name in seen:
        return
    seen.add(path.name)
    root = ET.parse(path).getroot()
    lines = ['<?xml version="1.0"?>', "<mavlink>"]
    for include in root.findall("include"):
        lines.append(f"<include>{include.text.strip()}</include>")
        strip(path.parent / include.text.strip(), out, seen)
    for tag in ("version", "dialect"):
        if root.find(tag) is not None:
            lines.append(f"<{tag}>{root.find(tag).text.strip()}</{tag}>")
    lines.append("<enums>")
    for enum in root.iterfind("enums/enum"):
        bitmask = ' bitmask="true"' if enum.get("bitmask") == "true" else ""
        lines.append(f'<enum name="{enum.get("name")}"{bitmask}>')
        lines += [f"<entry{attributes(entry, ENTRY_KEYS)}/>" for entry in enum.iterfind("entry")]
        lines.append("</enum>")
    lines += ["</enums>", "<messages>"]
    for message in root.iterfind("messages/message"):
        lines.append(f"<message{attributes(message, MESSAGE_KEYS)}>")
        for child in message:
            if child.tag == "field":
                lines.append(f"<field{attributes(child, FIELD_KEYS)}/>")
            elif child.tag == "extensions":
                lines.append("<extensions/>")
        lines.append("</message>")
    lines += ["</messages>", "</mavlink>", ""]
    (out / path.name).write_text("\n".join(lines))


if __name__ == "__main__":
    definitions, out, dialects = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    seen = set()
    for dialect in dialects:
        strip(definitions / f"{dialect}.xml", out, seen)
