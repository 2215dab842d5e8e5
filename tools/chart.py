"""What in the chart is generated: its copy of the CRDs, values.schema.json, the README's table.

    python tools/chart.py          from crds/, the operator's Config, and values.yaml

Helm would follow a symbolic link to crds/, but Flux leaves links out: so the chart has a copy.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lingraft_operator.config import Config
from tools.chart_values import Values

ROOT = Path(__file__).parents[1]
CHART = ROOT / "helm" / "lingraft"
COMPUTED = {"trainerImage", "imagePullPolicy", "release", "proxy"}
"""What the chart's templates put into config.yaml themselves."""
MARK = "<!-- Below: written by tools/chart.py from values.schema.json and values.yaml. -->"

Schema = dict[str, Any]


def values_schema() -> Schema:
    """The JSON schema of values.yaml: what Config has, and what the chart adds."""
    config, values = (model.model_json_schema(by_alias=True) for model in (Config, Values))
    definitions = config["$defs"] | values["$defs"]
    fields = config["properties"] | values["properties"]
    schema = values | {"properties": {n: f for n, f in fields.items() if n not in COMPUTED}}
    del schema["$defs"]
    schema["description"] = "Values of the lingraft chart."
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return draft | _plain(schema, definitions)


def _plain(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """The same schema without references and `anyOf` null: Helm's complaints are shorter then.

    Titles and defaults go: the one repeats the name, the other stands in values.yaml.
    """
    node = dict(node)
    if reference := node.pop("$ref", ""):
        node = definitions[reference.rpartition("/")[2]] | node
    if options := node.pop("anyOf", None):
        (one,) = (option for option in options if option != {"type": "null"})
        node = _plain(one, definitions) | node
        node["type"] = [node["type"], "null"]
        if "enum" in node:
            node["enum"] = [*node["enum"], None]
    for key in ("title", "default"):
        node.pop(key, None)
    if "properties" in node:
        fields = node["properties"].items()
        node["properties"] = {name: _plain(field, definitions) for name, field in fields}
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            node[key] = _plain(node[key], definitions)
    return node


def values_table(schema: Schema, values: Schema) -> str:
    """The values as a Markdown table, in the way of helm-docs."""
    rows = [("Key", "Type", "Default", "Description"), ("---",) * 4, *_rows(schema, values)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _rows(schema: Schema, values: Any, path: str = "") -> Iterator[tuple[str, str, str, str]]:
    fields = schema["properties"]
    known = values if isinstance(values, dict) else {}
    for name in sorted(fields):
        field, key = fields[name], f"{path}{name}"
        kinds = [kind for kind in _as_list(field["type"]) if kind != "null"]
        if "properties" in field:
            yield from _rows(field, known.get(name), f"{key}.")
        else:
            default = f"`{json.dumps(known[name])}`" if known.get(name) is not None else ""
            description = field["description"].replace("|", "\\|").replace("*", "\\*")
            yield f"`{key}`", " or ".join(kinds), default, description


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def readme(text: str, schema: Schema, values: Schema) -> str:
    """The chart's README with its table anew."""
    head, _, _ = text.partition(MARK)
    return f"{head}{MARK}\n\n{values_table(schema, values)}"


def generated() -> dict[Path, bytes]:
    """Every generated file of the chart with its content."""
    schema = values_schema()
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    page = CHART / "README.md"
    files = {
        CHART / "values.schema.json": (json.dumps(schema, indent=2) + "\n").encode(),
        page: readme(page.read_text(), schema, values).encode(),
    }
    for crd in sorted((ROOT / "crds").glob("*.yaml")):
        files[CHART / "files" / "crds" / crd.name] = crd.read_bytes()
    return files


def main() -> int:
    """Write them."""
    for path, content in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
