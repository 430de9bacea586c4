"""What somebody is told who asks for a thing by the name that it has in another library."""
