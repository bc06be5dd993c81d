"""What the README shows is what happens."""

import re
from pathlib import Path

from click.testing import CliRunner

from relucid.analyzer.cli import main

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def test_the_table_is_what_the_demo_prints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 0, result.output
    shown = re.search(r"relucid demo\n(.*?)```", README, re.DOTALL).group(1).strip().splitlines()
    printed = [line.rstrip() for line in result.output.strip().splitlines()]
    runtime = re.compile(r"onnxruntime \S+")
    assert [runtime.sub("", line) for line in shown] == [runtime.sub("", line) for line in printed]
    assert (tmp_path / "relucid-report" / "report.html").exists()


def test_both_commands_stand_there():
    assert 'pip install ".[cpu]" && relucid demo' in README
    assert 'pip install -c constraints.txt -e ".[cpu,torch,test]" && pytest' in README


def test_every_file_it_links_to_exists():
    root = Path(__file__).resolve().parents[1]
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (root / link).exists()] == []


def test_every_command_it_names_exists():
    blocks = re.findall(r"^```\w*\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    named = {name for block in blocks for name in re.findall(r"^relucid +(\w+)", block, re.MULTILINE)}
    assert named <= set(main.list_commands(None))
    assert "analyze" in named
