"""What clients discover. Sources: SMART App Launch 2.2 (.well-known/smart-configuration), OpenID Connect Discovery 1.0, RFC 8414."""

from __future__ import annotations

from typing import Any

from xinglin.access.oauth.applications import ASSERTION_ALGORITHMS
from xinglin.access.oauth.keys import ALGORITHM
from xinglin.access.oauth.scopes import PLAIN

CAPABILITIES = (
    "launch-ehr", "launch-standalone", "client-public", "client-confidential-symmetric", "client-confidential-asymmetric",
    "sso-openid-connect", "context-banner", "context-ehr-patient", "context-ehr-encounter", "context-standalone-patient",
    "permission-offline", "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2",
)  # fmt: skip
_PROVED = ("client_secret_basic", "client_secret_post", "private_key_jwt")
_SCOPES = (*PLAIN, "patient/*.cruds", "user/*.cruds", "system/*.rs")


def smart_configuration(issuer: str) -> dict[str, Any]:
    """The SMART configuration of the FHIR server at `issuer`/fhir."""
    return {**_endpoints(issuer), "capabilities": CAPABILITIES, "management_endpoint": f"{issuer}/applications/granted"}


def openid_configuration(issuer: str) -> dict[str, Any]:
    """The OpenID provider's metadata."""
    return {
        **_endpoints(issuer),
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "subject_types_supported": ("public",),
        "id_token_signing_alg_values_supported": (ALGORITHM,),
        "response_modes_supported": ("query",),
        "claims_supported": ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "name", "fhirUser"),
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "claims_parameter_supported": False,
    }


def _endpoints(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "token_endpoint_auth_methods_supported": (*_PROVED, "none"),
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "introspection_endpoint_auth_methods_supported": _PROVED,
        "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "revocation_endpoint_auth_methods_supported": (*_PROVED, "none"),
        "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "grant_types_supported": ("authorization_code", "refresh_token", "client_credentials"),
        "response_types_supported": ("code",),
        "code_challenge_methods_supported": ("S256",),
        "scopes_supported": _SCOPES,
        "authorization_response_iss_parameter_supported": True,
    }
