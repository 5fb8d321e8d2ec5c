"""The project: one code for eight services; the environment says which."""
