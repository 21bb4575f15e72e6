"""What proves a person's password: the Configuration Server itself, an LDAP directory, or RADIUS. One file each, behind one contract."""
