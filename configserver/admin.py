"""The Configuration Server in the administration."""

from configserver import admin_directories as admin_directories
from configserver import admin_packages as admin_packages
