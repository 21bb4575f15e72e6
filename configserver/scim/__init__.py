"""The SCIM server (RFC 7643, RFC 7644)."""

PATH = "/scim/v2"  # below PUBLIC_URL
