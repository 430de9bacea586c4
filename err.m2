Error: m2.sip: cannot be read: No such file or directory
