"""What tests put in the place of our own parts: scripted engines, workers by hand, noted ends."""
