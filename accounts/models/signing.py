"""The key pairs that sign our tokens."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.sealed import NOTHING, SealedField
from tenants.models import Kind
from tenants.rules import OF_INSTALLATION


class SigningKey(models.Model):
    """One key pair. Where it stands (published, active, retired) follows from when it and its successor become active."""

    scope_kind = Kind.SIGNING_KEY
    scope_path = OF_INSTALLATION

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.PositiveIntegerField(_("number"), unique=True)  # of two made at once, one is kept
    kid = models.CharField(_("key id"), max_length=64, unique=True)  # RFC 7638
    private = SealedField()  # PKCS #8, DER; erased once nothing that it signed holds
    public = models.JSONField(_("public key"))  # RFC 7517
    # Its RSA half, for clients of OpenID Connect that know RS256 alone; made when the first of them needs it, and kept as the other one is.
    rsa_kid = models.CharField(max_length=64, unique=True, null=True)  # noqa: DJ001  (NULL: none; unique otherwise)
    rsa_private = SealedField(default=NOTHING, db_default="")
    created_at = models.DateTimeField(_("published"))
    active_from = models.DateTimeField(_("active from"))
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    class Meta:
        verbose_name = _("signing key")
        verbose_name_plural = _("signing keys")
        ordering = ("-number",)

    def __str__(self) -> str:
        return self.kid[:12]
