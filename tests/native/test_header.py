"""Every declaration in runtime.h agrees with the official onnxruntime header, if that is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).resolve().parents[2] / "analyzer" / "native"
PLACES = ("/usr/include/onnxruntime", "/usr/local/include/onnxruntime", "/usr/include", "/usr/local/include")
PROGRAM = r"""
#include <onnxruntime_c_api.h>
#include "runtime.h"

#include <type_traits>

// Each function has its index and a type that converts to ours (only "noexcept" is left out).
#define CHECK_FUNCTION(name, place, result, parameters)                                        \
  static_assert(offsetof(OrtApi, name) == relucid::runtime::k##name * sizeof(void*), #name);   \
  static_assert(std::is_convertible_v<decltype(OrtApi::name), relucid::runtime::name##Function>, #name);
RELUCID_RUNTIME_FUNCTIONS(CHECK_FUNCTION)

// The one that takes our own structure for theirs.
static_assert(offsetof(OrtApi, CustomOpDomain_Add) == relucid::runtime::kCustomOpDomain_Add * sizeof(void*));

#define CHECK_MEMBER(official, ours, member)                                                                 \
  static_assert(offsetof(official, member) == offsetof(relucid::runtime::ours, member), #official "." #member); \
  static_assert(sizeof(official::member) == sizeof(relucid::runtime::ours::member), #official "." #member);
CHECK_MEMBER(OrtApiBase, ApiBase, GetApi)
CHECK_MEMBER(OrtApiBase, ApiBase, GetVersionString)
CHECK_MEMBER(OrtAllocator, Allocator, version)
CHECK_MEMBER(OrtAllocator, Allocator, Alloc)
CHECK_MEMBER(OrtAllocator, Allocator, Free)
#define CHECK_OP(member) CHECK_MEMBER(OrtCustomOp, CustomOp, member)
%s
static_assert(sizeof(OrtCustomOp) >= sizeof(relucid::runtime::CustomOp));
static_assert(ORT_API_VERSION >= relucid::runtime::kVersion);
%s
int main() {}
"""


def header() -> Path:
    """The folder of the official header; RELUCID_ORT_INCLUDE names another than the system's."""
    for place in (os.environ.get("RELUCID_ORT_INCLUDE", ""), *PLACES):
        if place and (Path(place) / "onnxruntime_c_api.h").is_file():
            return Path(place)
    pytest.skip("no official header here: onnxruntime_c_api.h (Debian: libonnxruntime-dev), or RELUCID_ORT_INCLUDE")


def declared() -> tuple[list[str], dict[str, str]]:
    """Members of our CustomOp, and values of our enumerators, as declared in runtime.h."""
    text = (NATIVE / "runtime.h").read_text()
    body = text[text.index("struct CustomOp {") :]
    members = [line.split("(*")[1].split(")")[0] for line in body[: body.index("};")].splitlines() if "(*" in line]
    enums = text[text.index("#ifndef ORT_API_VERSION") : text.index("#endif")]
    values: dict[str, str] = {}
    for block in enums.split("enum ")[1:]:
        number = -1
        for entry in block[block.index("{") + 1 : block.index("}")].split(","):
            name, _, value = (part.strip() for part in entry.partition("="))
            if name:
                number = int(value) if value else number + 1
                values[name] = str(number)
    return members, values


def compiled(folder: Path, program: str, include: Path) -> subprocess.CompletedProcess[str]:
    compiler = shutil.which("c++") or pytest.skip("no C++ compiler here")
    (folder / "check.cc").write_text(program)
    command = [compiler, "-std=c++17", "-fsyntax-only", f"-I{NATIVE}", f"-I{include}", str(folder / "check.cc")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def program() -> str:
    members, values = declared()
    assert len(members) == 25
    assert values["ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16"] == "16"
    return PROGRAM % (
        "\n".join(f"CHECK_OP({member})" for member in ["version", *members]),
        "\n".join(f"static_assert({name} == {value});" for name, value in values.items()),
    )


def test_every_line_is_that_of_the_official_header(tmp_path: Path) -> None:
    result = compiled(tmp_path, program(), header())
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("ours", "wrong"),
    [
        ("CustomOpDomain_Add) == ", "CustomOpDomain_Add) == 8 + "),
        ("CHECK_OP(KernelDestroy)", "CHECK_OP(KernelDestroys)"),
        ("ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16 == 16", "ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16 == 15"),
    ],
)
def test_a_wrong_line_is_seen(tmp_path: Path, ours: str, wrong: str) -> None:
    include = header()
    text = program()
    assert ours in text
    assert compiled(tmp_path, text.replace(ours, wrong), include).returncode != 0
