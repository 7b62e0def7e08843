"""FHIR XML <-> the dict of FHIR JSON, by the R4 definitions. Source: https://hl7.org/fhir/R4/xml.html, https://hl7.org/fhir/R4/json.html"""

from xinglin.fhir.xml.reader import from_xml
from xinglin.fhir.xml.writer import to_xml

__all__ = ["from_xml", "to_xml"]
