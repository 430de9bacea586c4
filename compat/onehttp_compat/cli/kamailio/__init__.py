"""``onehttp kamailio``: writes the files of a new server, and checks the configuration of one."""
