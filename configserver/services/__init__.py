"""The verbs of the Configuration Server. Every write to its rows goes through one of them."""

from configserver.services.directory import (
    DirectoryDraft,
    change_directory,
    create_directory,
    delete_directory,
)
from configserver.services.package import (
    Plan,
    apply_package,
    plan_package,
    plan_roll_back,
    roll_back_package,
)
from configserver.services.package_refusals import BadPackage
from configserver.services.permission import (
    PermissionDraft,
    change_permission,
    create_permission,
    delete_permission,
)
from configserver.services.person import (
    PersonDraft,
    change_person,
    create_person,
    delete_person,
    forget_entry,
    give_password,
)
from configserver.services.role import RoleDraft, change_role, create_role, delete_role
from configserver.services.tenant import TenantDraft, change_tenant, create_tenant, delete_tenant

__all__ = [
    "BadPackage",
    "DirectoryDraft",
    "PermissionDraft",
    "PersonDraft",
    "Plan",
    "RoleDraft",
    "TenantDraft",
    "apply_package",
    "change_directory",
    "change_permission",
    "change_person",
    "change_role",
    "change_tenant",
    "create_directory",
    "create_permission",
    "create_person",
    "create_role",
    "create_tenant",
    "delete_directory",
    "delete_permission",
    "delete_person",
    "delete_role",
    "delete_tenant",
    "forget_entry",
    "give_password",
    "plan_package",
    "plan_roll_back",
    "roll_back_package",
]
