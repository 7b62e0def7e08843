"""The drawn world of the terminology operations: a small code system, value sets, a map, and a way to ask."""

from typing import Any

from xinglin.fhir.terminology import Terminology

DX = "urn:test:dx"
OLD = "urn:test:old"
HEART = "urn:test:vs:heart"

I10 = {
    "code": "I10",
    "display": "特发性高血压",
    "definition": "原因不明的高血压",
    "designation": [
        {"language": "en", "value": "Essential hypertension"},
        {"language": "zh-CN", "use": {"system": "urn:use", "code": "short"}, "value": "高血压"},
    ],
    "property": [{"code": "chronic", "valueBoolean": True}, {"code": "grade", "valueInteger": 1}],
}
SYSTEM = {
    "resourceType": "CodeSystem",
    "id": "dx",
    "url": DX,
    "version": "2026",
    "name": "Diagnoses",
    "status": "active",
    "content": "complete",
    "language": "zh",
    "concept": [
        {
            "code": "I",
            "display": "循环系统疾病",
            "property": [{"code": "notSelectable", "valueBoolean": True}],
            "concept": [
                I10,
                {"code": "I21", "display": "急性心肌梗死"},
                {"code": "I99", "display": "旧码", "property": [{"code": "status", "valueCode": "retired"}]},
            ],
        },
        {"code": "E11", "display": "2型糖尿病"},
    ],
}
VALUE_SET = {
    "resourceType": "ValueSet",
    "id": "heart",
    "url": HEART,
    "version": "1",
    "status": "active",
    "compose": {"include": [{"system": DX, "filter": [{"property": "concept", "op": "is-a", "value": "I"}]}]},
}
LISTED = {
    "resourceType": "ValueSet",
    "id": "listed",
    "url": "urn:test:vs:listed",
    "status": "active",
    "compose": {"include": [{"system": DX, "concept": [{"code": "E11", "display": "糖尿病"}, {"code": "I10"}]}]},
}
MAP = {
    "resourceType": "ConceptMap",
    "id": "old-dx",
    "url": "urn:test:map",
    "status": "active",
    "sourceUri": "urn:test:vs:old",
    "targetUri": HEART,
    "group": [
        {
            "source": OLD,
            "target": DX,
            "element": [
                {"code": "401", "target": [{"code": "I10", "display": "特发性高血压", "equivalence": "wider"}]},
                {"code": "999", "target": [{"equivalence": "unmatched"}]},
                {
                    "code": "410",
                    "target": [
                        {
                            "code": "I21",
                            "equivalence": "equivalent",
                            "dependsOn": [{"property": "urn:phase", "system": "urn:p", "value": "acute"}],
                        },
                        {
                            "code": "I",
                            "equivalence": "inexact",
                            "product": [{"property": "urn:phase", "system": "urn:p", "value": "unknown"}],
                        },
                    ],
                },
            ],
            "unmapped": {"mode": "fixed", "code": "I99", "display": "旧码"},
        }
    ],
}
WORLD = Terminology([SYSTEM, VALUE_SET, LISTED, MAP])


def parameters(**given: Any) -> dict:
    kinds = {bool: "valueBoolean", int: "valueInteger", str: "valueString"}
    listed = []
    for name, value in given.items():
        if isinstance(value, dict) and "resourceType" in value:
            listed.append({"name": name, "resource": value})
        elif isinstance(value, dict):
            listed.append({"name": name, ("valueCodeableConcept" if "coding" in value or "text" in value else "valueCoding"): value})
        else:
            listed.append({"name": name, kinds[type(value)]: value})
    return {"resourceType": "Parameters", "parameter": listed}


def read(answer: dict, name: str) -> Any:
    found = [next((v for k, v in p.items() if k.startswith("value")), p.get("part")) for p in answer["parameter"] if p["name"] == name]
    return found[0] if found else None


def properties(answer: dict) -> list[tuple]:
    return [tuple(part[key] for part in p["part"] for key in part if key != "name") for p in answer["parameter"] if p["name"] == "property"]
