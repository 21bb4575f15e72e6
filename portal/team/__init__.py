"""The pages under /team/: the members of a company, and the links by which people join it."""
