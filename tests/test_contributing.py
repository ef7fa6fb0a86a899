"""What CONTRIBUTING says is so: its files are there, and its commands are those that CI runs."""

import re

from wheels import ROOT

CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
FOLDERS = "genreply_cli", "tests", "transcripts", ".ci", ".github"


def named_paths() -> set[str]:
    """The paths of this repository that CONTRIBUTING names, in code or in commands."""
    text = CONTRIBUTING.replace("```", "")
    words = {word for code in re.findall(r"`([^`\n]+)`", text) for word in code.split()}
    return {word.partition("::")[0] for word in words if word.split("/")[0] in FOLDERS}


def test_each_file_that_it_names_is_there() -> None:
    assert len(named_paths()) > 15
    assert [path for path in sorted(named_paths()) if not (ROOT / path).exists()] == []


def test_the_modules_that_it_runs_are_there() -> None:
    modules = set(re.findall(r"-m (genreply_cli\.[\w.]+)", CONTRIBUTING))
    assert modules
    assert all((ROOT / f"{module.replace('.', '/')}.py").exists() for module in modules)


def test_the_workflow_runs_what_ci_runs() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "- run: .ci/run\n" in workflow
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100
