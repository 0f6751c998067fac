#!/usr/bin/env python3
"""Holds openapi.yaml against the table of routes and the tables of fields: check.py DESCRIBE YAML

Prints every difference; exit status 1 when there is one.
"""
import json
import re
import subprocess
import sys

import jsonschema
import yaml

METHODS = {"get", "post", "put", "patch", "delete"}
faults = []


def expect(where, what, table, document):
    if table != document:
        faults.append(f"{where}: {what} is {table!r} in the tables, {document!r} in the document")


def resolve(document, node):
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def refs(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def check_query(where, route, operation, document):
    documented = {p["name"]: p for p in (resolve(document, p) for p in operation.get("parameters", []))
                  if p["in"] == "query"}
    query = route["query"] or {"properties": {}, "required": []}
    known = set(query["properties"])
    if route["scope"] and route["method"] == "get" and route["status"] != 501:
        known.add("min_revision")
    expect(where, "query keys", sorted(known), sorted(documented))
    for name, schema in query["properties"].items():
        p = documented.get(name)
        if not p:
            continue
        expect(where, f"required {name}", name in query["required"], p.get("required", False))
        expect(where, f"text of {name}", schema.get("description"), p.get("description"))
        for key, value in schema.items():
            if key == "type" and isinstance(value, list):
                value = value[0]
            if key == "enum":
                value = [v for v in value if v is not None]
            if key != "description":
                expect(where, f"{key} of {name}", value, p["schema"].get(key))


def check_body(where, route, operation, document):
    body = operation.get("requestBody")
    expect(where, "takes a body", route["takes_body"], body is not None)
    if not body or not route["takes_body"]:
        return
    expect(where, "needs a body", route["body_required"], body.get("required", False))
    if route["body_table"]:
        ref = body["content"]["application/json"]["schema"]["$ref"]
        expect(where, "body", route["body_table"], ref.rsplit("/", 1)[1])


def check_route(route, document):
    where = f"{route['method'].upper()} {route['path']}"
    path = re.sub(r"\{(\w+)\*\}", r"{\1}", route["path"])
    operation = document["paths"].get(path, {}).get(route["method"])
    if not operation:
        faults.append(f"{where} is not in the document")
        return
    expect(where, "operationId", route["id"], operation["operationId"])
    expect(where, "tag", [route["tag"]], operation["tags"])
    expect(where, "summary", route["summary"], operation["summary"])
    expect(where, "scope", route["scope"], operation.get("x-scope"))
    expect(where, "problems", route["errors"], operation.get("x-problems", []))
    expect(where, f"answers {route['status']}", True, str(route["status"]) in operation["responses"])
    expect(where, "answers with problems", True, "default" in operation["responses"])
    captures = re.findall(r"\{(\w+)\*?\}", route["path"])
    named = [p["name"] for p in document["paths"][path].get("parameters", []) if p["in"] == "path"]
    expect(where, "captures", captures, named)
    if route["status"] < 300 and route["status"] != 204:
        content = operation["responses"][str(route["status"])]["content"]
        expect(where, f"sends {route['answer_type']}", True, route["answer_type"] in content)
    check_query(where, route, operation, document)
    check_body(where, route, operation, document)
    if route["status"] < 300 and "x-curl" not in operation:
        faults.append(f"{where} has no example (x-curl)")


def main():
    tables = json.loads(subprocess.check_output([sys.argv[1]]))
    with open(sys.argv[2], encoding="ascii") as file:
        document = yaml.safe_load(file)
    for route in tables["routes"]:
        check_route(route, document)
    known = {(r["method"], re.sub(r"\{(\w+)\*\}", r"{\1}", r["path"])) for r in tables["routes"]}
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            if (method, path) not in known and not item[method].get("x-elsewhere"):
                faults.append(f"{method.upper()} {path} is in the document and not in the table")
    schemas = document["components"]["schemas"]
    for name, schema in tables["tables"].items():
        if schemas.get(name) != schema:
            faults.append(f"the schema {name} is not that of its table: run scripts/openapi_tables.py")
    for name, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
    for ref in set(refs(document)):
        resolve(document, {"$ref": ref})
    problems = {p for r in tables["routes"] for p in r["errors"]}
    for slug in problems - set(tables["problems"]):
        faults.append(f"{slug} is no problem")
    print("\n".join(faults) or f"{len(tables['routes'])} routes, {len(tables['tables'])} tables: all as described")
    sys.exit(bool(faults))


main()
