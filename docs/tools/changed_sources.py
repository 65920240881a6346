"""Print the files whose types `make check` looks at: what changed in the last commit and since, and what imports it.

python docs/tools/changed_sources.py

A changed signature is wrong where it is used, so the files that import a changed one are part of it. If git does not
know what changed, as in a copy without history, these are all files.
"""

import subprocess
from pathlib import Path

from circles import Graph, import_graph
from tree import ROOT, read_tree


def list_changed(root: Path = ROOT) -> set[str] | None:
    """Return the paths of files that changed in the last commit and since, new ones too; None if git does not know."""
    changed = _git(root, "diff", "--name-only", "--diff-filter=d", "HEAD~1")
    new = _git(root, "ls-files", "--others", "--exclude-standard")
    return None if changed is None or new is None else {*changed, *new}


def add_importers(changed: set[str] | None, graph: Graph) -> list[str]:
    """Return the changed files of a graph, and those that import them; all files if it is not known what changed."""
    if changed is None:
        return sorted(graph)
    return sorted(name for name, imported in graph.items() if name in changed or imported & changed)


def _git(root: Path, *arguments: str) -> list[str] | None:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else None


if __name__ == "__main__":
    tree = read_tree(ROOT)
    print("\n".join(add_importers(list_changed(), import_graph(tree.package))))
