"""Colours of a report, from the table of marks: a rule for each mark, on light and on dark pages."""

from .marks import DRAWINGS

_LIGHT = {
    "page": "#ffffff", "text": "#1f2328", "soft": "#57606a", "line": "#d0d7de", "wash": "#f6f8fa", "link": "#0550ae",
    "good": "#2f6f5f", "bad": "#b2182b", "warn": "#8a4b00", "odd": "#7b3294", "course": "#4d8f7c", "before": "#c9d1d9",
    "focus": "#0550ae", "hover": "#eef3f8",
}  # fmt: skip
_DARK = {
    "page": "#0d1117", "text": "#e6edf3", "soft": "#9198a1", "line": "#30363d", "wash": "#161b22", "link": "#79c0ff",
    "good": "#6fc3ae", "bad": "#ff7b72", "warn": "#ffb454", "odd": "#d2a8ff", "course": "#3a8674", "before": "#30363d",
    "focus": "#79c0ff", "hover": "#1c2330",
}  # fmt: skip


def color_rules() -> str:
    """Return the first rules of the style sheet."""
    words: dict[tuple[str, str], list[str]] = {}
    for word, drawing in DRAWINGS.items():
        words.setdefault((drawing.light, drawing.dark), []).append(word)
    light, dark, fills = dict(_LIGHT), dict(_DARK), ""
    for (on_light, on_dark), own in words.items():
        name = f"m-{own[0]}"
        light[name], dark[name] = on_light, on_dark
        fills += f"{','.join(f'.m-{word}' for word in own)}{{fill:var(--{name})}}"
    return (
        f":root{{color-scheme:light dark;{_variables(light)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(dark)}}}}}\n{fills}\n"
    )


def _variables(colors: dict[str, str]) -> str:
    return "".join(f"--{name}:{color};" for name, color in colors.items())
