#!/usr/bin/env python3
"""Runs one Gatehouse command: `manage.py help` lists them."""

import os
import sys

from portal import commandline

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    commandline.main(sys.argv)
