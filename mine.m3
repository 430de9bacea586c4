Error: m3.sip: cannot be read: No such file or directory
