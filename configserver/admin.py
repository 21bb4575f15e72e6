"""The Configuration Server in the administration. Persons are registered above, with what the portal knows of them."""

from django.contrib import admin

from configserver import admin_directories as admin_directories
from configserver import admin_packages as admin_packages
from configserver.admin_roles import PermissionAdmin, RoleAdmin
from configserver.admin_tenants import TenantAdmin
from configserver.models import Permission, Role, Tenant

admin.site.register(Tenant, TenantAdmin)
admin.site.register(Role, RoleAdmin)
admin.site.register(Permission, PermissionAdmin)
