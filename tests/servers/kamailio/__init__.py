"""A real Kamailio on loopback: started, called, asked, and with Python inside."""
