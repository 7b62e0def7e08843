"""What a scope means in plain words, and an application as a form describes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import unquote_plus

from xinglin.access.actor import Actor
from xinglin.access.oauth.model import Application, Auth
from xinglin.access.oauth.scopes import parse
from xinglin.base.errors import Malformed
from xinglin.capabilities.applications.model import Wish
from xinglin.kit.i18n import Phrase, t

TYPES: Mapping[str, Phrase] = {
    "*": t("Everything in the health record"),
    "AllergyIntolerance": t("Allergies"),
    "Appointment": t("Appointments"),
    "CarePlan": t("Care plans"),
    "Communication": t("Messages"),
    "Condition": t("Diagnoses and problems"),
    "Consent": t("Consents"),
    "Coverage": t("Insurance"),
    "DiagnosticReport": t("Reports of examinations"),
    "DocumentReference": t("Documents"),
    "Encounter": t("Visits and stays"),
    "Goal": t("Goals of treatment"),
    "Immunization": t("Vaccinations"),
    "Location": t("Places"),
    "MedicationRequest": t("Prescriptions"),
    "Observation": t("Measurements and results"),
    "Organization": t("Institutions"),
    "Patient": t("Name, birth date and how to be reached"),
    "Practitioner": t("Staff"),
    "Procedure": t("Operations and procedures"),
    "QuestionnaireResponse": t("Answered forms"),
}
"""Kinds of data as people say them; others are called by their FHIR name."""

DEEDS: tuple[tuple[str, Phrase], ...] = (("rs", t("look at")), ("c", t("add")), ("u", t("change")), ("d", t("delete")))

AUTHS: Mapping[Auth, Phrase] = {
    "none": t("None: an application in a browser or on a telephone (PKCE)"),
    "client_secret_basic": t("A secret, sent in the header"),
    "client_secret_post": t("A secret, sent in the form"),
    "private_key_jwt": t("Its own signature (private_key_jwt)"),
}
ROLES: Mapping[str, Phrase] = {"": t("Never: it always works for a person"), "reader": t("It reads"), "system": t("It may do everything")}


def wishes(scopes: Iterable[str]) -> tuple[Wish, ...]:
    """What scopes let an application do, one line for each kind of data and each part of it."""
    merged: dict[tuple[str, str], str] = {}
    for text in scopes:
        scope = parse(text)
        if scope is not None:
            key = (scope.type, scope.query)
            merged[key] = merged.get(key, "") + scope.letters
    return tuple(Wish(TYPES.get(type_, type_), _deeds(letters), unquote_plus(query)) for (type_, query), letters in merged.items())


def _deeds(letters: str) -> tuple[Phrase, ...]:
    return tuple(said for some, said in DEEDS if set(some) & set(letters))


def about(scopes: Iterable[str]) -> tuple[Phrase, ...]:
    """What an application learns of the person themselves."""
    said = {"openid": t("That you are signed in here"), "fhirUser": t("Who you are in the record"), "profile": t("Your name")}
    return tuple(said[scope] for scope in scopes if scope in said)


def lasts(scopes: Iterable[str]) -> Phrase:
    """How long an application is let in."""
    asked = tuple(scopes)
    if "offline_access" in asked:
        return t("Until you take it back, and at most 90 days after it was last used, also while you are away")
    if "online_access" in asked:
        return t("Until you sign out")
    return t("One hour at most")


def own_patient(actor: Actor) -> str:
    """The patient a resident's applications are about: themselves, or whom they act for; "" for staff, who choose."""
    if actor.role != "resident":
        return ""
    return actor.patient or actor.person.removeprefix("Patient/")


def described(form: Mapping[str, str]) -> Application:
    """The application a form describes; addresses and scopes stand one on a line. Raises `Malformed`."""
    named: dict[str, Auth] = {auth: auth for auth in AUTHS}
    auth, role = named.get(form.get("auth", "")), form.get("role", "")
    if auth is None or role not in ROLES:
        raise Malformed("Choose how the application proves who it is.")
    return Application(
        name=form.get("name", "").strip(),
        auth=auth,
        redirects=tuple(form.get("redirects", "").split()),
        scopes=tuple(form.get("scopes", "").split()),
        launch=form.get("launch", "").strip(),
        home=form.get("home", "").strip(),
        keys=form.get("keys", "").strip() if auth == "private_key_jwt" else "",
        keys_url=form.get("keys_url", "").strip() if auth == "private_key_jwt" else "",
        role=role,
    )
