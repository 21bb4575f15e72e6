"""The verbs of the Configuration Server. Every write to its rows goes through one of them."""

from configserver.services.applying import apply_import, import_people
from configserver.services.directory import (
    DirectoryDraft,
    change_directory,
    create_directory,
    delete_directory,
    make_token,
)
from configserver.services.group import GroupDraft, Members, change_group, create_group, delete_group
from configserver.services.importing import plan_import, summary_of, unfinished
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
from configserver.services.portal import admit_portal, dismiss_portal
from configserver.services.role import RoleDraft, change_role, create_role, delete_role
from configserver.services.tenant import TenantDraft, change_tenant, create_tenant, delete_tenant

__all__ = [
    "BadPackage",
    "DirectoryDraft",
    "GroupDraft",
    "Members",
    "PermissionDraft",
    "PersonDraft",
    "Plan",
    "RoleDraft",
    "TenantDraft",
    "admit_portal",
    "apply_import",
    "apply_package",
    "change_directory",
    "change_group",
    "change_permission",
    "change_person",
    "change_role",
    "change_tenant",
    "create_directory",
    "create_group",
    "create_permission",
    "create_person",
    "create_role",
    "create_tenant",
    "delete_directory",
    "delete_group",
    "delete_permission",
    "delete_person",
    "delete_role",
    "delete_tenant",
    "dismiss_portal",
    "forget_entry",
    "give_password",
    "import_people",
    "make_token",
    "plan_import",
    "plan_package",
    "plan_roll_back",
    "roll_back_package",
    "summary_of",
    "unfinished",
]
