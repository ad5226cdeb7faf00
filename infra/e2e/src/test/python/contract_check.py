"""Checks recorded exchanges against an OpenAPI document.

Usage: contract_check.py OPENAPI.json EXCHANGES.jsonl OURS.json > report.json

An exchange is {method, path, status, response}. Beyond the schema itself, an object must have every key the schema
names and no other, because upstream writes all of them and clients have come to rely on it.
"""

import json
import re
import sys
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

# Written by upstream only where it is set.
SOMETIMES = {
    ("FleetNodesSpec", "target"),
}


def with_exact_keys():
    standard = Draft202012Validator.VALIDATORS["properties"]

    def properties(validator, properties, instance, schema):
        yield from standard(validator, properties, instance, schema)
        if not validator.is_type(instance, "object"):
            return
        title = re.sub("-(In|Out)put$", "", schema.get("title", ""))
        missing = [k for k in properties if k not in instance and (title, k) not in SOMETIMES]
        if missing:
            yield ValidationError(f"{title} lacks {missing}")
        if "additionalProperties" not in schema:
            unknown = [k for k in instance if k not in properties]
            if unknown:
                yield ValidationError(f"{title} has {unknown}, which upstream does not know")

    return extend(Draft202012Validator, {"properties": properties})


def operations(document):
    for template, methods in document["paths"].items():
        pattern = re.compile("^" + re.sub(r"\\{[^/]*?\\}", "[^/]+", re.escape(template)) + "$")
        for method, operation in methods.items():
            yield method.upper(), template, pattern, operation


def find(all_operations, method, path):
    matching = [o for o in all_operations if o[0] == method and o[2].match(path)]
    # A literal path wins over one with a placeholder.
    matching.sort(key=lambda o: o[1].count("{"))
    return matching[0] if matching else None


def problems_of_success(validator_class, document, operation, exchange):
    content = operation["responses"].get("200", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    if not schema:
        return []
    try:
        body = json.loads(exchange["response"])
    except ValueError:
        return [f"no JSON: {exchange['response'][:200]!r}"]
    whole = {"components": document["components"], **schema}
    validator = validator_class(whole, format_checker=FormatChecker())
    found = []
    for error in validator.iter_errors(body):
        for reason in reasons(error):
            where = "/".join(str(p) for p in reason.absolute_path)
            found.append(f"at {where or 'the top'}: {reason.message[:400]}")
    return found


def reasons(error):
    """Of alternatives that all fail, those of the nearest one."""
    if not error.context:
        return [error]
    branches = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).extend(reasons(inner))
    return min(branches.values(), key=lambda found: (any(r.validator in ("const", "type") for r in found), len(found)))


def problems_of_error(exchange):
    """Upstream's three shapes of an error body."""
    if exchange["status"] >= 500:
        return [f"status {exchange['status']}: {exchange['response'][:300]!r}"]
    try:
        detail = json.loads(exchange["response"])["detail"]
    except (ValueError, KeyError, TypeError):
        return [f"no detail in the error: {exchange['response'][:300]!r}"]
    if isinstance(detail, str):
        return []
    for entry in detail if isinstance(detail, list) else [detail]:
        if not isinstance(entry.get("msg"), str):
            return [f"an entry without msg: {entry}"]
        if exchange["status"] == 422:
            if not isinstance(entry.get("loc"), list) or not isinstance(entry.get("type"), str):
                return [f"an entry of a 422 without loc and type: {entry}"]
        elif "code" not in entry:
            return [f"an entry without code: {entry}"]
    return []


def check(document, exchanges, ours):
    validator_class = with_exact_keys()
    known = list(operations(document))
    violations, checked, unknown = {}, {}, set()
    for exchange in exchanges:
        path = urlsplit(exchange["path"]).path
        operation = find(known, exchange["method"], path)
        if operation is None:
            if exchange["status"] == 200:
                unknown.add(f"{exchange['method']} {path}")
            continue
        name = f"{operation[0]} {operation[1]}"
        if exchange["status"] == 200:
            checked[name] = checked.get(name, 0) + 1
            problems = problems_of_success(validator_class, document, operation[3], exchange)
        else:
            problems = problems_of_error(exchange)
        for problem in problems:
            violations.setdefault(f"{name} {exchange['status']} {problem}", exchange["path"])
    our_operations = {f"{m} {re.sub('{[^}]*}', '{}', t)}" for m, t, _, _ in operations(ours)} if ours else set()
    missing, unchecked = [], []
    for method, template, _, _ in known:
        name = f"{method} {template}"
        if f"{method} {re.sub('{[^}]*}', '{}', template)}" not in our_operations:
            missing.append(name)
        elif name not in checked:
            unchecked.append(name)
    return {
        "violations": sorted(violations),
        "checked": checked,
        "not_there_yet": sorted(missing),
        "there_but_unchecked": sorted(unchecked),
        "not_upstream": sorted(unknown),
    }


def main(openapi, recorded, ours):
    with open(openapi) as file:
        document = json.load(file)
    with open(recorded) as file:
        exchanges = [json.loads(line) for line in file if line.strip()]
    with open(ours) as file:
        our_document = json.load(file)
    json.dump(check(document, exchanges, our_document), sys.stdout, indent=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
