"""What a person sees of a page, and the forms that can be sent from it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"input", "meta", "link", "br", "img", "hr", "path"}


@dataclass
class Form:
    """One form as the browser would send it."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """A page, read once: its heading, its text, what it complains about, and its forms."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.errors: list[str] = []
        self.notes: list[str] = []
        self.text = ""
        self.heading = ""
        self._stack: list[tuple[str, str]] = []
        self._form: Form | None = None
        self.feed(html)
        self.text = " ".join(self.text.split())
        self.heading = " ".join(self.heading.split())

    def form_to(self, action: str) -> Form | None:
        """The form that is sent to this address."""
        return next((form for form in self.forms if form.action == action), None)

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        """Note what matters of a tag."""
        attributes = {name: value or "" for name, value in given}
        kind = ""
        names = attributes.get("class", "").split()
        told = tag == "li" and "note" in names and "success" not in names  # a message that is no praise
        if "errorlist" in names or attributes.get("role") == "alert" or told:
            kind = "error"
        elif attributes.get("role") == "status":
            kind = "note"
        if tag not in _VOID:
            self._stack.append((tag, kind))
        if kind:
            (self.errors if kind == "error" else self.notes).append("")
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag == "form":
            self._form = Form(action=attributes.get("action", ""), method=attributes.get("method", "get"))
            self.forms.append(self._form)
        if tag == "input" and self._form is not None and "name" in attributes:
            self._note_input(self._form, attributes)

    def _note_input(self, form: Form, attributes: dict[str, str]) -> None:
        name, value = attributes["name"], attributes.get("value", "")
        if attributes.get("type") in {"radio", "checkbox"}:
            form.choices.setdefault(name, []).append(value)
            if "checked" in attributes:
                form.values[name] = attributes.get("value", "on")
        else:
            form.values[name] = value

    def handle_endtag(self, tag: str) -> None:
        """Close it."""
        if tag == "form":
            self._form = None
        while self._stack:
            if self._stack.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        """Text, also kept as error or note where it is one."""
        tags = {tag for tag, _kind in self._stack}
        if tags & {"script", "style", "title"}:
            return
        self.text += f" {data}"
        if "h1" in tags:
            self.heading += data
        if "button" in tags and self._form is not None and data.strip():
            self._form.buttons.append(data.strip())
        kinds = {kind for _tag, kind in self._stack}
        if "error" in kinds and data.strip():
            self.errors[-1] += f" {data.strip()}"
        if "note" in kinds and data.strip():
            self.notes[-1] += f" {data.strip()}"
