"""What tests of bodies that pass piece by piece stand on."""
