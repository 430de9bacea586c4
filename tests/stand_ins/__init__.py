"""What tests put in the place of our own parts: scripted engines, told clocks, workers by hand."""
