"""Running a legacy Python script outside its server: messages, a stand-in ``KSR``, the report."""
