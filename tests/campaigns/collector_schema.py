"""Let schemathesis look for answers that the description of the collector does not allow, and for errors of the server.

`python tests/campaigns/collector_schema.py [examples]` needs the extra `campaign`.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from collectors import start_collector

HERE = Path(__file__).parent

LEFT_OUT = "^/api/v1/keys/"
"""Revoking keys at random would end the campaign with its own one."""


# Texts such as times, node ids and documents have a syntax that the description does not express: 400 is right for them.


def main() -> None:
    """Run the campaign."""
    examples = sys.argv[1] if len(sys.argv) > 1 else "100"
    folder = Path(tempfile.mkdtemp(prefix="insight-schema-"))
    folder.chmod(0o755)
    collector = start_collector(folder, "--requests-per-minute", "0")
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{collector.url}/openapi.json",
        "-H", f"Authorization: Bearer {collector.key}", "--max-examples", examples, "--seed", "1",
        "--exclude-path-regex", LEFT_OUT, "--request-timeout", "60", "--continue-on-failure",
        "--exclude-checks", "positive_data_acceptance",
    ]  # fmt: skip
    environ = os.environ | {"PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "collector_schema_hooks"}
    try:
        code = subprocess.run(command, env=environ, cwd=folder, check=False).returncode
    finally:
        collector.stop()
    print((folder / "serve.err").read_text()[-2000:])
    raise SystemExit(code)


if __name__ == "__main__":
    main()
