"""Write the published JSON schemas from the types; a test fails when they drift."""

import json
from pathlib import Path

from backend_expert.model import system_file
from backend_expert.review import result

for module, name, schema in (
    (system_file, "system.schema.json", system_file.json_schema()),
    (result, "result.schema.json", result.json_schema()),
):
    target = Path(module.__file__).with_name(name)
    target.write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(target)
