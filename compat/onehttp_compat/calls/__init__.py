"""Legacy calls as values, for warnings and observers, and how the calling line is found."""
