"""The Configuration Server in the administration."""

from configserver import admin_directories as admin_directories
