"""What tests take from npm: pinned in tests/npm/, installed into a temporary
folder, its scripts never run."""
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def install(folder):
    """The packages and our own scripts are in `folder' afterwards."""
    if shutil.which("npm") is None:
        subprocess.run([ROOT / "tools/install-deps", "test"], check=True,
                       timeout=900)
    for path in (ROOT / "tests/npm").iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit",
                    "--no-fund", "--prefer-offline"], cwd=folder, check=True,
                   timeout=300)
    return folder
