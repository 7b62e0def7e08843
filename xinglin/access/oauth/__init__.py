"""OAuth 2.1 and OpenID Connect with SMART App Launch 2.2: applications, what people granted them, codes, tokens, signing keys.

Rules are small functions here; the machine endpoints are the door `smart`, the pages the capability `applications`. All state is Papers.
"""
