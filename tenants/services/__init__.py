"""The verbs of this app. Every write to companies, roles, privileges and permissions goes through one of them."""

from tenants.services.company import CompanyDraft, change_company, create_company, delete_company
from tenants.services.permission import (
    PermissionDraft,
    change_permission,
    create_permission,
    delete_permission,
)
from tenants.services.privilege import PrivilegeDraft, change_privilege, create_privilege, delete_privilege
from tenants.services.role import RoleDraft, change_role, create_role, delete_role, rights_of_role

__all__ = [
    "CompanyDraft",
    "PermissionDraft",
    "PrivilegeDraft",
    "RoleDraft",
    "change_company",
    "change_permission",
    "change_privilege",
    "change_role",
    "create_company",
    "create_permission",
    "create_privilege",
    "create_role",
    "delete_company",
    "delete_permission",
    "delete_privilege",
    "delete_role",
    "rights_of_role",
]
