"""XML as `base.xmltree` reads and writes it, under the name the registry's formats know it by."""

from trialbridge.base.xmltree import add, check, child_text, local_name, parse, serialize

__all__ = ["add", "check", "child_text", "local_name", "parse", "serialize"]
