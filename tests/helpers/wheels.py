"""The wheel of genreply: built, and installed into an environment of its own."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


class Installation:
    """A virtual environment with genreply's wheel, which has been built from this source tree.

    It has no dependencies of its own: type checkers and programs that look into it find those of
    the interpreter that runs the tests, behind the wheel.
    """

    def __init__(self, folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
        subprocess.run([*pip, *build, str(ROOT)], check=True)
        (self.wheel,) = folder.glob("*.whl")
        environment = folder / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
        self.python = environment / "bin" / "python"
        (self.packages,) = environment.glob("lib/*/site-packages")
        subprocess.run(
            [*pip, "install", "--no-deps", "--target", self.packages, self.wheel], check=True
        )
        (self.packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def files(self) -> set[str]:
        """The names of all files in the wheel."""
        with zipfile.ZipFile(self.wheel) as archive:
            return set(archive.namelist())
