"""Finds the functions of C++ text by counting braces; no parser, so exact only for formatted code."""
import re

TYPE_HEAD = re.compile(
    r'^\s*(\[\[[^\]]*\]\]\s*)*(template\b.*>\s*)?(inline\s+)?(namespace|class|struct|union|enum|extern\s*"")',
    re.DOTALL)
ACCESS = ("public:", "private:", "protected:")
TOKEN = re.compile(
    r'R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'                          # string
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"          # character, but no digit separator
    r"|//[^\n]*|/\*.*?\*/"                           # comments
    r"|^[ ]*\#(?:[^\n\\]|\\\n|\\[^\n])*",            # preprocessor lines with their continuations
    re.DOTALL | re.MULTILINE)


def without_text(source):
    """The source with strings, comments and preprocessor lines blanked; line breaks stay."""
    def blank(found):
        text = found.group()
        filled = '""' if text[0] in "\"R'" else " "
        return filled + "\n" * text.count("\n")
    return TOKEN.sub(blank, source)


def kind_of(head):
    """What a brace opens, judged by the text in front of it; a TEST_CASE counts as a function."""
    if TYPE_HEAD.match(head) or not head.strip():
        return "scope"
    return "function" if "(" in head and not head.rstrip().endswith("=") else "other"


def functions(source):
    """Yields (first line, lines from the opening to the closing brace, signature) of every outermost function."""
    line, head, head_line = 1, "", 1
    stack = []  # of each open brace: "scope", "function" or "other"
    begun = (0, 0, "")
    for char in without_text(source):
        if char == "{":
            inside = "function" in stack or "other" in stack
            kind = "other" if inside else kind_of(head)
            if kind == "function":
                begun = (head_line, line, " ".join(head.split()))
            stack.append(kind)
        elif char == "}":
            if stack and stack.pop() == "function":
                yield begun[0], line - begun[1] + 1, begun[2]
        if char in "{};":
            head = ""
        elif head or not char.isspace():
            head_line = head_line if head else line
            head += char
            head = "" if head in ACCESS else head
        if char == "\n":
            line += 1


def long_functions(source, limit):
    for first_line, length, signature in functions(source):
        if length > limit:
            yield first_line, length, signature[:60]
